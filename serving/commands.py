"""What predict and compare do behind their flags: read, ask, answer, show or write."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from features.errors import InvalidInput, Problem
from features.files import check_output, shown
from features.flags import options_of
from features.tablefiles import PARQUET, is_bulk
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
MAX_JOBS = 1024
# A step function behind a bar: title and how many steps there are.
Progress = Callable[[str, int], AbstractContextManager[Callable[[str], Any]]]


@contextmanager
def no_progress(title: str, total: int) -> Iterator[Callable[[str], Any]]:  # noqa: ARG001
    """Shows nothing."""
    yield lambda _: None


@dataclass(frozen=True)
class Bulk:
    """How a long table is scored: on how many processes [the cores] or the workers of which
    scheduler, whether a row that is wrong stops the run, and what shows how far it is."""

    jobs: int | None = None
    scheduler: str | None = None
    skip_bad_rows: bool = False
    progress: Progress = no_progress


def jobs_of(text: str | None) -> int | None:
    """How many processes a flag asks for."""
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:5]) <= MAX_JOBS):
        raise InvalidInput([Problem("jobs", f"must be 1 to {MAX_JOBS}, not {text[:40]!r}")])
    return int(text)


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
    bulk: Bulk | None = None,
) -> None:
    """Predict one scenario of flags, or each row of a table with the flags as its defaults,
    given the caller's own measurements in the CSV `observed`, the profile `demands` and the
    calibration `host_profile`. A folder, or Parquet in or out, is scored as `bulk` says."""
    bulk = bulk or Bulk()
    if source is not None and _is_bulk(source, target):
        alone = {"observations": observed, "host_profile": host_profile}
        said = "goes with a scenario or a CSV; a folder or Parquet is scored without"
        problems = [Problem(key, said) for key, value in alone.items() if value is not None]
        if problems:
            raise InvalidInput(problems)
        _run_bulk(_defaults(given, pairs, demands), source, target, as_json, ensure_champion, bulk)
        return
    asked = (("skip_bad_rows", bulk.skip_bad_rows or None), ("jobs", bulk.jobs))
    said = "goes with a folder or Parquet as --input or --output"
    stray = [key for key, value in (*asked, ("scheduler", bulk.scheduler)) if value is not None]
    if stray:
        raise InvalidInput([Problem(key, said) for key in stray])
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

    flags = _defaults(given, pairs, demands)
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


def _defaults(given: Given, pairs: Sequence[str], demands: Path | None) -> dict[str, Any]:
    """What the flags say, by column."""
    empty = [Problem(key, "is empty") for key, value in given.items() if value == ""]
    if empty:
        raise InvalidInput(empty)
    profile = {} if demands is None else read_demands(demands)
    named = {**profile, **given, **options_of(pairs)}
    return {key: value for key, value in named.items() if value}


def _is_bulk(source: Path, target: Path | None) -> bool:
    return is_bulk(source) or (target is not None and target.suffix.lower() == PARQUET)


def _run_bulk(
    defaults: Mapping[str, Any],
    source: Path,
    target: Path | None,
    as_json: bool,
    ensure_champion: Callable[[], None],
    bulk: Bulk,
) -> None:
    if target is None:
        raise InvalidInput([Problem("output", "is required with a folder or Parquet")])
    from serving.bulk import make_plan, run_plan, summary

    plan = make_plan(source, target, defaults, skip_bad_rows=bulk.skip_bad_rows)

    def note(said: str) -> None:
        # Of a document, nothing but errors are on standard error.
        if not as_json:
            print(said, file=sys.stderr)

    predictor = _predictor(ensure_champion)
    outcome = run_plan(plan, predictor, bulk, note=note)
    if as_json:
        _print_json(
            {
                "output": str(target),
                "rows": outcome.rows,
                "skipped": outcome.skipped,
                "model": {"version": predictor.version, "trained_at": predictor.trained_at},
            }
        )
    else:
        print(summary(plan, outcome))


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
