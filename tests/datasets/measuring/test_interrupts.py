"""A signal ends a run, but not between making a thing and noting it."""

from __future__ import annotations

import signal

import pytest

from datasets.measuring.interrupts import held, interruptible

SIGNALS = [signal.SIGINT, signal.SIGTERM]


def run(one, done, *, hold):
    with interruptible():
        if hold:
            with held():
                signal.raise_signal(one)
                done.append("noted")
        else:
            signal.raise_signal(one)
        done.append("went on")


@pytest.mark.parametrize("one", SIGNALS)
@pytest.mark.parametrize(("hold", "reached"), [(True, ["noted"]), (False, [])])
def test_a_signal_is_raised_at_once_or_where_it_is_held_no_more(one, hold, reached):
    before = signal.getsignal(one)
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        run(one, done, hold=hold)
    assert done == reached
    assert signal.getsignal(one) is before
