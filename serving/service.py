"""The BentoML service: holds the champion, mounts the routes, answers nothing itself.

Served by `nearmetal serve`, or by `bentoml serve serving.service:NearmetalService`.
"""

from __future__ import annotations

import gc
import logging
import os
import tempfile
from typing import Any, cast

from features.errors import ModelUnavailable
from serving.errorshape import OneErrorShape
from serving.knownpaths import KnownPaths
from serving.openapi import describe
from serving.routes import build_app, is_known_path
from serving.store import Champion, prepare_bentoml

prepare_bentoml()

import bentoml  # noqa: E402  (reads the environment when it is imported)
from bentoml import Service  # noqa: E402
from bentoml._internal.utils.uri import join_paths  # noqa: E402

from serving.layers import lighten  # noqa: E402

logger = logging.getLogger("nearmetal.serving")

TIMEOUT_S = 30
MAX_CONCURRENCY = 64

champion = Champion()


class OneShapeService(Service):
    """A BentoML service with light layers, the outermost of which shapes every failure."""

    def to_asgi(self, is_main: bool = True) -> Any:
        """The application, BentoML's own layers inside the error shape."""
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:  # BentoML sets it for its workers only
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="nearmetal-metrics-")
        endpoints = [join_paths(self.path_prefix, api.route) for api in self.apis.values()]
        inner = lighten(super().to_asgi(is_main=is_main), endpoints)
        return OneErrorShape(KnownPaths(inner, lambda path: is_known_path(routes, path)))


def describe_service() -> dict[str, Any]:
    """The OpenAPI document of the service, with the version of the model when there is one."""
    try:
        version = champion.predictor().version
    except ModelUnavailable:
        version = "none"
    return describe(cast("Service", NearmetalService).openapi_spec.asdict(), version)


routes = build_app(champion, describe_service)


@bentoml.asgi_app(routes, path="/", name="nearmetal")
@bentoml.service(
    name="nearmetal",
    service_class=OneShapeService,
    traffic={"timeout": TIMEOUT_S, "max_concurrency": MAX_CONCURRENCY},
)
class NearmetalService:
    """Predicts how much of its bare-metal performance a workload keeps under isolation."""

    @bentoml.on_startup
    def load(self) -> None:
        """Read the champion; without one the service starts and is not ready."""
        try:
            logger.info("model %s is ready", champion.predictor().version)
        except ModelUnavailable as error:
            logger.warning("not ready: %s", error)
        # What is here now stays: later collections need not look at it again.
        gc.collect()
        gc.freeze()

    def __is_ready__(self) -> bool:
        return champion.is_ready()
