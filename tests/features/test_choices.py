"""What a runtime cannot have is refused with the reason, alone or beside another option."""

from __future__ import annotations

import re

import pytest

from features.choices import settled
from features.errors import InvalidInput
from features.mechanisms import mechanisms_of, pairs_of, stray_effects
from features.scenario import Scenario
from features.vocabulary import read_toml, vocabulary

WORDS = vocabulary()
# Each rule, spelled out for the runtimes that can have both of its options.
PAIRS = [
    (pair, runtime.name, {pair.key: value, pair.other: excluded})
    for pair in WORDS.pairs
    for runtime in WORDS.runtimes.values()
    for value in pair.values
    for excluded in pair.excluded
    if value in runtime.allowed[pair.key] and excluded in runtime.allowed[pair.other]
]


def refusal(runtime, options):
    with pytest.raises(InvalidInput) as caught:
        Scenario(runtime, "web", mechanisms=options)
    return {problem.field: problem.message for problem in caught.value.problems}


def test_a_refused_option_says_what_it_needs_and_what_can_be_had():
    assert refusal("wasm", {"network_path": "sr-iov"}) == {
        "mechanisms.network_path": "wasm cannot have network_path=sr-iov: it needs a virtual "
        "function of the network card given to the guest or to a network namespace; "
        "it can have host"
    }
    said = refusal("vm", {"syscall_boundary": "enclave-exit"})["mechanisms.syscall_boundary"]
    assert "it needs an enclave (SGX); it can have none, hypervisor-exit" in said


@pytest.mark.parametrize("runtime", WORDS.runtimes)
def test_every_refusal_reads_well(runtime):
    for key, mechanism in WORDS.mechanisms.items():
        for value in mechanism.values:
            if value in WORDS.runtimes[runtime].allowed[key]:
                continue
            said = refusal(runtime, {key: value})[f"mechanisms.{key}"]
            first = f"{runtime} cannot have {key}={value}: it needs "
            assert said.startswith(first)
            assert re.fullmatch(r"\w[^;]*\w\)?; it can have .+", said.removeprefix(first)), said


@pytest.mark.parametrize("pair", WORDS.pairs, ids=lambda p: f"{p.key}-{p.other}")
def test_every_rule_is_of_use_to_some_runtime(pair):
    assert any(rule is pair for rule, _, _ in PAIRS)
    assert pair.reason


@pytest.mark.parametrize(("pair", "runtime", "options"), PAIRS)
def test_options_that_cannot_stand_together_are_refused_with_the_reason(pair, runtime, options):
    assert pair.reason in " ".join(refusal(runtime, options).values())


def test_presets_count_beside_what_is_given():
    said = refusal("kata", {"seccomp_filter": "long", "syscall_boundary": "none"})
    assert said == {
        "mechanisms.syscall_boundary": "kata cannot have syscall_boundary=none with "
        "seccomp_filter=long: without seccomp there is no filter to run"
    }
    assert Scenario("kata", "web", mechanisms={"seccomp_filter": "long"})
    assert "page_size=2m" in str(refusal("vm", {"page_size": "2m", "ksm": "on"}))


def test_the_option_given_first_is_kept():
    first = {"page_size": "2m", "ksm": "on", "pinning": "on"}
    kept, dropped = settled("vm", first)
    assert kept == {"page_size": "2m", "pinning": "on"}
    assert dropped == {"ksm": "vm cannot have ksm=on with page_size=2m (KSM merges pages of 4 KiB)"}
    kept, dropped = settled("vm", dict(reversed(first.items())))
    assert (kept, set(dropped)) == ({"pinning": "on", "ksm": "on"}, {"page_size"})


@pytest.mark.parametrize("runtime", WORDS.runtimes)
def test_any_question_can_be_asked_of_any_runtime(runtime):
    for _, other, options in PAIRS:
        first = dict(list(options.items())[:1])
        assert Scenario(other, "web", mechanisms=first).under(runtime).runtime == runtime
        kept, dropped = settled(runtime, options)
        assert Scenario(runtime, "web", mechanisms=kept)
        assert set(kept) | set(dropped) == set(options)
        assert not set(kept) & set(dropped)


def test_data_that_uses_no_word_is_refused_when_it_is_loaded():
    document = read_toml("mechanisms.toml")
    document["pinning"]["values"]["on"]["effect"] |= {"direction": "better", "than": "of"}
    wrong = stray_effects(
        mechanisms_of(document), WORDS.runtimes, WORDS.workloads, WORDS.demand_fields
    )
    assert wrong == [
        "mechanisms.toml, pinning=on: 'better' is no word",
        "mechanisms.toml, pinning=on: 'of' is no word",
    ]
    document["pinning"]["values"]["on"]["effect"] = {"towards": "faster"}
    with pytest.raises(ValueError, match=r"pinning=on: .*towards"):
        mechanisms_of(document)
    rule = {"option": "ksm=maybe", "without": "page_size=2m", "reason": ""}
    with pytest.raises(ValueError, match="'ksm=maybe' is no option"):
        pairs_of({"pairs": [rule]}, WORDS.mechanisms)
