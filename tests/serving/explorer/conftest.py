"""One service and one browser for all tests of the page."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.serving.conftest import put
from tests.serving.explorer.browser import REQUIRED, Visit, chromium, launch, serving


@pytest.fixture(scope="package")
def address(predictor, tmp_path_factory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("explorer")
    put(predictor, folder / "bentoml")
    with serving({"BENTOML_HOME": str(folder / "bentoml")}, folder / "log") as found:
        yield found


# Of the package and no wider: while it is open, its event loop is this thread's.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = chromium()
    if path is None:
        assert not os.environ.get(REQUIRED), f"{REQUIRED} is set and there is no Chromium"
        pytest.skip("the page is tested in Chromium, which is not installed here")
    with sync_playwright() as playwright:
        opened = launch(playwright, path)
        yield opened
        opened.close()


@pytest.fixture
def visiting(browser, address) -> Iterator[Callable[..., Visit]]:
    """Visits of the page; at the end each must have behaved."""
    visits: list[Visit] = []

    def visit(**options) -> Visit:
        visits.append(Visit(browser, address, **options))
        return visits[-1]

    yield visit
    for made in visits:
        made.close()
