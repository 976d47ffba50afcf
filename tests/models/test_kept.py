"""Answers that are kept: worked out once, within a bound."""

from __future__ import annotations

from models.kept import Kept


def test_each_is_made_once_and_the_order_is_that_of_the_keys():
    asked: list[list[int]] = []
    kept: Kept[str] = Kept(8)

    def answer(keys):
        def make(places):
            asked.append([keys[place] for place in places])
            return [str(keys[place]) for place in places]

        return kept.of(keys, make)

    assert answer([1, 2, 1]) == ["1", "2", "1"]
    assert answer([2, 3, 1]) == ["2", "3", "1"]
    assert asked == [[1, 2], [3]]


def test_no_more_than_the_bound_are_kept():
    made: list[int] = []

    def make(keys):
        return lambda places: [made.append(keys[p]) or keys[p] for p in places]

    for most in (0, 2):
        kept: Kept[int] = Kept(most)
        for keys in ([1], [2], [3], [1]):
            assert kept.of(keys, make(keys)) == keys
        assert kept.of([4, 5, 6], make([4, 5, 6])) == [4, 5, 6]
        assert len(kept._answers) <= most
    assert made == [1, 2, 3, 1, 4, 5, 6] * 2
