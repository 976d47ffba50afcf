"""The one shape of every failure, over HTTP and on the command line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from pydantic_core import PydanticSerializationError, to_json

from features.errors import InvalidInput, NearmetalError, Problem

INTERNAL = "something went wrong inside; the server's log says what"

# Code and message by HTTP status, where nothing more exact is known.
BY_STATUS = {
    400: ("bad_request", "the request cannot be read"),
    401: ("unauthorized", "who asks is not known"),
    403: ("forbidden", "this is not allowed"),
    404: ("not_found", "there is nothing at this path"),
    405: ("method_not_allowed", "this path does not take this method"),
    408: ("request_timeout", "the request was not sent within 10 seconds"),
    413: ("too_large", "the request is too large"),
    415: ("unsupported_media_type", "the body must be application/json"),
    422: ("invalid_input", "the request is wrong"),
    429: ("too_many_requests", "too many requests at once; try again soon"),
    500: ("internal", INTERNAL),
    503: ("model_unavailable", "no model can answer now; nearmetal train makes one"),
    504: ("timeout", "the request took too long"),
}


class Refused(NearmetalError):
    """A request that is refused before it is understood."""

    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code or BY_STATUS[status][0]


def error_document(code: str, message: str, details: Iterable[Problem] = ()) -> dict[str, Any]:
    """The error document."""
    shown = [{"field": p.field, "message": p.message} for p in details]
    return {"error": {"code": code, "message": message, "details": shown}}


def document_of(error: Exception) -> tuple[int, dict[str, Any]]:
    """HTTP status and error document of an exception; unknown ones tell nothing of the inside."""
    if isinstance(error, Refused):
        return error.status, error_document(error.code, str(error))
    if isinstance(error, InvalidInput):
        return 422, error_document(error.code, str(error), error.problems)
    if isinstance(error, NearmetalError):
        return 503, error_document(error.code, str(error))
    return 500, error_document("internal", INTERNAL)


def document_for_status(status: int) -> dict[str, Any]:
    """The error document of a bare HTTP status."""
    fallback = BY_STATUS[500] if status >= 500 else BY_STATUS[400]
    return error_document(*BY_STATUS.get(status, fallback))


def json_bytes(document: Any) -> bytes:
    """Strict JSON: NaN raises ValueError, and text that is no Unicode is shown as '?'."""
    try:
        quick = to_json(document, inf_nan_mode="constants")
    except PydanticSerializationError:
        quick = b""
    if quick and b"NaN" not in quick and b"Infinity" not in quick:
        return quick
    # A number that is none, or a text that looks like it: json tells them apart.
    text = json.dumps(document, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")
