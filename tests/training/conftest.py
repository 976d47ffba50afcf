"""One state folder for all that trains in this process, since BentoML binds its store to the
first, and one pair of training runs in it."""

from __future__ import annotations

from functools import partial

import pytest

from models.persistence import load_predictor
from training import teach
from training.corpus import load_corpus
from training.curve import learning_curve


def champion(home):
    store = home / "bentoml" / "models" / "nearmetal"
    return load_predictor(store / (store / "latest").read_text().strip())


@pytest.fixture(scope="package")
def home(tmp_path_factory):
    """The folder, in force while this room's tests run."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEARMETAL_HOME", str(folder))
        patch.delenv("BENTOML_HOME", raising=False)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield folder


@pytest.fixture(scope="package")
def corpus():
    return load_corpus()


@pytest.fixture(scope="package")
def answers(corpus):
    return teach.answers_of(corpus)


@pytest.fixture(scope="package")
def evaluation(corpus, answers):
    return teach.assess(corpus, answers, all_rivals=False)


@pytest.fixture(scope="package")
def lessons(home, corpus, answers, evaluation):
    """Two runs on the same rows, the slow rivals left to the command itself: the first works all
    out anew, the second takes what the fixtures have."""
    with pytest.MonkeyPatch.context() as patch:
        whole = teach.assess
        patch.setattr(teach, "assess", lambda *a, **k: whole(*a, **{**k, "all_rivals": False}))
        curve = partial(learning_curve, sizes=(4,), draws=1)
        patch.setattr(teach, "learning_curve", curve)
        first = teach.train()
        served = champion(home)
        patch.setattr(teach, "load_corpus", lambda files, seed=0: corpus)  # noqa: ARG005
        patch.setattr(teach, "answers_of", lambda *_: answers)
        patch.setattr(teach, "assess", lambda *_, **__: evaluation)
        return first, served, teach.train()
