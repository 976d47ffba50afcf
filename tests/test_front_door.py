"""The front door: quick, one line for what is wrong, nothing heavy before a command runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import nearmetal

ROOT = Path(__file__).resolve().parent.parent


def run(*arguments):
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["predict", "--bogus"], "--bogus"),
        (["nonsense"], "nonsense"),
        (["predict", "--cores"], "--cores"),
        (["train", "--seed", "many"], "--seed"),
    ],
)
def test_a_wrong_command_is_one_line_and_exit_code_two(words, said):
    done = run("-m", "nearmetal", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.strip().splitlines()) == 1
    assert said in done.stderr
    told = json.loads(run("-m", "nearmetal", *words, "--json").stderr)
    assert told["error"]["code"] == "invalid_input"


def test_help_is_given_and_shows_examples():
    assert "Example" in run("-m", "nearmetal", "predict", "--help").stdout
    said = CliRunner().invoke(nearmetal.app, ["--help"])
    assert (said.exit_code, said.stderr) == (0, "")
    for command in (
        "predict",
        "compare",
        "recommend",
        "suggest",
        "matrix",
        "options",
        "train",
        "evaluate",
        "ui",
        "serve",
        "measure",
    ):
        assert command in said.stdout
        assert "Example" in CliRunner().invoke(nearmetal.app, [command, "--help"]).stdout, command


def test_nothing_heavy_is_imported_before_a_command_runs():
    code = "import nearmetal, sys; print(*sorted(m.split('.')[0] for m in sys.modules))"
    loaded = set(run("-c", code).stdout.split())
    heavy = {"numpy", "pandas", "scipy", "sklearn", "mlflow", "bentoml", "matplotlib"}
    assert "typer" in loaded
    assert not heavy & loaded
