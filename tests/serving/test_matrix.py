"""The matrix as a person and as a program reads it."""

from __future__ import annotations

import csv
import io
import os

import pytest
import typer
from typer.testing import CliRunner

from features.errors import InvalidInput
from serving.figures import shown
from serving.matrix import cells_csv, cells_page, print_matrix, register

CELL = {
    "reference": 9200.0,
    "reference_range": None,
    "model": 9199.8,
    "predicted": 9800.0,
    "interval": [9000.0, 10100.0],
    "retained": 0.98,
    "measured": None,
    "sources": 0,
    "extrapolating": False,
    "disagreements": ['a "quoted" <reason>'],
}
ROW = {"metric": "integer", "unit": "MIPS", "native": 10000.0, "cells": {"vm": CELL}}
DOCUMENT = {"host": {"cores": 8.0}, "sections": {"cpu": [ROW]}}


def test_a_csv_line_a_cell():
    [line] = csv.DictReader(io.StringIO(cells_csv(DOCUMENT)))
    assert (line["section"], line["metric"], line["runtime"]) == ("cpu", "integer", "vm")
    assert float(line["predicted"]) == 9800.0
    assert (line["measured"], line["sources"]) == ("", "0")
    assert line["disagreements"] == 'a "quoted" <reason>'


def test_the_page_has_no_script_and_escapes_what_it_shows():
    page = cells_page(DOCUMENT)
    assert "<script" not in page
    assert "http" not in page
    assert "&lt;reason&gt;" in page
    assert "9,800" in page


def test_the_terminal_shows_figures_and_marks_disagreement(capsys):
    print_matrix(DOCUMENT)
    out = capsys.readouterr().out
    assert "integer [MIPS], native 10,000" in out
    assert "vm *" in out
    assert "9,000 to 10,100" in out


BARE = CELL | {"interval": None, "retained": None, "reference_range": [None, 9200.0]}
OWN_UNIT = ROW | {"native": None, "host": {"memory_gb": 50.0}, "cells": {"vm": BARE}}
WITHOUT = {"host": {"cores": 8.0}, "sections": {"cost": [OWN_UNIT]}}


def test_what_means_nothing_is_left_empty(capsys):
    [line] = csv.DictReader(io.StringIO(cells_csv(WITHOUT)))
    assert (line["native"], line["low"], line["high"]) == ("", "", "")
    page = cells_page(WITHOUT)
    assert "hsl(" not in page
    assert "None" not in page
    assert "ref &lt;9,200" in page
    assert "memory_gb 50" in page
    print_matrix(WITHOUT)
    out = capsys.readouterr().out
    assert "integer [MIPS], memory_gb 50" in out
    assert "<9,200" in out
    assert "None" not in out


def test_three_digits_that_matter():
    assert [shown(v) for v in (None, 0.01234, 12.345, 123456.7)] == [
        "-",
        "0.0123",
        "12.3",
        "123,457",
    ]


@pytest.mark.parametrize("option", ["csv", "html"])
def test_a_target_that_is_no_file_is_refused_before_anything_is_worked_out(tmp_path, option):
    """For root, a rename would replace even the system's own."""
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    app = typer.Typer()
    register(app, lambda: pytest.fail("a model was asked for"))
    for out, said in ((pipe, "regular file"), (link, "regular file"), (tmp_path, "directory")):
        asked = [f"--{option}", str(out)]
        with pytest.raises(InvalidInput, match=f"{option}: .*{said}"):
            CliRunner().invoke(app, asked, catch_exceptions=False)
    assert pipe.is_fifo()
    assert link.is_symlink()
