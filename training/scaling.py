"""Fits the constants of throughput over threads to measured curves, and tests them by family.

    python -m training.scaling thread_scaling.csv

writes features/data/scaling.toml and prints the leave-one-family-out errors.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import least_squares

from features import scaling
from features.scaling import DEFAULT, LINEAGES, QUANTITIES, capacity, family_of, throughput_at

Array = NDArray[np.float64]
Groups = Mapping[str, Mapping[str, Sequence[float]]]

SOURCE = "Spare Cores sc-inspector-data, CC BY-SA 4.0"
TARGET = Path(scaling.__file__).parent / "data" / "scaling.toml"
RANGE = (0.1, 0.9)
# Less than that shows in no throughput.
DECIMALS = {"smt_gain": 4, "sigma": 6, "kappa": 8}
# A group with fewer machines has no constant of its own; a curve with fewer points up to the
# physical cores says nothing of contention.
FEWEST_MACHINES = 5
FEWEST_POINTS = 4
# A law is fitted to the points up to this share of the vCPUs and tested on the rest.
SEEN = 0.25


@dataclass(frozen=True)
class Curve:
    """One machine: throughput at each number of threads, both (m,), threads ascending."""

    family: str
    vcpus: int
    threads_per_core: int
    threads: Array
    throughput: Array

    @property
    def lineage(self) -> str:
        return LINEAGES.get(self.family, DEFAULT)

    @property
    def physical(self) -> float:
        return float(np.ceil(self.vcpus / self.threads_per_core))

    @property
    def seen(self) -> NDArray[np.bool_]:
        return self.threads <= self.vcpus * SEEN


def read_curves(path: Path) -> list[Curve]:
    """The curves of a table with a row for each machine and number of threads."""
    rows = pd.read_csv(path).sort_values(["provider", "instance_type", "threads"])
    curves = []
    for _, machine in rows.groupby(["provider", "instance_type"], sort=False):
        head = machine.iloc[0]
        curves.append(
            Curve(
                family_of(head.cpu_model, head.hypervisor),
                int(head.vcpus),
                int(head.threads_per_core),
                machine.threads.to_numpy(dtype=float),
                machine.bogo_ops_per_s.to_numpy(dtype=float),
            )
        )
    return curves


def fit_curve(curve: Curve) -> dict[str, float]:
    """The constants that one machine's whole curve determines, by least squares of its logarithm.

    smt_gain where cores run two threads, sigma and kappa where enough points lie below the cores.
    """
    below = int((curve.threads <= curve.physical).sum())
    doubled = bool((curve.threads > curve.physical).any())
    laws = below >= FEWEST_POINTS
    if not (laws or doubled):
        return {}
    free = np.array([doubled, laws, laws])
    fitted = _fit(curve.threads, curve.throughput, curve.physical, free)[1]
    return {q: float(v) for q, v, is_free in zip(QUANTITIES, fitted, free, strict=True) if is_free}


def _fit(threads: Array, throughput: Array, physical: float, free: Array) -> tuple[float, Array]:
    """Rate of one thread and the constants, those that are not free held at zero."""
    scale, high = np.array([0.1, 1e-3, 1e-5])[free], np.array([1.0, 0.5, 0.1])[free]

    def law(x: Array) -> Array:
        constants = np.zeros(3)
        constants[free] = x * scale
        return capacity(threads, physical, *constants)

    start = np.log(throughput[0] / threads[0])
    found = least_squares(
        lambda x: x[0] + np.log(law(x[1:])) - np.log(throughput),
        [start, *np.full(free.sum(), 0.5)],
        bounds=([-np.inf, *np.zeros(free.sum())], [np.inf, *(high / scale)]),
    )
    constants = np.zeros(3)
    constants[free] = found.x[1:] * scale
    return float(np.exp(found.x[0])), constants


def gather(curves: Iterable[Curve], fits: Iterable[Mapping[str, float]]) -> Groups:
    """The machines' constants by family, by lineage and of all."""
    groups: dict[str, dict[str, list[float]]] = {}
    for curve, fit in zip(curves, fits, strict=True):
        for name in {curve.family, curve.lineage, DEFAULT}:
            for quantity, value in fit.items():
                groups.setdefault(name, {}).setdefault(quantity, []).append(value)
    return groups


def typical(groups: Groups, names: Sequence[str]) -> list[float]:
    """The median of each quantity over the first of the named groups that has enough machines."""
    found = []
    for quantity in QUANTITIES:
        having = (groups.get(name, {}).get(quantity, ()) for name in names)
        found.append(float(np.median(next((v for v in having if len(v) >= FEWEST_MACHINES), 0.0))))
    return found


