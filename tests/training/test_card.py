"""The model card names its data, weak places and extrapolations; its page stands alone."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from features.scenario import Scenario
from training.card import card_of, unmeasured, worst_cells
from training.card_page import card_page
from training.corpus import load_corpus
from training.evaluation import CHAMPION, evaluate_prior, evaluate_residual, tabulate
from training.leaks import Leak
from training.teach import answers_of

from .law import corpus_of, law_measurements

CURVE = [
    {"sources": 4, "error_by_source": 0.5, "range": [0.4, 0.6]},
    {"sources": 13, "error_by_source": 0.3, "range": [0.3, 0.3]},
]
VOID = {"meta", "polyline", "polygon"}


@pytest.fixture(scope="module")
def corpus():
    made = corpus_of(law_measurements())
    return replace(made, leaks=(Leak(("a<b", "c"), 9, "vm web.static"),))


@pytest.fixture(scope="module")
def evaluation(corpus):
    return tabulate(corpus, [evaluate_residual(corpus, answers_of(corpus)), evaluate_prior(corpus)])


@pytest.fixture(scope="module")
def card(corpus, evaluation):
    return card_of(corpus, evaluation, CURVE)


def test_it_is_plain_json_with_data_protocol_errors_and_curve(card):
    assert json.loads(json.dumps(card)) == card
    assert card["protocol"] == "loso-v1"
    assert card["dataset"]["digests"]["measured"]
    assert set(card["models"][CHAMPION]["by"]) == {
        "source",
        "runtime",
        "workload",
        "novelty_decile",
    }
    assert "by" not in card["models"]["prior"]
    assert card["learning_curve"] == CURVE
    assert card["extrapolation"]["error_flagged"] > 0


def test_the_worst_cells_are_named_with_their_bias(evaluation):
    error = evaluation.outcomes[CHAMPION].error.copy()
    cells = list(zip(evaluation.runtimes, evaluation.workloads, strict=True))
    mine = [i for i, cell in enumerate(cells) if cell == ("vm", "web.static")]
    error[mine] = -2.0
    # Two rows of a cell that errs more still: too few to be told.
    runtimes = list(evaluation.runtimes)
    for i in [i for i, cell in enumerate(cells) if cell == ("gvisor", "cpu.int")][:2]:
        runtimes[i], error[i] = "wasm", 5.0
    changed = replace(
        evaluation,
        runtimes=tuple(runtimes),
        outcomes={CHAMPION: replace(evaluation.outcomes[CHAMPION], error=error)},
    )
    first = worst_cells(changed)[0]
    assert (first["runtime"], first["workload"]) == ("vm", "web.static")
    assert first["error"] == pytest.approx(2.0)
    assert first["bias"] == pytest.approx(-2.0)
    assert first["sources"] == 14
    assert "wasm" not in {cell["runtime"] for cell in worst_cells(changed)}


def test_what_nobody_measured_is_listed_and_a_leaf_speaks_for_its_family():
    rows = law_measurements(sources=1)
    found = unmeasured([replace(m, scenario=Scenario("vm", "web.static")) for m in rows])
    assert "native" not in found
    assert "web.static" not in found["vm"]
    assert "web" not in found["vm"]
    assert {"web", "web.static"} <= set(found["wasm"])


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.links = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.links += [v for k, v in attrs if k in {"src", "href"} or k.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag


def test_the_page_is_whole_alone_and_without_scripts(card):
    text = card_page(card, "7", "2026-01-01T00:00:00+00:00")
    page = Page(text)
    assert page.open == []
    assert page.links == []
    assert "script" not in page.seen
    assert {"table", "svg", "style"} <= set(page.seen)
    assert "http" not in text
    assert "color-scheme: light dark" in text
    assert "a&lt;b and c share 9 identical figures" in text
    for heading in ("Where it errs most", "What is extrapolation", "Learning curve", "By novelty"):
        assert heading in text


def test_without_an_evaluation_the_page_tells_the_data_alone():
    corpus = load_corpus(synthetic=5)
    text = card_page(card_of(corpus, None), "1", "now")
    assert Page(text).open == []
    assert corpus.digests["measured"] in text
    assert "Where it errs most" not in text
