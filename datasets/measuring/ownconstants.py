"""Which constants of the prior a measured difference is, and which differences are none.

A constant is a host's own where the constants file means the very difference that was measured.
What a program pays natively, too, is no constant: the prior adds up what isolation costs more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from datasets.measuring.deltas import PLATFORMS, Delta
from features.constants import Entry, quantities
from features.hostprofile import Own

Array = NDArray[np.float64]

_FIGURES = 4
# The range holds four fifths of the repetitions.
_RANGE = (0.1, 0.5, 0.9)
# Median absolute deviations that are a standard deviation of a normal law.
_DEVIATIONS = 1.4826
# A filter that is run at each call takes about as long as one of as many rules on arguments.
_REMEMBERED = 0.5

NONE_OF_THEM: Mapping[str, str] = {
    "call": "part of what the program does natively (op_us), no constant",
    "switch": "part of what the program does natively; group-switch is what a container adds",
    "page-fault": "part of what the program does natively; group-fault is what a container adds",
    "page-walk": "the prior takes ratios of walks, and the native share of time in walks is a "
    "demand (walk_share)",
}


def summary(values: Array) -> tuple[float, float, float, float, int]:
    """Median, both ends of the range, spread and count of what is known of values (n,)."""
    known = values[np.isfinite(values)]
    low, middle, high = np.quantile(known, _RANGE)
    spread = _DEVIATIONS * np.median(np.abs(known - middle))
    return rounded(middle), rounded(low), rounded(high), rounded(spread), len(known)


def rounded(number: float) -> float:
    """A figure as it is written."""
    return float(f"{number:.{_FIGURES}g}")


def own_constants(deltas: Mapping[str, Delta]) -> tuple[list[Own], dict[str, str]]:
    """The constants that the differences are, and by difference why it is none or how it is one.

    Raises KeyError for a difference that has no rule.
    """
    made: list[Own] = []
    notes: dict[str, str] = {}
    for name in deltas:
        if name in NONE_OF_THEM:
            notes[name] = NONE_OF_THEM[name]
            continue
        for entry, values in _RULES[name](deltas):
            if isinstance(values, str):
                notes[name] = values
            else:
                made.append(_own(entry, values, name))
    return made, notes


def _own(entry: Entry, values: Array, name: str) -> Own:
    # What is dearer without than with is noise about nothing.
    middle, low, high, spread, count = summary(np.maximum(values, 0.0))
    return Own(
        quantity=entry[0],
        key=entry[1],
        value=middle,
        low=low,
        high=high,
        spread=spread,
        repeats=count,
        unit=quantities()[entry[0]].unit,
        measured=name,
    )


Rules = Iterator[tuple[Entry, Array | str]]


def _filter(key: str):
    def rule(deltas: Mapping[str, Delta]) -> Rules:
        entry = ("seccomp_ns", key)
        values = deltas[f"seccomp-{key}"].difference
        if key == "cached":
            each = deltas.get("seccomp-long")
            if each is None:
                yield entry, "nothing to tell by whether the kernel remembers what passes"
                return
            if np.nanmedian(values) > _REMEMBERED * np.nanmedian(each.difference):
                yield entry, "this kernel runs the filter at each call"
                return
        yield entry, values

    return rule


def _open(deltas: Mapping[str, Delta]) -> Rules:
    yield ("open_call_us", "overlayfs"), deltas["overlay-open"].difference * 1e-3


def _read(deltas: Mapping[str, Delta]) -> Rules:
    """Reference 2.1's row is of reads and writes alike."""
    entry = ("file_call_ns", "overlayfs")
    if "overlay-write" not in deltas:
        yield entry, "file_call_ns is of reads and writes, and writes could not be measured"
        return
    both = np.stack([deltas[f"overlay-{way}"].difference for way in ("read", "write")])
    yield entry, both.mean(axis=0)


def _write(deltas: Mapping[str, Delta]) -> Rules:
    if "overlay-read" not in deltas:
        said = "file_call_ns is of reads and writes, and reads could not be measured"
        yield ("file_call_ns", "overlayfs"), said


def _switch(deltas: Mapping[str, Delta]) -> Rules:
    yield ("switch_us", "container"), deltas["group-switch"].difference * 1e-3


def _fault(deltas: Mapping[str, Delta]) -> Rules:
    """The prior adds the control group's charge of its own to each fault."""
    charge_ns = _published("cgroup_ns", "container")
    yield ("fault_us", "container"), (deltas["group-fault"].difference - charge_ns) * 1e-3


def _veth(deltas: Mapping[str, Delta]) -> Rules:
    """L_virt of F12, reference 4.2.2; each of the two packets is half of it."""
    there_and_back_us = deltas["veth"].difference * 1e-3
    yield ("network_latency_us", "veth"), there_and_back_us
    yield ("packet_us", "veth"), there_and_back_us / 2.0


def _clock(deltas: Mapping[str, Delta]) -> Rules:
    yield ("clock_ghz", "value"), 1.0 / deltas["clock"].difference


def _cpuid(deltas: Mapping[str, Delta]) -> Rules:
    """T_trap + T_emulation of F3 in cycles of the measured clock; emulation is left as it is, and
    of exit and entry the prior takes the sum alone. All three run on KVM."""
    entry = ("exit_cycles", "vm")
    if "clock" not in deltas:
        yield entry, "the clock could not be measured"
        return
    cycles = deltas["cpuid"].difference / deltas["clock"].difference
    emulation = _published("emulation_cycles", "vm")
    most = _published("nested_exit_scale", "yes") * (
        emulation + sum(_published(name, "vm") for name in ("exit_cycles", "entry_cycles"))
    )
    middle = float(np.nanmedian(cycles))
    if not emulation < middle <= most:
        said = f"{middle:.3g} cycles are not those of one exit"
        nested = "; this guest may be nested or its processor emulated" if middle > most else ""
        yield entry, said + nested
        return
    for runtime in ("vm", "microvm", "kata"):
        leaving = [_published(name, runtime) for name in ("exit_cycles", "entry_cycles")]
        for name, part in zip(("exit_cycles", "entry_cycles"), leaving, strict=True):
            yield (name, runtime), (cycles - emulation) * part / sum(leaving)


def _boundary(name: str, platform: str):
    def rule(deltas: Mapping[str, Delta]) -> Rules:
        """F4's crossing is what a call costs more that does nothing else (reference 2.1)."""
        yield ("call_ns", platform), deltas[name].difference

    return rule


def _published(quantity: str, key: str) -> float:
    return quantities()[quantity].entries[key].value


_RULES = {
    "seccomp-cached": _filter("cached"),
    "seccomp-short": _filter("short"),
    "seccomp-long": _filter("long"),
    "overlay-open": _open,
    "overlay-read": _read,
    "overlay-write": _write,
    "group-switch": _switch,
    "group-fault": _fault,
    "veth": _veth,
    "clock": _clock,
    "cpuid": _cpuid,
    **{name: _boundary(name, platform) for name, platform in PLATFORMS.items()},
}
