"""Answers for a host whose own constants are known from a calibration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from features.hostprofile import HostProfile, Own, read_host_profile
from features.scenario import Scenario
from models.conditioning import Observation
from models.prediction import Prediction
from models.predictor import Predictor
from serving.answers import Predicts


class OnHost:
    """A predictor whose prior has a host's own constants; its answers say which bear on them."""

    def __init__(self, predictor: Predictor, profile: HostProfile) -> None:
        self._predictor = predictor.on_host(profile.own)
        self._profile = profile

    def predict(
        self,
        scenarios: Sequence[Scenario],
        *,
        level: float = 0.9,
        observations: Sequence[Observation] = (),
    ) -> list[Prediction]:
        """The predictor's predictions for this host."""
        found = self._predictor.predict(scenarios, level=level, observations=observations)
        told = self._profile.bearing(scenarios)
        return [self._with_reason(p, own) for p, own in zip(found, told, strict=True)]

    def _with_reason(self, prediction: Prediction, own: Sequence[Own]) -> Prediction:
        if prediction.scenario.runtime == "native":
            return prediction
        novelty = prediction.novelty
        said = f"host profile: {self._profile.said(own)}"
        return replace(prediction, novelty=replace(novelty, reasons=(*novelty.reasons, said)))


def for_host(path: Path | None) -> Callable[[Predictor], Predicts]:
    """How a predictor is asked for the host whose calibration is in a file; as it is without one.

    Raises InvalidInput for a file that is no host profile.
    """
    if path is None:
        return lambda predictor: predictor
    profile = read_host_profile(path)
    return lambda predictor: OnHost(predictor, profile)
