"""Where an answer is worked out: on the event loop when it is quick, beside it when it is not.

A thread costs a tenth of a millisecond and a wait for the interpreter's lock, which is much to a
single prediction; work on the loop holds up every other request, which is much to a long list.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import anyio

T = TypeVar("T")

# What may hold up the loop. A body longer than this is not even parsed there.
QUICK_MS = 1.0
QUICK_BYTES = 1024

# What /predict is built to take: a call, each of its scenarios, each observation of them.
CALL_MS = 0.25
SCENARIO_MS = 0.05
OBSERVATION_MS = 0.3


def prediction_ms(document: Any) -> float:
    """What answering a /predict document should take [ms], before anything in it is checked."""
    scenarios = document if isinstance(document, list) else [document]
    cost = CALL_MS
    for scenario in scenarios:
        given = scenario.get("observations") if isinstance(scenario, dict) else None
        cost += SCENARIO_MS + OBSERVATION_MS * (len(given) if isinstance(given, list) else 0)
    return cost


async def beside(work: Callable[[], T]) -> T:
    """What `work` returns, worked out in a thread; who waits for it may stop waiting."""
    return await anyio.to_thread.run_sync(work, abandon_on_cancel=True)
