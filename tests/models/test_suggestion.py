"""What a measurement would be worth, against what it is worth once it is made."""

from __future__ import annotations

import numpy as np
import pytest

from features.scenario import Scenario
from models.conditioning import Observation
from models.suggestion import suggest

from .test_conditioning import ASKED, HOST, predictor  # noqa: F401  (a fixture)

CANDIDATES = [
    Scenario("gvisor", leaf, **HOST)
    for leaf in ("database.kv", "web.static", "cpu.int", "memory.bandwidth", "web.dynamic")
]


def expected_observation(predictor, scenario, observations=()):  # noqa: F811
    """What measuring a scenario is expected to show."""
    [p] = predictor.predict([scenario], observations=observations)
    return Observation(scenario, p.retained)


def test_the_worth_is_what_it_is_once_measured(predictor):  # noqa: F811
    found = suggest(predictor, ASKED[0], CANDIDATES)
    [now] = predictor.predict(ASKED[:1])
    assert found.retained == pytest.approx(now.retained)
    assert found.interval == pytest.approx(now.interval)
    for suggestion in found.ranked:
        made = expected_observation(predictor, suggestion.scenario)
        [then] = predictor.predict(ASKED[:1], observations=[made])
        ratio = np.ptp(np.log(then.interval)) / np.ptp(np.log(now.interval))
        assert suggestion.width_ratio == pytest.approx(ratio, rel=1e-6)
        assert suggestion.interval == pytest.approx(then.interval, rel=1e-6)


def test_what_is_nearest_is_worth_most(predictor):  # noqa: F811
    found = suggest(predictor, ASKED[0], CANDIDATES)
    assert found.ranked[0].scenario.workload == "web.static"
    ratios = [s.width_ratio for s in found.ranked]
    assert ratios == sorted(ratios)
    assert ratios[0] < 1
    assert found.plan == found.ranked[:1]


def test_a_plan_takes_each_beside_those_before_it(predictor):  # noqa: F811
    found = suggest(predictor, ASKED[0], CANDIDATES, count=3)
    named = [s.scenario.workload for s in found.plan]
    assert len(set(named)) == 3
    made = [expected_observation(predictor, s.scenario) for s in found.plan]
    [now] = predictor.predict(ASKED[:1])
    [then] = predictor.predict(ASKED[:1], observations=made)
    ratio = np.ptp(np.log(then.interval)) / np.ptp(np.log(now.interval))
    assert found.plan[-1].width_ratio == pytest.approx(ratio, rel=1e-6)
    assert len(suggest(predictor, ASKED[0], CANDIDATES, count=99).plan) == len(CANDIDATES)


def test_what_was_measured_already_is_worth_less(predictor):  # noqa: F811
    before = suggest(predictor, ASKED[0], CANDIDATES).ranked
    made = [expected_observation(predictor, before[0].scenario)] * 5
    after = suggest(predictor, ASKED[0], CANDIDATES, observations=made)
    [now] = predictor.predict(ASKED[:1], observations=made)
    assert after.interval == pytest.approx(now.interval)
    worth = {s.scenario.workload: s.width_ratio for s in after.ranked}
    assert worth["web.static"] > before[0].width_ratio


def test_without_a_candidate_there_is_nothing_to_say(predictor):  # noqa: F811
    with pytest.raises(ValueError, match="nothing can be measured"):
        suggest(predictor, ASKED[0], [])
