"""The page at /explorer/: its files, each a route of its own, under a strict policy.

There is no build step: what lies in the folder is what is served, read once at the start. A file
that is not of a known kind is an error then, so that nothing is served by accident.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

FOLDER = Path(__file__).resolve().parent / "explorer"
PAGE = "/explorer/"

_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
# Nothing but the service's own files and answers: no inline script or style, no other origin, no
# form that navigates, no frame around it, no text that becomes markup.
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]
)
_HEADERS = {
    "content-security-policy": POLICY,
    # A new version is seen at the next load; an unchanged file is not sent again.
    "cache-control": "no-cache",
}


def page_routes() -> list[Route]:
    """The page's routes. They hold no data and answer without a key: what they ask for needs one.

    Raises ValueError for a file of an unknown kind.
    """
    files = sorted(path for path in FOLDER.rglob("*") if path.is_file())
    routes = [_route(path) for path in files]
    away = Route(PAGE.removesuffix("/"), _to_page, methods=["GET"], include_in_schema=False)
    return [away, *routes]


def is_page(path: str) -> bool:
    """Whether a path lies in the page."""
    return path == PAGE.removesuffix("/") or path.startswith(PAGE)


def _to_page(_: Request) -> Response:
    # Relative, so that it holds behind a proxy that serves under a prefix.
    return RedirectResponse("explorer/")


def _route(path: Path) -> Route:
    kind = _KINDS.get(path.suffix)
    if kind is None:
        raise ValueError(f"{path} is of no kind that the page serves")
    content = path.read_bytes()
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {**_HEADERS, "etag": tag}

    def sent(request: Request) -> Response:
        known = {part.strip() for part in request.headers.get("if-none-match", "").split(",")}
        if tag in known or f"W/{tag}" in known:
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=kind, headers=headers)

    name = path.relative_to(FOLDER).as_posix()
    address = PAGE if name == "index.html" else PAGE + name
    return Route(address, sent, methods=["GET"], include_in_schema=name == "index.html")
