"""The formulas that a part names are told in words, and no others."""

from __future__ import annotations

import re
from pathlib import Path

import features
from features.formulas import formulas
from features.prior import PARTS


def test_each_formula_of_a_part_is_told_and_no_other():
    named = {name for part in PARTS for name in part.formula.split(", ")}
    assert named == set(formulas())


def test_a_formula_has_a_form_and_a_table_has_none():
    for name, formula in formulas().items():
        assert formula.says
        assert bool(formula.form) is name.startswith("F"), name


def test_the_section_is_the_one_that_the_code_cites():
    room = Path(features.__file__).parent
    text = "\n".join(path.read_text(encoding="utf-8") for path in room.glob("*.py"))
    cited = dict(re.findall(r"\b(F\d+), reference (\d+(?:\.\d+)*)", text))
    shared = set(cited) & set(formulas())
    assert len(shared) > 8
    for name in shared:
        assert formulas()[name].section == cited[name], name
