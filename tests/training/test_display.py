"""What a person reads of an evaluation: intervals, ratios, what flatters, and leaks."""

from __future__ import annotations

from training.display import print_evaluation

MODEL = {"error_by_source": 0.4, "error_by_row": 0.38, "median_error": 0.19}
DOCUMENT = {
    "protocol": "loso-v1",
    "dataset": {"digest": "0123456789abcdef", "rows": 7, "sources": 3},
    "leaks": [{"sources": ["a", "b"], "rows": 9, "example": "vm web.static"}],
    "models": {
        "prior": MODEL,
        "champion": {
            **MODEL,
            "error_by_source_interval": [0.33, 0.47],
            "coverage": 0.92,
            "width": 1.5,
            "ratio_to": {
                "prior": {"ratio": 0.96, "interval": [0.9, 1.04]},
                "random-forest": {"ratio": None, "interval": None},
            },
            "random_5_fold": {"error_by_row": 0.28, "flattering": True},
        },
    },
}


def test_everything_is_told_once_and_what_flatters_is_told_to(capsys):
    print_evaluation(DOCUMENT)
    out, err = capsys.readouterr()
    assert "loso-v1: 7 rows of 3 sources (0123456789ab)" in out
    assert "0.400 (0.33-0.47)" in out
    assert out.count("0.96 (0.90-1.04)") == 2
    assert "random-forest -" in out
    assert "flatters, every source was seen: champion 0.280" in out
    assert "a and b share 9 identical figures (vm web.static)" in err
    assert len(err.splitlines()) == 1


def test_without_ratios_and_folds_there_is_the_table_alone(capsys):
    print_evaluation({**DOCUMENT, "leaks": [], "models": {"champion": MODEL}})
    out, err = capsys.readouterr()
    assert err == ""
    assert out.rstrip().endswith("┘")
