"""Documents as bytes: strict JSON, whichever way they are written."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.problems import json_bytes

LEAVES = st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["NaN", "\ud800"])
DOCUMENTS = st.recursive(
    LEAVES | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def _plain(document) -> bytes:
    text = json.dumps(document, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


@settings(max_examples=40)
@given(DOCUMENTS)
def test_a_document_is_read_back_as_the_standard_library_writes_it(document):
    assert json.loads(json_bytes(document)) == json.loads(_plain(document))


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_refused(number):
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_bytes({"retained": [1.0, number], "said": "NaN"})


def test_texts_that_look_like_no_number_are_texts():
    assert json.loads(json_bytes({"NaN": "Infinity \ud800"})) == {"NaN": "Infinity ?"}
