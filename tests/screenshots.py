"""The pictures of the page that the README shows, taken of a running service.

uv run nearmetal serve &
uv run python -m tests.screenshots http://127.0.0.1:3000
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from tests.serving.explorer.browser import Visit, chromium, launch

FOLDER = Path(__file__).resolve().parents[1] / "serving" / "pictures"
# A picture in a repository is cloned by everyone.
MAX_BYTES = 200_000
HOST = "cores=16&memory_gb=64&network_gbps=25&storage_iops=500000"
OWN = '{"runtime":"vm","workload":"storage.random-read","storage_iops":500000,"retained":0.45}'
PICTURES = {
    "explorer": (
        {"viewport": {"width": 1280, "height": 1870}, "color_scheme": "light"},
        f"#workload=web&runtime=gvisor&{HOST}&axis=network_gbps",
    ),
    "explorer-dark": (
        {"viewport": {"width": 1280, "height": 1640}, "color_scheme": "dark"},
        f"#workload=storage.random-read&runtime=vm&{HOST}&axis=storage_iops&observed={OWN}",
    ),
    "explorer-small": (
        {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
        f"#workload=database.sql&runtime=gvisor&{HOST}&axis=cores",
    ),
}


def main() -> None:
    """Take each picture and tell its size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    address = parser.parse_args().address.rstrip("/")
    path = chromium()
    if path is None:
        raise SystemExit("Chromium is not installed")
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = launch(playwright, path)
        for name, (options, fragment) in PICTURES.items():
            visit = Visit(browser, address, **options).open(fragment)
            visit.page.evaluate("document.fonts.ready")
            if name == "explorer":
                visit.page.locator("#waterfall button.part").nth(3).hover()
            if name == "explorer-small":
                visit.page.locator(".answer").scroll_into_view_if_needed()
                visit.page.evaluate(
                    "() => window.scrollTo(0, document.querySelector('.answer').offsetTop - 12)"
                )
            content = small(visit.page.screenshot())
            (FOLDER / f"{name}.png").write_bytes(content)
            print(f"{name}.png: {len(content)} bytes")
            visit.close()
        browser.close()


def small(content: bytes) -> bytes:
    """A picture of few colours; text on plain ground loses nothing. Raises ValueError."""
    made = io.BytesIO()
    Image.open(io.BytesIO(content)).convert("RGB").quantize(256).save(made, "PNG", optimize=True)
    if len(made.getvalue()) > MAX_BYTES:
        raise ValueError(f"{len(made.getvalue())} bytes are more than {MAX_BYTES}")
    return made.getvalue()


if __name__ == "__main__":
    main()
