"""The fields of a scenario in a JSON body, shared by all that carry one."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from features.scenario import HOST_RANGES

# More than there are words; each unknown one is answered with a line.
MAX_ENTRIES = 100

# What a figure of the host is followed by.
HOST_UNITS = {
    "cores": "cores",
    "memory_gb": "GB",
    "network_gbps": "Gbit/s",
    "storage_iops": "IOPS",
}

# Far above any word; a longer text is not looked at.
MAX_TEXT = 200

Finite = Annotated[float, Field(allow_inf_nan=False)]
Text = Annotated[str, Field(max_length=MAX_TEXT)]


def host_field(name: str, meaning: str) -> Any:
    """A field of the host with its range, unknown when absent."""
    low, high = HOST_RANGES[name]
    extra: JsonDict = {"minimum": low, "maximum": high}
    return Field(
        default=None, description=f"{meaning}; unknown when absent", json_schema_extra=extra
    )


class ScenarioFields(BaseModel):
    """A scenario without its runtime."""

    model_config = ConfigDict(extra="forbid", strict=True)

    workload: Text | None = Field(
        default=None,
        description="a named workload; demands may stand in its place",
        json_schema_extra={"examples": ["web"]},
    )
    cores: Finite | None = host_field("cores", "processors of the host")
    memory_gb: Finite | None = host_field("memory_gb", "memory of the host [GB]")
    network_gbps: Finite | None = host_field("network_gbps", "link of the host [Gbit/s]")
    storage_iops: Finite | None = host_field("storage_iops", "operations per second of its storage")
    mechanisms: dict[Text, Text] = Field(
        default_factory=dict,
        max_length=MAX_ENTRIES,
        description="options in place of the runtime's own mechanisms",
    )
    demands: dict[Text, Finite] = Field(
        default_factory=dict,
        max_length=MAX_ENTRIES,
        description="what the workload asks for, where it differs",
    )
