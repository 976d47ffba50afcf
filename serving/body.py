"""A request's body: strict JSON, or a refusal that says why; serving.intake bounds its size."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from starlette.requests import Request

from serving.problems import Refused

# Far above any object that is understood; each unknown field of it would be told.
MAX_FIELDS = 10_000


async def read_body(request: Request) -> bytes:
    """The body of a request that says it is JSON. Raises Refused with status 400 or 415."""
    _check_type(request.headers.get("content-type", ""))
    return await request.body()


def parse_json(body: bytes) -> Any:
    """Strict JSON: no NaN, no Infinity, no key twice, no absurd depth. Raises Refused (400)."""
    try:
        text = body.decode("utf-8")
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_object)
    except UnicodeDecodeError:
        raise _invalid("the body is not UTF-8") from None
    except RecursionError:
        raise _invalid("the JSON is nested too deeply") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise _invalid(f"the body is not JSON: {error.msg} at {where}") from None
    except ValueError:
        raise _invalid("the JSON holds a number that is too long") from None


def _check_type(header: str) -> None:
    media = header.split(";")[0].strip().lower()
    if media and media != "application/json" and not media.endswith("+json"):
        raise Refused(415, f"the body must be application/json, not {media[:60]}")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MAX_FIELDS:
        said = f"an object of the JSON has more than {MAX_FIELDS} fields"
        raise Refused(422, said)
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise _invalid(f"the JSON names {twice[:60]!r} twice in one object")
    return made


def _refuse_constant(name: str) -> NoReturn:
    raise _invalid(f"{name} is not JSON: leave an unknown number out")


def _invalid(message: str) -> Refused:
    return Refused(400, message, "invalid_json")
