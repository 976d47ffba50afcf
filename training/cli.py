"""Commands that teach: train, evaluate, ui."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer


@contextmanager
def progress_bar(title: str, total: int) -> Iterator[Any]:
    """A step function behind a progress bar on standard error; silent when not a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    ) as bar:
        task = bar.add_task(title, total=total)

        def step(name: str) -> None:
            bar.update(task, advance=1, description=f"{title}: {name}")

        yield step


def ensure_champion() -> None:
    """Train the model alone when there is none yet, and say so."""
    from training.promotion import has_champion

    if has_champion():
        return
    from training.teach import quick_champion

    print("no model yet: training one on the shipped measurements", file=sys.stderr)
    with progress_bar("first model", 9) as step:
        quick_champion(step)


def register(app: typer.Typer) -> None:
    """Add this room's commands to the front door."""
    app.command()(train)
    app.command()(evaluate)
    app.command()(ui)


def train(
    measurements: Annotated[
        list[Path] | None,
        typer.Option(
            help="Your own measurements: CSV, Parquet or a folder of them; repeatable "
            "(the schema of datasets/README.md)."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the synthetic rows.")] = 0,
    model: Annotated[
        str,
        typer.Option(help="exact, basis (of many rows), or auto: by how many rows there are."),
    ] = "auto",
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="tcp://HOST:PORT", help="Of a Dask cluster, for the basis model."),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(metavar="N", help="Processes, for the basis model. [the cores]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Retrain, compare with the rivals, and promote the model if it is better.

    Example: nearmetal train --measurements mine.csv
    """
    from training.sizing import basis_pieces

    parts = basis_pieces(measurements or [], model)
    if parts is None:
        _exact_alone(scheduler=scheduler, jobs=jobs)
        from training.teach import train as teach

        with progress_bar("training", 25) as step:
            lesson = teach(measurements or [], seed=seed, step=step)
    else:
        from models.executor import executor
        from training.teach_fleet import train_fleet

        with executor(scheduler, jobs) as run:
            lesson = train_fleet(parts, run, progress_bar, seed=seed)
    if as_json:
        print(json.dumps(lesson.document))
        return
    from training.display import print_evaluation

    print_evaluation(lesson.document)
    moved = "is the champion" if lesson.promoted else "stays a candidate"
    print(f"version {lesson.version} {moved}: {lesson.why}")


def _exact_alone(**given: object) -> None:
    """What is for the basis model alone is not to be given in vain."""
    from features.errors import InvalidInput, Problem

    said = "is for the basis model, and so few rows are for the exact one; see --model"
    problems = [Problem(name, said) for name, value in given.items() if value is not None]
    if problems:
        raise InvalidInput(problems)


def evaluate(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of the synthetic rows.")] = 0,
    holdout: Annotated[
        Path | None, typer.Option(help="Score the champion on your own CSV instead.")
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="tcp://HOST:PORT", help="Of a Dask cluster, for the rivals' folds."),
    ] = None,
) -> None:
    """Leave-one-source-out of the model and its rivals, without storing anything.

    Example: nearmetal evaluate --json
    """
    if holdout is not None:
        from training.holdout import score_holdout

        ensure_champion()
        _told(score_holdout(holdout), as_json)
        return
    from training.corpus import load_corpus
    from training.teach import answers_of, assess

    with _folds_on(scheduler) as run, progress_bar("evaluating", 18) as step:
        corpus = load_corpus(seed=seed)
        evaluation = assess(corpus, answers_of(corpus, step), step, all_rivals=True, run=run)
    _told(evaluation.document(corpus), as_json)


def _folds_on(scheduler: str | None) -> AbstractContextManager[Any]:
    if scheduler is None:
        return nullcontext()
    from models.executor import executor

    return executor(scheduler)


def _told(document: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(document))
        return
    from training.display import print_evaluation

    print_evaluation(document)


def ui(
    host: Annotated[str, typer.Option(help="Address to bind.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to bind.")] = 5000,
) -> None:
    """Open the MLflow UI on the runs of this store.

    Example: nearmetal ui
    """
    import os

    from models.home import state_folder
    from training.tracking import store_uri

    state_folder().mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", store_uri()]
    # One worker: each takes seconds to import, and one person looks at a time.
    command += ["--host", host, "--port", str(port), "--workers", "1"]
    os.execv(sys.executable, command)
