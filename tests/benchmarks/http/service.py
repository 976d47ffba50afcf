"""The service as it is, and two no-ops in it, that its own path can be told from the prediction.

Served by the benchmark alone: `/noop` is an endpoint of BentoML, `/noop-route` a mounted route.
"""

from __future__ import annotations

from typing import Any

import bentoml
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from serving.service import NearmetalService, routes


async def noop(_self: Any) -> dict[str, Any]:
    """Nothing."""
    return {}


async def noop_route(_: Request) -> Response:
    """Nothing."""
    return Response(b"{}", media_type="application/json")


def _add_noops() -> None:
    endpoint = bentoml.api(noop, route="/noop")
    NearmetalService.apis["noop"] = endpoint
    NearmetalService.inner.noop = endpoint
    # The service lets through only paths that its routes know; BentoML's own comes first.
    for path in ("/noop", "/noop-route"):
        routes.router.routes.append(Route(path, noop_route, methods=["POST"]))


_add_noops()
