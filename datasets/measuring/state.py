"""What a run has measured so far, next to its output, so that it can go on after an end."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from datasets.measuring.plan import Plan
from datasets.measuring.rounds import Round
from features.files import put_in_place

_FORM = 1


def state_file(output: Path) -> Path:
    """Where the state of a run that writes `output` is kept."""
    return output.with_name(f".{output.name}.measuring.json")


def load_rounds(output: Path, plan: Plan) -> list[Round]:
    """The rounds of an earlier run of the same plan; none where there is none, or it was another's:
    figures of another kernel, version or choice are not continued."""
    try:
        kept = json.loads(state_file(output).read_text(encoding="utf-8"))
        if kept["form"] != _FORM or kept["plan"] != plan.digest:
            return []
        return [Round.from_dict(record) for record in kept["rounds"]][: plan.rounds]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


def keep_rounds(output: Path, plan: Plan, rounds: Sequence[Round]) -> None:
    """Keep the rounds; the file is whole or as it was."""
    record = {"form": _FORM, "plan": plan.digest, "rounds": [r.as_dict() for r in rounds]}
    put_in_place(state_file(output), lambda file: file.write(json.dumps(record)))


def forget_rounds(output: Path) -> None:
    """The run is done: its state is not needed any more."""
    state_file(output).unlink(missing_ok=True)
