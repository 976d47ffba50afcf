"""Who may import whom: the house's rooms and the direction between them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = {
    "features": set(),
    "datasets": {"features"},
    "models": {"features"},
    "training": {"features", "datasets", "models"},
    "serving": {"features", "models"},
}
# Outside libraries that a room may not touch, whoever else does.
CLOSED = {
    "features": {"pandas", "scipy", "sklearn", "mlflow", "bentoml", "typer", "rich"},
    "datasets": {"sklearn", "mlflow", "bentoml"},
    "models": {"pandas", "mlflow", "bentoml", "typer", "rich"},
    "training": {"starlette"},
    "serving": {"mlflow", "sklearn", "scipy", "pandas"},
}


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def files(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_with_the_direction(room):
    assert files(room), f"{room} has no modules"
    for path in files(room):
        wrong = (imported(path) & set(ROOMS)) - ROOMS[room] - {room}
        assert not wrong, f"{path.relative_to(ROOT)} imports {wrong}"


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_keeps_out_of_libraries_that_are_not_its_business(room):
    for path in files(room):
        # A room's commands are in its cli.py alone, and are Typer's.
        wrong = imported(path) & CLOSED[room] - ({"typer"} if path.name == "cli.py" else set())
        assert not wrong, f"{path.relative_to(ROOT)} imports {wrong}"


def test_only_its_command_line_brings_typer_into_datasets():
    users = [p.name for p in files("datasets") if "typer" in imported(p)]
    assert users == ["cli.py"]


def test_only_tracking_and_the_model_that_it_stores_import_mlflow():
    users = [
        p.relative_to(ROOT).as_posix()
        for room in ROOMS
        for p in files(room)
        if "mlflow" in imported(p)
    ]
    assert users == ["training/pyfunc.py", "training/tracking.py"]


def test_modules_stay_small_and_have_a_subject():
    for room in ROOMS:
        for path in files(room):
            lines = len(path.read_text(encoding="utf-8").splitlines())
            assert lines <= 320, f"{path.relative_to(ROOT)} has {lines} lines"
            assert path.stem not in {"utils", "util", "helpers", "common", "misc"}
