"""A small run of tests.benchmarks.fuzz: every answer is one that the description promises."""

from __future__ import annotations

from tests.serving.fuzzing import fuzz

CASES = 25


def test_every_answer_is_as_described(client):
    document = client.get("/docs.json").json()
    report = fuzz(client, document, CASES, start=1)
    assert report.failures == []
    assert report.cases > 4 * 3 * CASES
    statuses = {s for counted in report.statuses.values() for s in counted}
    assert statuses >= {200, 400, 422}
    assert all(s < 500 for s in statuses)


def test_an_answer_that_is_not_as_described_is_found(client):
    """The check can fail: a description that promises something else is not kept."""
    document = client.get("/docs.json").json()
    document["paths"] = {"/model": document["paths"]["/model"]}
    schema = {"type": "object", "required": ["colour"]}
    answer = document["paths"]["/model"]["get"]["responses"]["200"]["content"]
    answer["application/json"]["schema"] = schema
    assert "colour" in fuzz(client, document, 1, start=1).failures[0]
