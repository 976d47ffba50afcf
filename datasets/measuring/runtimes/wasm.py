"""The program as WebAssembly under Wasmtime, by its Python package."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from datasets.measuring.runtimes.runtime import Place, Runtime

_HOST = Path(__file__).with_name("wasmhost.py")


class Wasmtime(Runtime):
    """Wasmtime in a process of Python's, whose own start is no part of an instance's."""

    name = "wasmtime"
    word = "wasm"
    mechanisms = {"wasm_simd": "on", "code_generation": "optimising"}
    timed_start = False
    no_link = "WASI's first preview opens no connection"

    def missing(self, place: Place) -> str:
        if not self.version():
            return "the Python package wasmtime is not installed (nearmetal[measure])"
        return "" if place.built.module else place.built.no_module

    def version(self) -> str:
        try:
            return f"wasmtime {version('wasmtime')}"
        except PackageNotFoundError:
            return ""

    def command(self, place: Place) -> Sequence[str]:
        return [sys.executable, str(_HOST), str(place.built.module), str(self.data(place))]

    def data(self, place: Place) -> Path:
        return place.of(self.name) / "data"
