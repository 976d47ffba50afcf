"""What predict and compare do behind their flags: read, ask, answer, show or write."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from features.errors import InvalidInput, Problem
from features.files import check_output, shown
from features.flags import options_of
from serving.flat import (
    comparison_from_flat,
    question_from_flat,
    read_rows,
    write_rows,
)
from serving.hostprofile import for_host
from serving.observations import read_observations
from serving.profile import read_demands
from serving.questions import Comparison, Question

T = TypeVar("T", Question, Comparison)

Given = Mapping[str, str | None]


def run_predict(
    given: Given,
    pairs: Sequence[str],
    source: Path | None,
    target: Path | None,
    as_json: bool,
    ensure_champion: Callable[[], None],
    observed: Path | None = None,
    demands: Path | None = None,
    host_profile: Path | None = None,
) -> None:
    """Predict one scenario of flags, or each row of a CSV with the flags as its defaults,
    given the caller's own measurements in the CSV `observed`, the profile `demands` and the
    calibration `host_profile`."""
    on_host = for_host(host_profile)
    rows, questions = _asked(given, pairs, source, target, question_from_flat, observed, demands)
    predictor = on_host(_predictor(ensure_champion))
    from serving.answers import answer

    records = answer(predictor, questions)
    if target is not None:
        write_rows(target, [{**row, **_cells(r)} for row, r in zip(rows, records, strict=True)])
    if as_json:
        _print_json(records if source else records[0])
    elif target is None:
        _show_predictions(questions, records, whole=source is None)


def run_compare(
    given: Given,
    runtimes: Sequence[str] | None,
    pairs: Sequence[str],
    source: Path | None,
    target: Path | None,
    as_json: bool,
    ensure_champion: Callable[[], None],
    observed: Path | None = None,
    demands: Path | None = None,
    host_profile: Path | None = None,
) -> None:
    """Compare runtimes for one scenario of flags, or for each row of a CSV, given the
    caller's own measurements in the CSV `observed`, the profile `demands` and the calibration
    `host_profile`."""
    on_host = for_host(host_profile)
    rows, comparisons = _asked(
        given,
        pairs,
        source,
        target,
        lambda row: comparison_from_flat(row, runtimes),
        observed,
        demands,
    )
    predictor = on_host(_predictor(ensure_champion))
    from serving.answers import compare

    documents = [compare(predictor, comparison) for comparison in comparisons]
    if target is not None:
        written = [
            {**row, "runtime": record["runtime"], **_cells(record)}
            for row, document in zip(rows, documents, strict=True)
            for record in document["predictions"]
        ]
        write_rows(target, written)
    if as_json:
        _print_json(documents if source else documents[0])
    elif target is None:
        from serving.render import make_console, show_comparison

        console = make_console()
        for document in documents:
            show_comparison(console, document)


def _asked(
    given: Given,
    pairs: Sequence[str],
    source: Path | None,
    target: Path | None,
    ask: Callable[[Mapping[str, Any]], T],
    observed: Path | None,
    demands: Path | None,
) -> tuple[list[dict[str, Any]], list[T]]:
    """The records that were asked of, and what `ask` makes of them with the observations."""
    observations = () if observed is None else read_observations(observed)

    def make(record: Mapping[str, Any]) -> T:
        return replace(ask(record), observations=observations)

    empty = [Problem(key, "is empty") for key, value in given.items() if value == ""]
    if empty:
        raise InvalidInput(empty)
    profile = {} if demands is None else read_demands(demands)
    named = {**profile, **given, **options_of(pairs)}
    flags = {key: value for key, value in named.items() if value}
    if source is None:
        if target is not None:
            raise InvalidInput([Problem("output", "goes with --input")])
        return [flags], [make(flags)]
    if target is not None:
        check_output(target, source=source)
    made = read_rows(source, lambda row: make({**flags, **_filled(row)}))
    if not made:
        raise InvalidInput([Problem("input", f"{shown(source)} has no rows")])
    return [{**flags, **_filled(row)} for row, _ in made], [entry for _, entry in made]


def _filled(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if value not in (None, "")}


def _cells(record: Mapping[str, Any]) -> dict[str, Any]:
    """A prediction as the columns that stand beside its scenario."""
    low, high = record["interval"]
    cells = {
        "retained": record["retained"],
        "lower": low,
        "upper": high,
        "level": record["level"],
        "extrapolating": str(record["novelty"]["extrapolating"]).lower(),
        "reasons": "; ".join(record["novelty"]["reasons"]),
        "model_version": record["model"]["version"],
    }
    if "value" in record:
        cells |= {"value": record["value"], "unit": record["unit"]}
    return cells


def _show_predictions(
    questions: Sequence[Question], records: Sequence[Mapping[str, Any]], *, whole: bool
) -> None:
    from serving.render import make_console, show_list, show_prediction

    scenarios = [question.scenario.as_dict() for question in questions]
    if whole:
        show_prediction(make_console(), scenarios[0], records[0])
    else:
        show_list(make_console(), scenarios, records)


def _print_json(document: Any) -> None:
    print(json.dumps(document, allow_nan=False))


def _predictor(ensure_champion: Callable[[], None]) -> Any:
    """The champion, made when there is none; the questions are known to be good by now."""
    ensure_champion()
    from serving.store import load_champion

    return load_champion()
