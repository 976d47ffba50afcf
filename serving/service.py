"""The BentoML service: holds the champion, mounts the routes, answers nothing itself.

Served by `nearmetal serve`, or by `bentoml serve serving.service:NearmetalService`.
"""

from __future__ import annotations

import gc
import logging
import os
from typing import Any, cast

from features.errors import ModelUnavailable
from serving import logs
from serving.access import Access, key_of_environment
from serving.connections import use_prompt_headers
from serving.errorshape import App, Caught, OneErrorShape
from serving.headers import SafeHeaders
from serving.intake import WholeBody
from serving.knownpaths import KnownPaths
from serving.launch import WORKERS_VARIABLE, workers_of
from serving.metrics import Metrics, choose_folder, tidy_folder
from serving.openapi import describe
from serving.reload import Watch, period_of_environment
from serving.routes import build_app, known_paths
from serving.store import Champion, prepare_bentoml

prepare_bentoml()

import bentoml  # noqa: E402  (reads the environment when it is imported)
from bentoml import Service  # noqa: E402
from bentoml._internal.utils.uri import join_paths  # noqa: E402

from serving.layers import lighten  # noqa: E402

logger = logging.getLogger("nearmetal.serving")
logs.configure()
tidy_folder()

TIMEOUT_S = 30
# Of one worker; BentoML divides what it is given by their number.
MAX_CONCURRENCY = 64
WORKERS = workers_of(os.environ.get(WORKERS_VARIABLE, "1"))

champion = Champion()
metrics = Metrics()
watch = Watch(champion, metrics, period_of_environment())


class OneShapeService(Service):
    """A BentoML service with light layers, the outermost of which shapes every failure."""

    def to_asgi(self, is_main: bool = True) -> Any:
        """The application, BentoML's own layers inside the error shape."""
        choose_folder()
        use_prompt_headers()
        endpoints = [join_paths(self.path_prefix, api.route) for api in self.apis.values()]
        inner = lighten(super().to_asgi(is_main=is_main), endpoints)
        return dress(inner, key_of_environment())


def dress(app: App, key: bytes | None) -> App:
    """An application inside this room's layers, the outermost last."""
    app = KnownPaths(WholeBody(app), known_paths(routes))
    if key is not None:
        app = Access(app, key)
    return logs.RequestLog(SafeHeaders(OneErrorShape(app)), logs.wants_access_log())


def describe_service() -> dict[str, Any]:
    """The OpenAPI document of the service, with the version of the model when there is one."""
    try:
        version = champion.predictor().version
    except ModelUnavailable:
        version = "none"
    base = cast("Service", NearmetalService).openapi_spec.asdict()
    return describe(base, version, locked=key_of_environment() is not None)


routes = build_app(champion, describe_service, metrics)


@bentoml.asgi_app(routes, path="/", name="nearmetal")
@bentoml.service(
    name="nearmetal",
    service_class=OneShapeService,
    workers=WORKERS,
    traffic={"timeout": TIMEOUT_S, "max_concurrency": MAX_CONCURRENCY * WORKERS},
    # This room writes its own, with the request's id, when it is asked to.
    logging={"access": {"enabled": False}},
)
class NearmetalService:
    """Predicts how much of its bare-metal performance a workload keeps under isolation."""

    @bentoml.on_startup
    def load(self) -> None:
        """Read the champion; without one the service starts and is not ready."""
        metrics.open()
        try:
            watch.tell()
        except ModelUnavailable as error:
            logger.warning("not ready: %s", error)
        watch.start()
        # What is here now stays: later collections need not look at it again.
        gc.collect()
        gc.freeze()

    @bentoml.on_shutdown
    def leave(self) -> None:
        """Look for no other champion."""
        watch.stop()

    def __is_ready__(self) -> bool:
        return champion.is_ready()


# Inside BentoML's own layers, of which one would wait for its whole time after a fault.
cast("Service", NearmetalService).add_asgi_middleware(Caught)
