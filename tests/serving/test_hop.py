"""Quick answers are worked out on the event loop, others beside it."""

from __future__ import annotations

import asyncio
import contextvars
import json
import threading

import pytest

from serving import routes
from serving.hop import QUICK_BYTES, QUICK_MS, THREADS, beside, prediction_ms

WEB = {"runtime": "gvisor", "workload": "web", "cores": 8}
SEEN = {"runtime": "vm", "workload": "web", "retained": 0.8}


@pytest.mark.parametrize(
    "document",
    [
        WEB,
        {**WEB, "mechanisms": {"page_size": "2m"}, "demands": {"cpu": 1}},
        [WEB],
        [],
        None,
        3,
        [None],
        {"observations": 3},
    ],
)
def test_a_scenario_is_quick(document):
    assert prediction_ms(document) <= QUICK_MS


@pytest.mark.parametrize(
    "document",
    [
        [WEB] * 100,
        {**WEB, "observations": [SEEN] * 10},
        [{"observations": [{}] * 5}],
        {**WEB, "mechanisms": {f"word{i}": "x" for i in range(50)}},
    ],
)
def test_much_is_not(document):
    assert prediction_ms(document) > QUICK_MS


@pytest.fixture
def threads(monkeypatch) -> dict[str, threading.Thread]:
    """The threads that the last body was read and the last answer was worked out in."""
    seen: dict[str, threading.Thread] = {}

    def noted(name: str, function):
        def noting(*args):
            seen[name] = threading.current_thread()
            return function(*args)

        monkeypatch.setattr(routes, name, noting)

    noted("parse_json", routes.parse_json)
    noted("_predict", routes._predict)
    noted("_compare", routes._compare)
    noted("document_of", routes.document_of)
    return seen


def test_one_scenario_is_answered_where_it_is_read(client, threads):
    assert client.post("/predict", json=WEB).status_code == 200
    assert threads["_predict"] is threads["parse_json"]


@pytest.mark.parametrize(
    ("path", "work", "document"),
    [
        ("/predict", "_predict", {**WEB, "observations": [SEEN] * 3}),
        ("/predict", "_predict", [{"runtime": "vm"}] * 20),
        ("/compare", "_compare", {"workload": "web", "runtimes": ["vm"]}),
    ],
)
def test_more_is_answered_beside_the_loop(client, threads, path, work, document):
    assert len(json.dumps(document)) <= QUICK_BYTES
    client.post(path, json=document)
    assert threads[work] is not threads["parse_json"]


def test_a_long_body_is_not_even_read_on_the_loop(client, threads):
    client.post("/predict", json={})
    loop = threads["document_of"]
    client.post("/predict", content=b"{" + b" " * QUICK_BYTES + b"}")
    assert threads["parse_json"] is not loop
    assert threads["document_of"] is threads["parse_json"]
    response = client.post("/predict", content=b"{" + b" " * QUICK_BYTES)
    assert response.json()["error"]["code"] == "invalid_json"


def test_giving_up_does_not_multiply_what_runs():
    """Work that is waited for no longer keeps its thread, and what waits behind it is dropped."""
    end, running, most = threading.Event(), threading.Semaphore(0), []

    def work() -> None:
        most.append(threading.current_thread())
        running.release()
        end.wait(10)

    async def give_up() -> None:
        tasks = [asyncio.create_task(beside(work)) for _ in range(3 * THREADS)]
        for _ in range(THREADS):
            await asyncio.to_thread(running.acquire)
        for task in tasks:
            task.cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(error, asyncio.CancelledError) for error in done)
        end.set()
        assert await beside(lambda: len(most)) == THREADS

    try:
        asyncio.run(give_up())
    finally:
        end.set()
    assert len(set(most)) == THREADS


def test_work_beside_the_loop_has_the_context_of_its_request():
    name = contextvars.ContextVar("name")

    async def ask(value: str) -> str:
        name.set(value)
        return await beside(name.get)

    async def both() -> list[str]:
        return await asyncio.gather(ask("a"), ask("b"))

    assert asyncio.run(both()) == ["a", "b"]
