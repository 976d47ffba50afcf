"""Random folds flatter, say so, and are not the honest figures; shuffled targets give no skill."""

from __future__ import annotations

import numpy as np
import pytest

from training.corpus import load_corpus
from training.evaluation import CHAMPION, evaluate_prior, evaluate_residual, tabulate
from training.random_folds import FOLDS, folded_residual, folds
from training.teach import answers_of

from .law import corpus_of, law_measurements, with_residual


@pytest.fixture(scope="module")
def law():
    return corpus_of(law_measurements())


def test_folds_are_even_seeded_and_of_scored_rows_alone():
    corpus = load_corpus(synthetic=10)
    fold = folds(corpus)
    assert np.array_equal(fold, folds(corpus))
    assert set(fold[~corpus.scored]) == {FOLDS}
    sizes = np.bincount(fold[corpus.scored])
    assert len(sizes) == FOLDS
    assert sizes.max() - sizes.min() <= 1


def test_random_folds_flatter_and_are_marked_so(law):
    honest = evaluate_residual(law, answers_of(law))
    folded = folded_residual(law, CHAMPION)
    table = tabulate(law, [honest, evaluate_prior(law)], [folded]).table
    told = table[CHAMPION]["random_5_fold"]
    assert told["flattering"] is True
    assert told["error_by_row"] < 0.9 * table[CHAMPION]["error_by_row"]
    assert "random_5_fold" not in table["prior"]
    assert told["error_by_row"] == pytest.approx(float(np.abs(folded.error).mean()))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_shuffled_targets_give_no_skill(law, seed):
    """What the prior leaves is dealt out anew, about its median: nothing of it can be learned.

    Whole targets would not do: there the prior is wrong, and to undo it is skill.
    """
    residual = law.rows.residual - np.median(law.rows.residual)
    shuffled = with_residual(law, np.random.default_rng(seed).permutation(residual))
    outcomes = [evaluate_residual(shuffled, answers_of(shuffled)), evaluate_prior(shuffled)]
    found = tabulate(shuffled, outcomes).table[CHAMPION]["ratio_to"]["prior"]
    assert found["ratio"] > 0.97
    assert found["interval"][1] >= 1.0


def test_shuffled_targets_of_the_shipped_rows_give_no_skill():
    """Of every other source: no skill of all of them takes five times as long to find."""
    rows = [m for m in load_corpus(synthetic=0).measurements if m.origin == "measured"]
    half = set(sorted({m.source for m in rows})[::2])
    corpus = corpus_of([m for m in rows if m.source in half])
    residual, keep = corpus.rows.residual.copy(), corpus.scored
    dealt = np.random.default_rng(0).permutation(residual[keep])
    residual[keep] = dealt - np.median(dealt)
    shuffled = with_residual(corpus, residual)
    outcomes = [evaluate_residual(shuffled, answers_of(shuffled)), evaluate_prior(shuffled)]
    found = tabulate(shuffled, outcomes).table[CHAMPION]["ratio_to"]["prior"]
    assert found["ratio"] > 0.97
    assert found["interval"][1] >= 1.0
