"""The program, built once for the tests that run it."""

from __future__ import annotations

import shutil

import pytest

from datasets.measuring.program import build
from datasets.measuring.runtimes.runtime import Place


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    if not any(shutil.which(tool) for tool in ("cc", "gcc", "clang")):
        pytest.skip("there is no C compiler")
    return build(tmp_path_factory.mktemp("program"))


@pytest.fixture
def place(built, tmp_path):
    return Place(tmp_path, "nearmetal-test", built)
