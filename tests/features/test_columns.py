"""Scenarios read as columns are the same scenarios, and the same rows are refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.columns import Coded, read_columns
from features.constants import ConstantSets, constants
from features.encoder import encode, encoding_of
from features.errors import InvalidInput
from features.integration import expected_priors
from features.scenario import RESOURCE_CLASSES, resource_class, scenario_from_flat
from features.vocabulary import RESOURCES, vocabulary
from tests.features.space import scenarios

WORDS = vocabulary()
EMPTY = [None, "", float("nan")]
NUMBERS = [
    *(*EMPTY, 1.0, 8.0, 4096.0, 4097.0, 0.0, -1.0, 0.25, 0.5, 0.250001, 1e300),
    *(float("inf"), "8", " 16 ", "nan", "much", "1_0", True, 3, "-inf"),
]
SHARES = [*EMPTY, *EMPTY, 0.0, 0.25, 0.5, 0.75, 1.0, 0.2500005, "0.5", -0.1]
TEXTS = {
    "runtime": [*WORDS.runtimes, " vm ", "gvisr", "", None, 7],
    "workload": [*WORDS.workloads, "own", "nginx", *EMPTY],
    **{
        key: [*EMPTY, *EMPTY, *mechanism.values, "magic", f" {mechanism.values[-1]} "]
        for key, mechanism in WORDS.mechanisms.items()
    },
}
HOST = ("cores", "memory_gb", "network_gbps", "storage_iops")


PROFILE = {"cpu": 0.5, "memory": 0.25, "network": 0.25, "calls": 40.0, "parallel": 0.5}


@st.composite
def rows(draw):
    """A scenario as a flat row, with up to three of its cells made empty or something else."""
    row = draw(scenarios()).as_dict()
    row |= row.pop("mechanisms", {})
    row |= draw(st.sampled_from([{}, {}, PROFILE, {"calls": 3.0}]))
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 3]))):
        key = draw(st.sampled_from([*row, *WORDS.mechanisms, *WORDS.demand_fields, "colour"]))
        cells = TEXTS.get(key, SHARES if key in RESOURCES else NUMBERS)
        row[key] = draw(st.sampled_from(cells))
    return row


@st.composite
def frames(draw):
    """Up to 6 rows as columns, which may be of numbers alone or coded."""
    table = draw(st.lists(rows(), max_size=6))
    keys = draw(st.permutations(list({key: None for row in table for key in row} or HOST)))
    frame = {}
    for key in keys:
        column = [row.get(key, draw(st.sampled_from(EMPTY))) for row in table]
        frame[key] = np.array([*column, None], dtype=object)[:-1]
        form = draw(st.sampled_from(["objects", "numbers", "coded"]))
        if form == "numbers" and all(c is None or isinstance(c, float) for c in column):
            frame[key] = np.array(column, dtype=float)
        elif form == "coded":
            frame[key] = Coded(np.arange(len(table)), column)
    return frame


def row_by_row(frame):
    """What the one door says of each row: the scenarios, and (row, problem) of the others."""
    size = len(next(iter(frame.values())))
    made, problems = [], []
    for row in range(size):
        cells = {k: c.cell(row) if isinstance(c, Coded) else c[row] for k, c in frame.items()}
        try:
            made.append(scenario_from_flat(cells))
        except InvalidInput as error:
            problems += [(row, problem) for problem in error.problems]
    return made, problems


@settings(max_examples=120, deadline=None)
@given(frames())
def test_the_same_rows_are_refused_in_the_same_words_and_the_others_are_the_same(frame):
    asked, problems = row_by_row(frame)
    found = read_columns(frame)
    assert list(found.problems) == problems
    assert len(found) == len(asked)
    if not asked:
        return
    pessimistic = constants("pessimistic")
    encoding, prior = encode(asked, pessimistic)
    priors = expected_priors(found.table, ConstantSets([constants(), pessimistic]))
    np.testing.assert_allclose(
        encoding_of(found.table, priors[0], priors[1]), encoding, rtol=1e-12, atol=1e-12
    )
    np.testing.assert_allclose(priors[1].logs, prior.logs, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(priors[1].host_spread, prior.host_spread, rtol=1e-12, atol=1e-12)
    classes = [RESOURCE_CLASSES[code] for code in found.resource]
    assert classes == [resource_class(scenario) for scenario in asked]
    named = [{k for k, flags in found.given.items() if flags[i]} for i in range(len(found))]
    assert named == [set(scenario.mechanisms) for scenario in asked]


def test_rows_of_good_and_bad_are_found_by_their_numbers():
    frame = {
        "runtime": np.array(["vm", "gvisr", "gvisor"], dtype=object),
        "workload": np.array(["web", "web", None], dtype=object),
        "cores": np.array([8.0, np.nan, 0.0]),
        "calls": np.array([np.nan, np.nan, 5.0]),
    }
    found = read_columns(frame)
    assert found.good.tolist() == [0]
    assert [(row, p.field) for row, p in found.problems] == [(1, "runtime"), (2, "cores")]
    assert "did you mean gvisor?" in found.problems[0][1].message


def test_columns_of_different_lengths_are_no_table():
    with pytest.raises(ValueError, match="different lengths"):
        read_columns({"runtime": np.array(["vm"], dtype=object), "cores": np.array([1.0, 2.0])})
