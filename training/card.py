"""The model card: what was taught, how it was judged, where it errs and where it extrapolates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from datasets.footprints import shipped_footprints
from datasets.measurement import Measurement
from datasets.shipped import measured
from features.vocabulary import vocabulary
from training.corpus import Corpus
from training.evaluation import CHAMPION, Evaluation
from training.instances import instance_summaries
from training.protocol import CELL_ROWS, FOLDED, PROTOCOL
from training.summary import measured_medians

# A cell with fewer rows is an anecdote, not a weakness.
FEWEST_ROWS = 3
WORST_CELLS = 10
_JUDGED = {
    PROTOCOL: (
        "leave-one-source-out: each source is predicted by a model that never saw it, every choice "
        f"made inside the others; at most {CELL_ROWS} rows of each source, runtime and resource; "
        "start-up is not scored; errors are mean absolute differences of log retained"
    ),
    FOLDED: (
        "sources are left out by folds: each is predicted by sums over the rows of the other "
        "folds' sources; scored are the shipped rows and a sample of all sources; start-up is not; "
        "errors are mean absolute differences of log retained"
    ),
}
RULE = (
    "A prediction is marked as extrapolating when nobody measured its runtime with its workload, "
    "or with an option it names, or when more of the carried-over variance is left than for nine "
    "tenths of the measurements when their source was unseen"
)


def card_of(
    corpus: Corpus,
    evaluation: Evaluation | None,
    curve: Sequence[Mapping[str, Any]] = (),
    model: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What the model card says: data, protocol, and the errors where they were measured.

    Without an evaluation it says nothing of errors; without a learning curve nothing of that.
    `model` is what kind it is of and what of; the exact one of the corpus when not given.
    """
    protocol = evaluation.protocol if evaluation else PROTOCOL
    taught = [m for m in corpus.measurements if m.origin == "measured"]
    card: dict[str, Any] = {
        "protocol": protocol,
        "judged": _JUDGED[protocol],
        "model": dict(model or {"kind": "exact", "rows": len(corpus.rows)}),
        "dataset": {"digests": corpus.digests, "rows": corpus.sizes},
        "scored_rows": int(corpus.scored.sum()),
        "measured": measured_medians(measured()),
        "instances": instance_summaries(measured(), shipped_footprints()),
        "sources": len({g for g, s in zip(corpus.groups, corpus.scored, strict=True) if s}),
        "leaks": [leak.as_dict() for leak in corpus.leaks],
        "extrapolation": {"rule": RULE, "unmeasured": unmeasured(taught)},
    }
    if evaluation is not None:
        card["models"] = {name: _shown(name, m) for name, m in evaluation.table.items()}
        card["worst_cells"] = worst_cells(evaluation)
        champion = evaluation.table[CHAMPION]
        for key in ("error_flagged", "error_rest"):
            if key in champion:
                card["extrapolation"][key] = champion[key]
    if curve:
        card["learning_curve"] = [dict(point) for point in curve]
    return card


def _shown(name: str, table: Mapping[str, Any]) -> dict[str, Any]:
    """A rival is there to be compared with; its groups are in the evaluation's own document."""
    return {k: v for k, v in table.items() if name == CHAMPION or k != "by"}


def worst_cells(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Runtime x workload with the largest mean absolute error of the model, worst first.

    `bias` is the mean of observed less predicted: below 0 the model promises too much.
    """
    error = evaluation.outcomes[CHAMPION].error
    cells: dict[tuple[str, str], list[int]] = defaultdict(list)
    for i, cell in enumerate(zip(evaluation.runtimes, evaluation.workloads, strict=True)):
        cells[cell].append(i)
    found: list[dict[str, Any]] = [
        {
            "runtime": runtime,
            "workload": workload,
            "rows": len(places),
            "sources": len({evaluation.groups[i] for i in places}),
            "error": float(np.abs(error[places]).mean()),
            "bias": float(error[places].mean()),
        }
        for (runtime, workload), places in cells.items()
        if len(places) >= FEWEST_ROWS
    ]
    return sorted(found, key=lambda cell: -cell["error"])[:WORST_CELLS]


def unmeasured(rows: Iterable[Measurement]) -> dict[str, list[str]]:
    """The workloads that nobody measured, by runtime: a prediction of one is extrapolation.

    A family counts as measured when one of its leaves was.
    """
    words = vocabulary().workloads
    pairs = {(m.scenario.runtime, m.scenario.workload) for m in rows}
    pairs |= {(runtime, words[leaf].family) for runtime, leaf in pairs if leaf in words}
    return {
        runtime: [w for w in words if (runtime, w) not in pairs]
        for runtime in vocabulary().runtimes
        if runtime != "native"
    }
