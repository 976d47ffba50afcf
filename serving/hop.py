"""Where an answer is worked out: on the event loop when it is quick, beside it when it is not.

A thread costs a tenth of a millisecond and a wait for the interpreter's lock, which is much to a
single prediction; work on the loop holds up every other request, which is much to a long list.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

# What may hold up the loop. A body longer than this is not even parsed there.
QUICK_MS = 1.0
QUICK_BYTES = 1024

# What /predict is built to take: a call, each of its scenarios, each word that may have to be
# refused with the near ones, each observation.
CALL_MS = 0.25
SCENARIO_MS = 0.05
WORD_MS = 0.04
OBSERVATION_MS = 0.3

# Each may keep the interpreter's lock from the loop for as long as a switch takes, 5 ms.
THREADS = 4
_THREADS = ThreadPoolExecutor(THREADS, thread_name_prefix="nearmetal-answer")


def prediction_ms(document: Any) -> float:
    """What answering a /predict document should take [ms], before anything in it is checked."""
    scenarios = document if isinstance(document, list) else [document]
    cost = CALL_MS
    for scenario in scenarios:
        cost += SCENARIO_MS
        if isinstance(scenario, dict):
            words = _length(scenario, "mechanisms") + _length(scenario, "demands")
            cost += WORD_MS * words + OBSERVATION_MS * _length(scenario, "observations")
    return cost


def _length(scenario: dict[str, Any], name: str) -> int:
    given = scenario.get(name)
    return len(given) if isinstance(given, dict | list) else 0


async def beside(work: Callable[[], T]) -> T:
    """What `work` returns, worked out in one of THREADS threads, in the caller's context.

    Who waits may stop waiting: work that has not begun is then dropped, and work that has begun
    keeps its thread to its end, so that giving up does not multiply what runs.
    """
    run = contextvars.copy_context().run
    return await asyncio.get_running_loop().run_in_executor(_THREADS, run, work)
