"""The front door: composes the rooms' commands. Nothing heavy is imported before one runs."""

from __future__ import annotations

import json
import os
import sys
from contextlib import AbstractContextManager
from typing import Any

import typer

import datasets.cli
import serving.advice
import serving.cli
import serving.matrix
import serving.options
import training.cli
from features.errors import InvalidInput, NearmetalError, Problem
from features.scenario import Scenario

__all__ = ["InvalidInput", "NearmetalError", "Scenario", "main"]

# Nothing is reported to anyone unless the user asks for it.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")

app = typer.Typer(
    name="nearmetal",
    help="How much of its bare-metal performance a workload keeps under isolation.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
serving.cli.register(app, training.cli.ensure_champion, training.cli.progress_bar)
serving.advice.register(app, training.cli.ensure_champion)
serving.matrix.register(app, training.cli.ensure_champion)
serving.options.register(app)
training.cli.register(app)


def _executor(scheduler: str | None, jobs: int | None) -> AbstractContextManager[Any]:
    from models.executor import executor

    return executor(scheduler, jobs)


datasets.cli.register(app, training.cli.progress_bar, _executor)


# A wrong flag or command, as the command line's library tells it.
_USAGE: type[Exception] = typer.BadParameter.__bases__[0]


def main() -> None:
    """Run a command; what the user can mend is one line and exit code 2, without a traceback."""
    try:
        code = app(standalone_mode=False)
    except _USAGE as error:
        if getattr(error, "message", ""):
            said = error.format_message()  # type: ignore[attr-defined]
            print(_told(InvalidInput([Problem("command", said)])), file=sys.stderr)
        raise SystemExit(2) from None
    except NearmetalError as error:
        print(_told(error), file=sys.stderr)
        raise SystemExit(2) from None
    except (typer.Abort, KeyboardInterrupt):
        raise SystemExit(130) from None
    raise SystemExit(code if isinstance(code, int) else 0)


def _told(error: NearmetalError) -> str:
    if "--json" not in sys.argv:
        return f"nearmetal: {error}"
    problems = getattr(error, "problems", ())
    details = [{"field": p.field, "message": p.message} for p in problems]
    return json.dumps({"error": {"code": error.code, "message": str(error), "details": details}})


if __name__ == "__main__":
    main()
