"""A host profile: constants of the prior as they were measured on one host, kept as a JSON file.

`nearmetal measure --calibrate` writes it, and an answer for that host takes its constants in place
of the prior's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from features.constants import Constant, ConstantSets, Entry, constants, quantities, replaced
from features.errors import InvalidInput, Problem, unknown_name
from features.files import json_in, refused, shown
from features.integration import expected_priors
from features.scenario import Scenario
from features.table import scenario_table

FORMAT = 1
_OPTION = "host_profile"
# The constants that can be a host's own: each means the difference that the calibration measures.
REPLACEABLE: tuple[Entry, ...] = (
    ("seccomp_ns", "cached"),
    ("seccomp_ns", "short"),
    ("seccomp_ns", "long"),
    ("file_call_ns", "overlayfs"),
    ("open_call_us", "overlayfs"),
    ("network_latency_us", "veth"),
    ("packet_us", "veth"),
    ("switch_us", "container"),
    ("fault_us", "container"),
    *(("call_ns", platform) for platform in ("ptrace", "systrap", "kvm")),
    ("clock_ghz", "value"),
    *(("exit_cycles", runtime) for runtime in ("vm", "microvm", "kata")),
    *(("entry_cycles", runtime) for runtime in ("vm", "microvm", "kata")),
)
# What no host's can be below and above, by unit: a tenth of a second for a call, a broken clock.
_POSSIBLE = {"ns": (0.0, 1e8), "us": (0.0, 1e5), "cycles": (0.0, 1e8), "GHz": (0.05, 20.0)}
_MOST_TOLD = 20
# A log retained that a constant moves by less does not depend on it.
_BEARS = 1e-9


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


class Machine(_Record):
    """The machine that was measured, as its kernel tells it."""

    cpu: str
    cores: int = Field(ge=1)
    memory_gb: float | None
    virtualised: bool
    kernel: str


class Own(_Record):
    """One constant as this host has it: the median of `repeats`, the range that holds four fifths
    of them, and their spread (1.48 median absolute deviations). measured: the difference it is."""

    quantity: str
    key: str
    value: float
    low: float
    high: float
    spread: float = Field(ge=0.0)
    repeats: int = Field(ge=1)
    unit: str
    measured: str

    @property
    def entry(self) -> Entry:
        """Which constant of the prior it replaces."""
        return self.quantity, self.key

    @property
    def published(self) -> Constant:
        """The prior's own."""
        return quantities()[self.quantity].entries[self.key]

    @property
    def outside(self) -> bool:
        """Whether it lies outside the published range."""
        return not self.published.low <= self.value <= self.published.high

    def said(self) -> str:
        """The constant in words, with the published range where it lies outside of that."""
        known = self.published
        words = f"{self.quantity}.{self.key} {self.value:.3g} {self.unit}"
        if self.outside:
            words += f" (outside the published {known.low:g} to {known.high:g}; here "
            words += f"{self.low:.3g} to {self.high:.3g})"
        return words


class HostProfile(_Record):
    """What was measured on a host, and the constants that follow. settings, conditions: those of
    the machine and of each repetition; measured: every difference, also those that replace none;
    left_out: what could not be measured, and why."""

    format: Literal[1]
    machine: Machine
    settings: dict[str, Any]
    conditions: list[dict[str, Any]]
    constants: list[Own]
    measured: list[dict[str, Any]]
    left_out: list[dict[str, str]]

    @cached_property
    def own(self) -> Mapping[Entry, Constant]:
        """The constants that take the place of the prior's."""
        source = f"measured on {self.machine.cpu}"
        made = {c.entry: Constant(c.value, c.low, c.high, source) for c in self.constants}
        return MappingProxyType(made)

    def bearing(self, scenarios: Sequence[Scenario]) -> list[list[Own]]:
        """The constants that each scenario's prior depends on."""
        whole = replaced(constants(), self.own)
        sets = [whole]
        for constant in self.constants:
            quantity, key = constant.entry
            # A tenth more of it, or one unit of what is 0 here.
            moved = constant.value * 1.1 or 1.0
            other = Constant(moved, moved, moved, "")
            sets.append(replaced(whole, {(quantity, key): other}))
        logs = expected_priors(scenario_table(scenarios), ConstantSets(sets)).log_retained
        bears = np.abs(logs[1:] - logs[0]) > _BEARS
        return [
            [constant for constant, told in zip(self.constants, column, strict=True) if told]
            for column in bears.T
        ]

    def said(self, own: Sequence[Own]) -> str:
        """What constants that bear on a scenario are, in words."""
        if not own:
            return "none of this host's constants bears on it"
        return f"this host's own {', '.join(one.said() for one in own)}"


def read_host_profile(path: Path) -> HostProfile:
    """The host profile in a file. Raises InvalidInput naming what is wrong."""
    document = json_in(path, _OPTION, "host profile", "nearmetal measure --calibrate --output")
    if not isinstance(document, dict) or "constants" not in document:
        raise refused(path, _OPTION, "is no host profile; nearmetal measure --calibrate writes one")
    if document.get("format") != FORMAT:
        said = f"is of another format than {FORMAT}; calibrate this host anew"
        raise refused(path, _OPTION, said)
    try:
        profile = HostProfile.model_validate(document)
    except ValidationError as error:
        raise InvalidInput(_problems(error)[:_MOST_TOLD], shown(path)) from None
    wrong = [p for i, one in enumerate(profile.constants) for p in _wrong(f"constants[{i}]", one)]
    names = [one.entry for one in profile.constants]
    twice = dict.fromkeys(".".join(name) for name in names if names.count(name) > 1)
    wrong += [Problem("constants", f"{name} is there twice") for name in twice]
    if not profile.constants:
        wrong.append(Problem("constants", "is empty: nothing could be measured there"))
    if wrong:
        raise InvalidInput(wrong[:_MOST_TOLD], shown(path))
    return profile


def _wrong(where: str, one: Own) -> list[Problem]:
    """What cannot be of a constant whose fields are there."""
    if one.entry not in REPLACEABLE:
        known = [".".join(entry) for entry in REPLACEABLE]
        return [unknown_name(where, ".".join(one.entry), known, "constant of a host")]
    unit = quantities()[one.quantity].unit
    if one.unit != unit:
        return [Problem(f"{where}.unit", f"must be {unit}, not {one.unit[:40]!r}")]
    least, most = _POSSIBLE[unit]
    problems = [
        Problem(f"{where}.{name}", f"must be {least:g} to {most:g} {unit}, not {number:g}")
        for name, number in (("value", one.value), ("low", one.low), ("high", one.high))
        if not least <= number <= most
    ]
    if not problems and not one.low <= one.value <= one.high:
        said = f"{one.value:g} is not within low to high, {one.low:g} to {one.high:g}"
        problems.append(Problem(f"{where}.value", said))
    return problems


def _problems(error: ValidationError) -> list[Problem]:
    found = []
    for one in error.errors(include_url=False, include_context=False, include_input=False):
        where = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in one["loc"])
        said = one["msg"][:1].lower() + one["msg"][1:]
        if one["type"] == "extra_forbidden":
            said = "is no field of a host profile"
        found.append(Problem(where.lstrip(".")[:80], said))
    return found
