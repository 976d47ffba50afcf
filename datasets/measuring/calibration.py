"""`nearmetal measure --calibrate`: the prior's constants on this very host, as a host profile."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from datasets.measuring.boundaries import boundaries
from datasets.measuring.conditions import machine, settings
from datasets.measuring.deltas import ASKED, PLATFORMS, TITLES, Delta, Step, take
from datasets.measuring.folder import check_writable, own_folder
from datasets.measuring.groups import own_groups
from datasets.measuring.ownconstants import own_constants, summary
from datasets.measuring.plan import check_repetitions
from datasets.measuring.program import build_calibrator
from datasets.measuring.session import Broken
from features.errors import InvalidInput, Problem
from features.files import write_whole
from features.hostprofile import HostProfile, Machine

# Repetitions, and the time for each difference in one [ms].
_QUICK = (7, 20.0)
_FULL = (21, 40.0)
_STEM = "nearmetal-measure"
# Wide enough that no cell is folded, whatever the terminal.
_WIDTH = 104
# What is measured in a group of each controller.
_IN_GROUP = {"cpu": "group-switch", "memory": "group-fault"}

Progress = Callable[[str, int], contextlib.AbstractContextManager[Step]]


def calibrate(
    *,
    quick: bool = False,
    repetitions: int | None = None,
    output: Path | None = None,
    say: Callable[[str], None],
    progress: Progress,
) -> HostProfile:
    """Measure this host's constants and, with `output`, write its profile.

    Raises InvalidInput when nothing can be measured or the output cannot be written. An interrupt
    ends the program, with which its mounts, devices and namespaces go, and is raised again.
    """
    check_writable(output)
    count, budget_ms = _QUICK if quick else _FULL
    count = count if repetitions is None else check_repetitions(repetitions)
    with own_folder(_STEM) as folder:
        say(f"makes the folder {folder} and removes it")
        say("mounts an overlay there and makes virtual devices, in namespaces that end with it")
        binary, compiler = build_calibrator(folder)
        name = f"{_STEM}-{os.getpid()}-calibrate"
        say(f"makes control groups and sandboxes of that name and removes them ({name})")
        try:
            steps = count * len(ASKED) + len(PLATFORMS)
            with own_groups(name) as groups, progress("calibrating", steps) as step:
                command = [str(binary), str(folder), *(str(g.procs) for g in groups.values())]
                not_here = {_IN_GROUP[k]: g.why_not for k, g in groups.items() if g.why_not}
                taken = take(command, folder, not_here, count, budget_ms, step)
                more, none = boundaries(folder, name, count, budget_ms, step)
        except Broken as why:
            raise InvalidInput([Problem("calibrate", str(why))]) from None
        finally:
            # The kernel gives an overlay's work folder no permissions; root needs none.
            with contextlib.suppress(OSError):
                (folder / "work/work").chmod(0o700)
    here = machine()
    deltas, left_out = {**taken.deltas, **more}, {**taken.left_out, **none}
    constants, notes = own_constants(deltas)
    replaced: dict[str, list[str]] = {name: [] for name in deltas}
    for one in constants:
        replaced[one.measured].append(f"{one.quantity}.{one.key}")
    if "overlay-write" in replaced:
        replaced["overlay-write"] = replaced.get("overlay-read", [])
    profile = HostProfile(
        format=1,
        machine=Machine(**asdict(here)),
        settings={**settings(), "compiler": compiler},
        conditions=taken.conditions,
        constants=constants,
        measured=[
            _measured(delta, replaced[name], notes.get(name, "")) for name, delta in deltas.items()
        ],
        left_out=[{"name": name, "why": why} for name, why in left_out.items()],
    )
    if not constants:
        said = "; ".join(f"{name}: {why}" for name, why in left_out.items())
        raise InvalidInput([Problem("calibrate", f"nothing could be measured: {said}")])
    if output:
        document = json.dumps(profile.model_dump(), indent=1) + "\n"
        write_whole(output, lambda file: file.write(document))
    return profile


def _measured(delta: Delta, replaces: list[str], note: str) -> dict[str, Any]:
    middle, low, high, spread, count = summary(delta.difference)
    alone = not np.nanmax(delta.base)
    return {
        "name": delta.name,
        "title": TITLES[delta.name],
        "base_ns": None if alone else summary(delta.base)[0],
        "full_ns": summary(delta.full)[0],
        "difference_ns": middle,
        "low_ns": low,
        "high_ns": high,
        "spread_ns": spread,
        "repeats": count,
        "difference_seen": low > 0.0 or high < 0.0,
        "replaces": replaces,
        "note": note,
    }


def _shown(number: float) -> str:
    """Three figures, or all before the point."""
    return f"{number:.3g}" if abs(number) < 1000.0 else f"{number:,.0f}"


def print_profile(profile: HostProfile) -> None:
    """A profile for a person: the constants beside the published ones, and what else there is."""
    console = Console(width=_WIDTH)
    here = profile.machine
    kind = "a guest itself" if here.virtualised else "no guest"
    console.print(Text(f"{here.cpu}, {here.cores} cores, {kind}, {here.kernel}"))
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for title in ("constant", "here", "range", "published"):
        table.add_column(title, no_wrap=True, overflow="fold")
    for one in profile.constants:
        known = one.published
        table.add_row(
            f"{one.quantity}.{one.key}",
            f"{_shown(one.value)} {one.unit}" + (" !" if one.outside else ""),
            f"{_shown(one.low)} to {_shown(one.high)}",
            f"{known.value:g} ({known.low:g} to {known.high:g})",
        )
    console.print(table)
    said = f"{len(profile.conditions)} repetitions; the range holds four fifths of them. "
    console.print(Text(said + "! outside the published range."))
    for difference in profile.measured:
        if difference["note"]:
            seen = "" if difference["difference_seen"] else ", no difference seen"
            figure = f"{difference['name']} {_shown(difference['difference_ns'])} ns{seen}"
            console.print(Text(f"{figure}: {difference['note']}"))
    for left in profile.left_out:
        console.print(Text(f"{left['name']} left out: {left['why']}"))