def render(groups: Groups) -> str:
    """The data file: [median, low, high, machines] of each quantity of each group."""
    lines = [
        "# Constants of throughput over threads, by processor family, by its lineage and of all:",
        "# [median, 10 % and 90 % quantile over machines, number of machines]; smt_gain is of a",
        "# core, for each second thread; sigma and kappa are those of the universal scalability",
        "# law. All of one kernel, integer division: another code's second threads gain otherwise.",
        "# A table of figures from the source, under its licence. Written by training.scaling.",
        f'source = "{SOURCE}"',
    ]
    for name in (*dict.fromkeys(LINEAGES), *dict.fromkeys(LINEAGES.values()), DEFAULT):
        enough = {q: v for q, v in groups.get(name, {}).items() if len(v) >= FEWEST_MACHINES}
        if enough:
            lines += ["", f"[{name}]"]
        for quantity in QUANTITIES:
            if quantity in enough:
                values = enough[quantity]
                low, high = np.quantile(values, RANGE)
                three = [float(v.round(DECIMALS[quantity])) for v in (np.median(values), low, high)]
                lines.append(f"{quantity} = {[*three, len(values)]}")
    return "\n".join(lines) + "\n"


def errors(curve: Curve, constants: Sequence[float]) -> Array:
    """Relative errors of the points not seen, predicted from those seen with given constants."""
    seen = curve.seen
    predicted = throughput_at(
        curve.threads[None, ~seen],
        curve.threads[None, seen],
        curve.throughput[None, seen],
        np.array([curve.physical]),
        *(np.array([c]) for c in constants),
    )
    return np.abs(predicted[0] / curve.throughput[~seen] - 1.0)


def plain_errors(curve: Curve, *, coherency: bool) -> Array:
    """The same of the plain law, fitted to the machine's own points: Amdahl's, or the universal."""
    seen = curve.seen
    threads, throughput = curve.threads[seen], curve.throughput[seen]
    free = np.array([False, len(threads) > 1, coherency and len(threads) > 2])
    rate, constants = _fit(threads, throughput, np.inf, free)
    predicted = rate * capacity(curve.threads[~seen], np.inf, *constants)
    return np.abs(predicted / curve.throughput[~seen] - 1.0)


def leave_one_family_out(
    curves: Sequence[Curve], fits: Sequence[Mapping[str, float]]
) -> dict[str, list[Array]]:
    """Errors of each law on every machine, its family's measurements unknown to the constants."""
    tested = [c for c in curves if c.seen.any() and not c.seen.all()]
    known = {}
    for family in {c.family for c in tested}:
        others = [i for i, c in enumerate(curves) if c.family != family]
        known[family] = gather([curves[i] for i in others], [fits[i] for i in others])
    laws: dict[str, Callable[[Curve], Array]] = {
        "proportional": lambda c: errors(c, (1.0, 0.0, 0.0)),
        "Amdahl": lambda c: plain_errors(c, coherency=False),
        "universal": lambda c: plain_errors(c, coherency=True),
        "SMT-aware, one prior": lambda c: errors(c, typical(known[c.family], [DEFAULT])),
        "SMT-aware, prior by lineage": lambda c: errors(
            c, typical(known[c.family], [c.lineage, DEFAULT])
        ),
    }
    return {name: [law(c) for c in tested] for name, law in laws.items()}


def report(found: Mapping[str, Sequence[Array]]) -> str:
    """A line for each law: mean and median over points, and over machines."""
    head = f"{'mean absolute relative error, %':32}{'points':>16}{'machines':>18}"
    lines = [head, f"{'':32}{'mean':>8}{'median':>8}{'mean':>10}{'median':>8}"]
    for name, by_machine in found.items():
        points, machines = np.concatenate(by_machine), [e.mean() for e in by_machine]
        lines.append(
            f"{name:32}{100 * points.mean():8.2f}{100 * np.median(points):8.2f}"
            f"{100 * np.mean(machines):10.2f}{100 * np.median(machines):8.2f}"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit, write, test, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="table of throughput by machine and threads")
    parser.add_argument("--output", type=Path, default=TARGET)
    options = parser.parse_args(arguments)
    curves = read_curves(options.file)
    fits = [fit_curve(curve) for curve in curves]
    options.output.write_text(render(gather(curves, fits)), encoding="utf-8")
    found = leave_one_family_out(curves, fits)
    print(report(found))
    print(
        f"{len(found['Amdahl'])} of {len(curves)} machines have a point at a quarter of their vCPUs"
    )


if __name__ == "__main__":
    main()
