"""The words of a scenario as GET /vocabulary answers them: what a client can offer to choose."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from features.formulas import formulas
from features.scenario import HOST_RANGES
from features.vocabulary import vocabulary
from models.prediction import DEFAULT_LEVEL, LEVEL_RANGE
from serving.fields import HOST_UNITS, ScenarioFields
from serving.observations import MAX_OBSERVATIONS
from serving.profile import FORMAT


class RuntimeWords(BaseModel):
    """A runtime: the mechanisms that it has unless told otherwise, and all that it can have."""

    name: str
    title: str
    parent: str = Field(description="the runtime whose behaviour it shares most; empty for none")
    preset: dict[str, str]
    allowed: dict[str, list[str]]


class WorkloadWords(BaseModel):
    """A named workload, and how its demands were come by."""

    name: str
    family: str
    title: str
    kind: str
    source: str
    programs: list[str]


class HostField(BaseModel):
    """A field of the host and the range it must lie in; unknown when it is left out."""

    name: str
    meaning: str
    unit: str
    low: float
    high: float


class OptionWords(BaseModel):
    """One value of a mechanism."""

    value: str
    means: str
    needs: str | None


class MechanismWords(BaseModel):
    """A mechanism and its values, what holds without telling first."""

    key: str
    meaning: str
    values: list[OptionWords]


class DemandWords(BaseModel):
    """A demand of a profile and the range it must lie in."""

    name: str
    low: float
    high: float


class PairWords(BaseModel):
    """Values of two mechanisms that cannot be in force together, and why."""

    key: str
    values: list[str]
    other: str
    excluded: list[str]
    reason: str


class FormulaWords(BaseModel):
    """A formula or a table that a part of a prediction names."""

    name: str
    says: str
    form: str = Field(description="as it is computed; empty for a table")
    section: str = Field(description="of the reference")


class LevelWords(BaseModel):
    """The probability that an interval may promise: above `above`, at most `most`."""

    default: float
    above: float
    most: float


class Vocabulary(BaseModel):
    """All that a scenario may say."""

    runtimes: list[RuntimeWords]
    workloads: list[WorkloadWords]
    host: list[HostField]
    mechanisms: list[MechanismWords]
    demands: list[DemandWords]
    pairs: list[PairWords]
    formulas: list[FormulaWords]
    level: LevelWords
    max_observations: int
    profile_format: int = Field(description="of the files of nearmetal profile that are taken")


def vocabulary_document() -> dict[str, Any]:
    """The vocabulary, as GET /vocabulary answers it."""
    words = vocabulary()
    above, most = LEVEL_RANGE
    return Vocabulary(
        runtimes=[
            RuntimeWords(
                name=r.name,
                title=r.title,
                parent=r.parent,
                preset=dict(r.preset),
                allowed={key: list(values) for key, values in r.allowed.items()},
            )
            for r in words.runtimes.values()
        ],
        workloads=[
            WorkloadWords(
                name=w.name,
                family=w.family,
                title=w.title,
                kind=w.kind,
                source=w.source,
                programs=list(w.programs),
            )
            for w in words.workloads.values()
        ],
        host=[
            HostField(
                name=name,
                meaning=ScenarioFields.model_fields[name].description or "",
                unit=HOST_UNITS[name],
                low=low,
                high=high,
            )
            for name, (low, high) in HOST_RANGES.items()
        ],
        mechanisms=[
            MechanismWords(
                key=m.key,
                meaning=m.meaning,
                values=[
                    OptionWords(value=o.name, means=o.means, needs=o.needs or None)
                    for o in m.options.values()
                ],
            )
            for m in words.mechanisms.values()
        ],
        demands=[
            DemandWords(name=name, low=f.low, high=f.high)
            for name, f in words.demand_fields.items()
        ],
        pairs=[
            PairWords(
                key=p.key,
                values=list(p.values),
                other=p.other,
                excluded=list(p.excluded),
                reason=p.reason,
            )
            for p in words.pairs
        ],
        formulas=[
            FormulaWords(name=f.name, says=f.says, form=f.form, section=f.section)
            for f in formulas().values()
        ],
        level=LevelWords(default=DEFAULT_LEVEL, above=above, most=most),
        max_observations=MAX_OBSERVATIONS,
        profile_format=FORMAT,
    ).model_dump()
