"""No formula is dead: each is reached by a prediction, an option or a command."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import features
from features.constants import Constants, constants, quantities
from features.cost import CostInputs
from features.prior import evaluate, evaluate_table
from features.scenario import Scenario
from features.table import scenario_table
from features.vocabulary import vocabulary
from models.fitting import fit_predictor
from models.matrix import matrix
from models.recommendation import Constraints, recommend
from models.rows import make_rows
from serving.answers import answer
from serving.schema import parse_predict
from tests.features.space import HOST, with_demands, with_options
from tests.models.conftest import law_rows, records_of

WORDS = vocabulary()
ROOM = Path(features.__file__).parent
# The modules of pure formulas.
FORMULAS = (
    *("cost", "cpu", "encryption", "memory", "network", "overcommit"),
    *("scaling", "score", "storage", "syscalls"),
)
# What another command reaches: throughput over threads is fitted and judged by training.scaling.
ELSEWHERE = {"scaling.throughput_at", "scaling.family_of"}
# F17's sum over basis functions is the residual model's mean, in another room.
LEARNED = {"F17"}


def public_functions():
    for module in FORMULAS:
        if not (ROOM / f"{module}.py").exists():
            continue
        tree = ast.parse((ROOM / f"{module}.py").read_text(encoding="utf-8"))
        for node in tree.body:
            # What is decorated is a cached reader of data.
            plain = isinstance(node, ast.FunctionDef) and not node.decorator_list
            if plain and not node.name.startswith("_"):
                yield f"{module}.{node.name}"


def every_option():
    """Each workload under each runtime, and each option of it on a busy and on a slow host."""
    for runtime in WORDS.runtimes.values():
        for workload in WORDS.workloads:
            plain = Scenario(runtime.name, workload, **HOST)
            yield plain
            for key, values in runtime.allowed.items():
                for value in values:
                    made = with_options(plain, {key: value})
                    if made is not None:
                        yield made


@pytest.fixture(scope="module")
def law_predictor():
    rows, codes = law_rows()
    every = np.ones(len(rows), dtype=bool)
    made, told = make_rows(rows, codes, codes), records_of(rows, codes)
    return fit_predictor(made, told, every, version="1", trained_at="2026-01-01T00:00:00+00:00")


@pytest.fixture(scope="module")
def reached(law_predictor):
    """The names of the formulas that ran while all kinds of questions were answered."""
    codes = {}
    for name in public_functions():
        module, function = name.split(".")
        found = inspect.unwrap(getattr(import_module(f"features.{module}"), function))
        codes[found.__code__] = name
    seen = set()

    def watch(frame, event, _):
        if event == "call" and frame.f_code in codes:
            seen.add(codes[frame.f_code])

    sys.setprofile(watch)
    try:
        evaluate(list(every_option()))
        asked = {"runtime": "vm", "workload": "web", "cores": 8, "native_value": 9.0, "unit": "x/s"}
        questions = [
            *parse_predict({**asked, "native_cores": 4}),
            *parse_predict({**asked, "native_cores": 4, "scaling": "scaled"}),
        ]
        answer(law_predictor, questions)
        matrix(law_predictor)
        scenarios = [Scenario(r, "web", **HOST) for r in WORDS.runtimes]
        bill = CostInputs(host_usd={"hardware": 1.0}, instances=10)
        recommend(law_predictor, scenarios, Constraints(), bill)
        promised = [{"balloon": "light"}, {"ksm": "on"}]
        law_predictor.predict([Scenario("vm", "web", **HOST, mechanisms=m) for m in promised])
    finally:
        sys.setprofile(None)
    return seen


@pytest.mark.parametrize("name", [n for n in public_functions() if n not in ELSEWHERE])
def test_a_formula_is_reached(reached, name):
    assert name in reached


def test_all_formulas_of_the_reference_are_there():
    said = set()
    for path in ROOM.glob("*.py"):
        said |= set(re.findall(r"\bF\d+\b", path.read_text(encoding="utf-8")))
    assert {f"F{n}" for n in range(1, 20)} - LEARNED <= said


def test_all_errata_are_told_where_they_matter():
    said = set()
    for path in [*ROOM.glob("*.py"), *(ROOM / "data").glob("*.toml")]:
        said |= set(re.findall(r"\bE\d\b", path.read_text(encoding="utf-8")))
    assert {f"E{n}" for n in range(1, 10)} <= said


# What an instance costs its host is not retained; tests/models/test_instance.py holds these.
OF_AN_INSTANCE = {"balloon_share", "ksm_duplicate_share", "reclaim_ms_per_gb", "ksm_scan_mb_per_s"}


@pytest.mark.parametrize("quantity", sorted(set(quantities()) - OF_AN_INSTANCE))
def test_a_constant_moves_a_prediction(quantity, by_quantity):
    assert quantity in by_quantity


@pytest.fixture(scope="module")
def by_quantity():
    """The quantities whose optimistic or pessimistic end, or whose double, changes a prediction."""
    scenarios = [s for s in every_option() if s.workload in _SHOWING]
    scenarios += [with_demands(s, **_RARE) for s in scenarios if s.workload == "network.pps"]
    scenarios += [with_demands(s, write_share=1.0) for s in scenarios if s.family == "storage"]
    table = scenario_table(scenarios)
    plain = constants("reference")
    base = evaluate_table(table, plain).retained
    moved = set()
    for name, vector in plain.vectors.items():
        changed = Constants("changed", {**plain.vectors, name: vector * 0.9 + 0.01})
        if abs(evaluate_table(table, changed).retained / base - 1.0).max() > 1e-9:
            moved.add(name)
    return moved


# What no named workload asks for.
_RARE = {"traps": 1.0, "major_faults": 1.0, "payload_bytes": 1518.0}
# Workloads that together ask for everything.
_SHOWING = (
    *("web", "database.kv", "hpc.build", "cpu.fp", "cpu.crypto", "cpu.syscall", "startup"),
    *("memory.latency", "network.throughput", "network.pps", "network.latency"),
    *("network.connection-rate", "network.connections", "storage.latency", "storage.random-read"),
    *("storage.tail-latency", "storage.sequential-read", "cpu.context-switch"),
)
