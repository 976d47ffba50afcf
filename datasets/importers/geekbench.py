"""Geekbench's JSON (`--export-json`)."""

from __future__ import annotations

from pathlib import Path

from datasets.importers.result import Result, figure, json_of, member, read_with


def read_geekbench(path: Path | str) -> list[Result]:
    """The score of each section."""
    return read_with(path, _parse)


def _parse(text: str) -> list[Result]:
    document = json_of(text)
    setting = {"version": str(document.get("version", "")) if isinstance(document, dict) else ""}
    return [
        Result(
            member(section, "name", str), "score", figure(section, "score"), "score", "", setting
        )
        for section in member(document, "sections", list)
    ]
