"""Requests that nobody would write, made from the service's own description and from torn bodies.

Each answer is held to the description: no 5xx, a status, a content type and a document that it
names. Seeded: the same seed makes the same requests.
"""

from __future__ import annotations

import json
import random
import re
import time
import warnings
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

with warnings.catch_warnings():
    # What its own libraries' imports say.
    warnings.simplefilter("ignore", DeprecationWarning)
    import schemathesis
    from schemathesis.checks import not_a_server_error
    from schemathesis.core.failures import Failure, FailureGroup
    from schemathesis.specs.openapi import checks

HELD_TO = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
JSON = {"content-type": "application/json"}
# What JSON's readers stumble over.
TORN = (
    b"", b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"null", b"NaN", b"-Infinity", b"1e999",
    b"-0", b"1" * 400, b"\x00", b"\xff\xfe", b"\xed\xa0\x80", b"\\ud800", b"\\u0000", b"[" * 2000,
    b'{"a":' * 2000, b" " * 5000, b"true", b"1e-400", b"{}",
)  # fmt: skip


@dataclass
class Report:
    """What was asked and what came of it."""

    statuses: dict[str, Counter] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    slowest_s: float = 0.0

    @property
    def cases(self) -> int:
        """Requests sent."""
        return sum(sum(c.values()) for c in self.statuses.values())

    def add(self, label: str, status: int, seconds: float) -> None:
        """Count one answer."""
        self.statuses.setdefault(label, Counter())[status] += 1
        self.slowest_s = max(self.slowest_s, seconds)


def operations(document: dict[str, Any]) -> list[Any]:
    """The operations of an OpenAPI document."""
    schema = schemathesis.openapi.from_dict(document)
    return [found.ok() for found in schema.get_all_operations()]


def fuzz(client: Any, document: dict[str, Any], cases: int, start: int) -> Report:
    """Ask every operation of a description `cases` times in each of three ways: what it allows,
    what it does not allow, and what it allows torn into pieces."""
    report = Report()
    for operation in operations(document):
        for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):
            has_body = bool(operation.body)
            if not has_body and mode is schemathesis.GenerationMode.NEGATIVE:
                continue  # nothing in it can be wrong
            _drawn(client, operation, mode, cases if has_body else 3, start, report)
        if operation.body:
            _torn(client, operation, cases, start, report)
    return report


def _drawn(client: Any, operation: Any, mode: Any, cases: int, start: int, report: Report) -> None:
    @seed(start)
    @settings(
        max_examples=cases,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def each(case: Any) -> None:
        answer = _hold(client, case, None, f"{operation.label} {mode.value}", report)
        if mode is schemathesis.GenerationMode.POSITIVE:
            _mend(client, case, answer, report)

    each()


def _mend(client: Any, case: Any, answer: Any, report: Report) -> None:
    """Leave out what the answer says is wrong, until nothing is: more is predicted so, and a
    refusal that names the wrong field is found."""
    label = f"{case.operation.label} mended"
    body = case.body
    for _ in range(10):
        if answer is None or answer.status_code != 422 or not isinstance(body, dict):
            return
        named = {re.split(r"[.\[]", d["field"])[0] for d in answer.json()["error"]["details"]}
        left = {k: v for k, v in body.items() if k not in named}
        if left == body:
            break
        body = left
        answer = _hold(client, case, _bytes(body), label, report)
    # What is left may lack something; it is then named, and cannot be left out.
    if any(name in body for name in named):
        report.failures.append(f"{label}: {sorted(named)} cannot be left out: {answer.text}")


def _torn(client: Any, operation: Any, cases: int, start: int, report: Report) -> None:
    media = operation.definition.raw["requestBody"]["content"]["application/json"]
    whole = schemathesis.core.transforms.deepclone(media["example"])
    chance = random.Random(f"{start} {operation.label}")
    body = _bytes(whole)
    for _ in range(cases):
        case = operation.Case(media_type="application/json", body=whole)
        _hold(client, case, _tear(chance, body), f"{operation.label} torn", report)


def _tear(chance: random.Random, body: bytes) -> bytes:
    for _ in range(chance.randint(1, 4)):
        place, length = chance.randrange(len(body) + 1), chance.choice((0, 0, 1, 2, 5, 40))
        piece = chance.choice((chance.choice(TORN), body[place : place + 30], chance.randbytes(3)))
        body = body[:place] + piece + body[place + length :]
    return body


def _bytes(document: Any) -> bytes:
    return json.dumps(document).encode()


def _hold(client: Any, case: Any, content: bytes | None, label: str, report: Report) -> Any:
    """Send a case, count it, and note in what its answer is not what the description says."""
    if content is None:
        sent = case.as_transport_kwargs(base_url="http://testserver")
        sent.pop("cookies", None)
        sent["content"] = sent.pop("data", None)
        if "json" in sent:
            del sent["content"]
    else:
        sent = {"method": case.method, "url": f"http://testserver{case.path}"}
        sent |= {"content": content, "headers": JSON}
    began = time.perf_counter()
    try:
        response = client.request(**sent)
    except Exception as error:
        report.failures.append(f"{label}: {type(error).__name__}: {error}")
        return None
    report.add(label, response.status_code, time.perf_counter() - began)
    try:
        case.validate_response(response, checks=HELD_TO)
    except (Failure, FailureGroup) as error:
        for each in getattr(error, "exceptions", (error,)):
            report.failures.append(f"{label}: {response.status_code}: {each}")
    return response
