"""A real browser on the real service: what starts them, and a visit that minds its manners."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, Page, Playwright

ROOT = Path(__file__).resolve().parents[3]
AXE = ROOT / "tests" / "data" / "axe" / "axe.min.js"
NAMES = ("chromium", "chromium-browser", "google-chrome")
# Where it is set, a browser that is missing is a failure and no reason to skip.
REQUIRED = "NEARMETAL_BROWSER_REQUIRED"

_WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
"""


def chromium() -> str | None:
    """The path of an installed Chromium."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


def launch(playwright: Playwright, path: str) -> Browser:
    """The installed browser; root has no sandbox of its own."""
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    return playwright.chromium.launch(executable_path=path, args=flags)


@contextmanager
def serving(environment: dict[str, str], log: Path) -> Iterator[str]:
    """The service on a free port, ready; its address."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "bentoml", "serve", "serving.service:NearmetalService"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--working-dir", str(ROOT)]
    env = {k: v for k, v in os.environ.items() if k != "PROMETHEUS_MULTIPROC_DIR"} | environment
    with log.open("w") as said:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=said, stderr=said)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_until_ready(process, address, log)
        yield address
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


def _wait_until_ready(process: subprocess.Popen, address: str, log: Path) -> None:
    for _ in range(400):
        assert process.poll() is None, log.read_text()
        try:
            if httpx.get(f"{address}/readyz", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(log.read_text())


class Visit:
    """A page of a browser at the service, and all that it said and asked for."""

    def __init__(self, browser: Browser, address: str, **options: Any) -> None:
        self.address = address
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}} | options)
        self.context.add_init_script(_WATCH)
        self.page: Page = self.context.new_page()
        self.console: list[str] = []
        self.requests: list[str] = []
        # Refusals that a test provokes are told on the console by the browser itself.
        self.expected: tuple[str, ...] = ()
        self.page.on("console", lambda message: self.console.append(message.text))
        self.page.on("pageerror", lambda error: self.console.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def open(self, fragment: str = "", state: str = "ready") -> Visit:
        """Go to the page with a fragment and wait until it is drawn."""
        self.page.goto(f"{self.address}/explorer/{fragment}")
        self.settle(state)
        return self

    def settle(self, state: str = "ready") -> None:
        """Wait until what was asked last is drawn."""
        self.page.wait_for_function(
            "wanted => document.documentElement.dataset.state === wanted", arg=state
        )

    def acts(self, action: Any, state: str = "ready") -> None:
        """Do something that asks anew, and wait until its answer is drawn."""
        self.page.evaluate("document.documentElement.dataset.state = 'acted'")
        action()
        self.settle(state)

    def bars(self) -> list[dict[str, Any]]:
        """The rows of the bars with the exact figures that they are drawn from."""
        return self.page.eval_on_selector_all(
            "#bars tbody tr",
            """rows => rows.map(row => ({
              runtime: row.dataset.runtime, retained: Number(row.dataset.retained),
              interval: [Number(row.dataset.low), Number(row.dataset.high)],
              before: row.dataset.before === undefined ? null : Number(row.dataset.before),
              text: row.querySelector(".kept").textContent,
              chosen: row.querySelector("button").getAttribute("aria-pressed") === "true",
            }))""",
        )

    def text(self, selector: str) -> str:
        """The text of an element with plain spaces."""
        return self.page.inner_text(selector).replace("\u202f", " ").replace("\u00a0", " ")

    def post(self, path: str, body: Any) -> Any:
        """What the service answers to others."""
        return httpx.post(f"{self.address}{path}", json=body, timeout=20).json()

    def close(self) -> None:
        """End the visit; it must have asked no one else and broken no rule."""
        violations = self.page.evaluate("window.violations")
        self.context.close()
        said = [line for line in self.console if not any(e in line for e in self.expected)]
        assert not said, said
        assert not violations, violations
        foreign = [u for u in self.requests if not u.startswith((f"{self.address}/", "data:"))]
        assert not foreign, foreign
