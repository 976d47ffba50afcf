"""Predictions in process beside a Gaussian process of scikit-learn on as many rows.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.inprocess [--rounds 7] [--json]

Needs a champion (`nearmetal train`). Processor time of one core is taken, so that other work on
the machine counts little, in interleaved rounds whose medians are shown:

- one: one scenario after another, none alike. Hosts, runtimes, workloads and options differ; of a
  third of them some host fields are unknown. Those `met` share runtime, workload and options with
  one that was asked before, as when hosts are swept; those `new` share them with none.
- own: one scenario with 10 observations, which differ each time.
- list: 10,000 scenarios in one call, each with its interval, parts, resources, evidence, novelty
  and instance; `documents` are these and the records of the JSON document, and `text` is what
  the standard library's json alone makes of those. Each with the interpreter's garbage collection,
  which looks through all that is held of a list, and `uncollected` without it.
- scikit-learn: GaussianProcessRegressor.predict(return_std=True), one kernel (RBF + white noise)
  on the rows' own encoding: mean and standard deviation, nothing else.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from time import process_time
from typing import Any

import numpy as np
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel

from features.encoder import encode
from features.errors import InvalidInput
from features.scenario import HOST_FIELDS, Scenario
from features.table import UNKNOWN_RANGES
from features.vocabulary import vocabulary
from models.conditioning import Observation
from models.predictor import Predictor
from serving.store import load_champion

LIST = 10_000
ONE, OWN, OBSERVATIONS = 400, 100, 10
UNKNOWN_SHARE, MOST_OPTIONS = 1 / 3, 3


def drawn_host(rng: np.random.Generator) -> dict[str, float | None]:
    """A host, log-uniform over the ranges of what is unknown; some fields of a third unknown."""
    low, high = np.log([UNKNOWN_RANGES[name] for name in HOST_FIELDS]).T
    numbers = np.exp(rng.uniform(low, high)).tolist()
    unknown = rng.random(len(HOST_FIELDS)) < 0.5
    if rng.random() > UNKNOWN_SHARE:
        unknown[:] = False
    return {
        name: None if left_out else number
        for name, number, left_out in zip(HOST_FIELDS, numbers, unknown, strict=True)
    }


def drawn_scenario(rng: np.random.Generator) -> Scenario:
    """Any runtime and workload, with up to three options that the runtime can have together."""
    words = vocabulary()
    while True:
        runtime = words.runtimes[str(rng.choice(list(words.runtimes)))]
        free = [key for key, values in runtime.allowed.items() if len(values) > 1]
        count = min(int(rng.integers(MOST_OPTIONS + 1)), len(free))
        keys = rng.choice(free, count, replace=False).tolist() if count else []
        options = {key: str(rng.choice(runtime.allowed[key])) for key in keys}
        try:
            workload = str(rng.choice(list(words.workloads)))
            return Scenario(runtime.name, workload, **drawn_host(rng), mechanisms=options)
        except InvalidInput:
            continue


def drawn_observations(rng: np.random.Generator) -> tuple[Observation, ...]:
    """Observations of one rig."""
    return tuple(
        Observation(drawn_scenario(rng).under("vm"), float(np.exp(rng.normal(-0.2, 0.2))), 0.03, 3)
        for _ in range(OBSERVATIONS)
    )


def each(ask: Callable[[Any], object], asked: Sequence[Any]) -> list[float]:
    """Processor times [ms] of one question after another."""
    times = []
    for question in asked:
        begun = process_time()
        ask(question)
        times.append((process_time() - begun) * 1e3)
    return times


def per_second(ask: Callable[[], object], count: int) -> float:
    """How many of `count` answers one call gives in a second of processor time."""
    begun = process_time()
    ask()
    return count / (process_time() - begun)


@contextmanager
def uncollected() -> Iterator[None]:
    """Without garbage collection."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def rival(predictor: Predictor) -> GaussianProcessRegressor:
    """scikit-learn's process on the predictor's rows, its kernel's scales fixed."""
    kernel = RBF(3.0) + WhiteKernel(0.1)
    model = GaussianProcessRegressor(kernel, optimizer=None, normalize_y=True)
    return model.fit(predictor.rows.points.encoding, predictor.rows.residual)


