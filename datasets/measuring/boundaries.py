"""What gVisor's platforms that work here add to a system call that touches nothing."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np

from datasets.measuring.deltas import PLATFORMS, Delta, Step
from datasets.measuring.interrupts import held
from datasets.measuring.program import build
from datasets.measuring.runtimes.oci import Runsc
from datasets.measuring.runtimes.plain import Native
from datasets.measuring.runtimes.runtime import Place
from datasets.measuring.session import Broken

_ASKED = "getppid"


def boundaries(
    folder: Path, stem: str, repetitions: int, budget_ms: float, step: Step
) -> tuple[dict[str, Delta], dict[str, str]]:
    """The differences from native by name, and why each other platform has none. An instance of
    each stands beside a native one, and both are asked in turn."""
    found: dict[str, Delta] = {}
    left_out: dict[str, str] = {}
    place = Place(folder, stem, build(folder))
    for name, platform in PLATFORMS.items():
        runtime = Runsc(platform)
        probe = runtime.probe(place)
        step(name)
        if not probe.works:
            left_out[name] = probe.why_not
            continue
        try:
            found[name] = _difference(name, runtime, place, repetitions, budget_ms)
        except Broken as why:
            left_out[name] = str(why)
        finally:
            with held(), contextlib.suppress(Broken):
                runtime.clean(place)
    return found, left_out


def _difference(
    name: str, runtime: Runsc, place: Place, repetitions: int, budget_ms: float
) -> Delta:
    native = Native()
    figures = np.full((2, repetitions), np.nan)
    for one in (native, runtime):
        one.prepare(place)
    with native.start(place) as bare, runtime.start(place) as inside:
        for turn in range(repetitions):
            for side, session in enumerate((bare, inside)):
                answer = session.ask(_ASKED, budget_ms)
                if answer.cannot:
                    raise Broken(answer.cannot)
                figures[side, turn] = answer.ns
    return Delta(name, *figures)
