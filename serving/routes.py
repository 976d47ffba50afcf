"""The routes of the service: questions, /model, and their description."""

from __future__ import annotations

import logging
from collections.abc import Callable
from math import inf
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from serving.answers import Predicts, answer, compare
from serving.body import parse_json, read_body
from serving.hop import QUICK_BYTES, QUICK_MS, beside, prediction_ms
from serving.metrics import Counted, Metrics
from serving.page import page_routes
from serving.problems import document_of, json_bytes
from serving.recommend import answer_recommend, parse_recommend
from serving.schema import parse_compare, parse_predict
from serving.store import Champion
from serving.suggest import answer_suggest, parse_suggest
from serving.words import vocabulary_document

logger = logging.getLogger("nearmetal.serving")

_INFRASTRUCTURE = ("/healthz", "/livez", "/readyz", "/metrics")


def json_response(document: Any, status: int = 200) -> Response:
    """A document as a response."""
    return Response(json_bytes(document), status, media_type="application/json")


def build_app(
    champion: Champion, describe: Callable[[], dict[str, Any]], metrics: Metrics
) -> Starlette:
    """The application of this room's routes; `describe` gives the OpenAPI document."""

    def counted() -> Counted:
        return Counted(champion.predictor(), metrics)

    async def predict(request: Request) -> Response:
        return await _answered(request, lambda document: _predict(counted, document), prediction_ms)

    async def compared(request: Request) -> Response:
        return await _answered(request, lambda document: _compare(counted, document))

    async def recommended(request: Request) -> Response:
        return await _answered(
            request,
            lambda document: answer_recommend(counted, parse_recommend(document)),
        )

    async def suggested(request: Request) -> Response:
        return await _answered(request, lambda document: _suggest(champion, document))

    def model(_: Request) -> Response:
        return _guarded(lambda: dict(champion.predictor().card))

    def words(_: Request) -> Response:
        return _guarded(vocabulary_document)

    def docs(_: Request) -> Response:
        return _guarded(describe)

    def index(request: Request) -> Response:
        routes = [route for route in request.app.routes if isinstance(route, Route)]
        paths = [route.path for route in routes if route.include_in_schema]
        return json_response({"service": "nearmetal", "paths": [*paths, *_INFRASTRUCTURE]})

    return Starlette(
        routes=[
            # In place of BentoML's page, which loads a tracker.
            Route("/", index, methods=["GET"]),
            Route("/predict", predict, methods=["POST"]),
            Route("/compare", compared, methods=["POST"]),
            Route("/recommend", recommended, methods=["POST"]),
            Route("/suggest", suggested, methods=["POST"]),
            Route("/model", model, methods=["GET"]),
            Route("/vocabulary", words, methods=["GET"]),
            Route("/docs.json", docs, methods=["GET"]),
            *page_routes(),
        ]
    )


def known_paths(app: Starlette) -> frozenset[str]:
    """The paths that something answers at."""
    return frozenset({r.path for r in app.routes if isinstance(r, Route)}.union(_INFRASTRUCTURE))


def _predict(predictor: Callable[[], Predicts], document: Any) -> Any:
    questions = parse_predict(document)
    records = answer(predictor(), questions)
    return records if isinstance(document, list) else records[0]


def _compare(predictor: Callable[[], Predicts], document: Any) -> Any:
    comparison = parse_compare(document)
    return compare(predictor(), comparison)


def _suggest(champion: Champion, document: Any) -> Any:
    search = parse_suggest(document)
    return answer_suggest(champion.predictor(), search)


async def _answered(
    request: Request,
    work: Callable[[Any], Any],
    estimate_ms: Callable[[Any], float] = lambda _: inf,
) -> Response:
    """The answer to a JSON body, worked out beside the event loop unless it will be quick."""
    try:
        body = await read_body(request)
        if len(body) > QUICK_BYTES:
            return await beside(lambda: _guarded(lambda: work(parse_json(body))))
        document = parse_json(body)
    except ClientDisconnect:
        return Response(status_code=400)
    except Exception as error:
        return _refusal(error)
    if estimate_ms(document) <= QUICK_MS:
        return _guarded(lambda: work(document))
    return await beside(lambda: _guarded(lambda: work(document)))


def _guarded(work: Callable[[], Any]) -> Response:
    try:
        return json_response(work())
    except Exception as error:
        return _refusal(error)


def _refusal(error: Exception) -> Response:
    status, document = document_of(error)
    if status == 500:
        logger.error("request failed", exc_info=error)
    return json_response(document, status)