def a_round(
    predictor: Predictor, process: GaussianProcessRegressor, rng: np.random.Generator
) -> dict[str, list[float]]:
    """Times [ms] of single questions by name, and answers a second of lists."""
    met = [drawn_scenario(rng) for _ in range(ONE // 4)]
    for scenario in met:
        for _ in range(2):
            predictor.predict([replace(scenario, **drawn_host(rng))])
    swept = [replace(met[i % len(met)], **drawn_host(rng)) for i in range(ONE)]
    new = [drawn_scenario(rng) for _ in range(ONE)]
    own = [(drawn_scenario(rng), drawn_observations(rng)) for _ in range(OWN)]
    many = [drawn_scenario(rng) for _ in range(LIST)]
    encoding, _ = encode(many)
    found: dict[str, list[float]] = {
        "one, met": each(lambda s: predictor.predict([s]), swept),
        "scikit-learn, one": each(
            lambda row: process.predict(row[None], return_std=True), encoding[:ONE]
        ),
        "one, new": each(lambda s: predictor.predict([s]), new),
        "own, 10 observations": each(lambda q: predictor.predict([q[0]], observations=q[1]), own),
        "list": [per_second(lambda: predictor.predict(many), LIST)],
        "scikit-learn, list": [
            per_second(lambda: process.predict(encoding, return_std=True), LIST)
        ],
        "list, documents": [per_second(lambda: documents(predictor, many), LIST)],
    }
    with uncollected():
        found["list, uncollected"] = [per_second(lambda: predictor.predict(many), LIST)]
        made: list[Any] = []
        speed = per_second(lambda: made.extend(documents(predictor, many)), LIST)
        found["list, documents, uncollected"] = [speed]
        found["list, text alone, uncollected"] = [per_second(lambda: json.dumps(made), LIST)]
    return found


def documents(predictor: Predictor, scenarios: Sequence[Scenario]) -> list[dict[str, Any]]:
    """The records of the JSON document."""
    return [prediction.as_dict() for prediction in predictor.predict(scenarios)]


def measured(rounds: int) -> dict[str, Any]:
    """Medians over rounds, after one that is not counted."""
    predictor = load_champion()
    process = rival(predictor)
    rng = np.random.default_rng(0)
    # What a service has loaded by then is not looked through again for garbage.
    gc.collect()
    gc.freeze()
    a_round(predictor, process, rng)
    made = [a_round(predictor, process, rng) for _ in range(rounds)]
    found: dict[str, Any] = {"rows": len(predictor.rows), "version": predictor.version}
    for name, times in made[0].items():
        if len(times) > 1:
            shares = {"p50_ms": 50, "p99_ms": 99}
            found[name] = {
                key: float(np.median([np.percentile(r[name], share) for r in made]))
                for key, share in shares.items()
            }
        else:
            found[name] = {"per_second": float(np.median([r[name][0] for r in made]))}
    return found


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args(argv)
    if os.environ.get("OMP_NUM_THREADS") != "1":
        sys.exit("set OMP_NUM_THREADS=1: what is measured is one core")
    found = measured(arguments.rounds)
    if arguments.json:
        print(json.dumps(found, indent=2))
        return
    print(f"{found.pop('rows')} rows, champion {found.pop('version')}, {arguments.rounds} rounds")
    for name, numbers in found.items():
        if "per_second" in numbers:
            print(f"{name:32s} {numbers['per_second']:10,.0f} scenarios/s")
        else:
            print(f"{name:32s} p50 {numbers['p50_ms']:8.3f} ms   p99 {numbers['p99_ms']:8.3f} ms")


if __name__ == "__main__":
    main()
