"""Every option is data with an effect: it moves the prior the way it says, or is refused."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from features.choices import refusals
from features.constants import constants
from features.prior import evaluate, evaluate_table
from features.properties import lost_with
from features.scenario import Scenario
from features.table import coded, scenario_table
from features.vocabulary import vocabulary

WORDS = vocabulary()
FAST = {"cores": 8.0, "memory_gb": 64.0, "network_gbps": 100.0, "storage_iops": 500_000.0}
SLOW = {"cores": 2.0, "memory_gb": 8.0, "network_gbps": 1.0, "storage_iops": 10_000.0}
SEEN = 1e-6

EFFECTS = {
    f"{m.key}={o.name}": (m.key, o.name, o.effect)
    for m in WORDS.mechanisms.values()
    for o in m.options.values()
    if o.effect
}
ALLOWED = [
    (runtime.name, key, value)
    for runtime in WORDS.runtimes.values()
    for key, values in runtime.allowed.items()
    for value in values
    if value != runtime.preset[key]
]


def scenario(effect, runtime, key, value):
    options = {**effect.options, key: value}
    host = {**FAST, **effect.host}
    return Scenario(
        runtime, effect.workload, **host, mechanisms=options, demands=dict(effect.demands)
    )


def told(effect, kept, other):
    change = kept / other - 1.0
    assert abs(change) > SEEN
    assert ("faster" if change > 0.0 else "slower") == effect.direction


@pytest.mark.parametrize("key", WORDS.mechanisms)
def test_every_value_but_the_first_has_an_effect(key):
    first, *others = WORDS.mechanisms[key].options.values()
    assert all(option.effect and option.effect.than != option.name for option in others)
    assert first.effect is None


@pytest.mark.parametrize("name", EFFECTS)
def test_an_option_moves_the_prior_the_way_it_says(name):
    key, value, effect = EFFECTS[name]
    changed = scenario(effect, effect.runtime, key, value)
    plain = scenario(effect, effect.other_runtime, key, effect.than)
    told(effect, *evaluate([changed, plain], constants(effect.end)).retained)


@pytest.mark.parametrize("name", EFFECTS)
def test_it_is_this_mechanism_alone_that_moves_it(name):
    """Two runtimes differ in more than one thing; here only the mechanism's code is changed."""
    key, value, effect = EFFECTS[name]
    values = WORDS.mechanisms[key].values
    table = scenario_table([scenario(effect, effect.runtime, key, value)] * 2)
    codes = np.array([values.index(value), values.index(effect.than)])
    changed = table.codes.copy()
    changed[coded().index(key)] = codes
    table = replace(table, codes=changed)
    told(effect, *evaluate_table(table, constants(effect.end)).retained)


@pytest.mark.parametrize("name", EFFECTS)
def test_two_runtimes_are_compared_only_where_none_can_have_both(name):
    key, value, effect = EFFECTS[name]
    assert effect.runtime != effect.against
    both = [r.name for r in WORDS.runtimes.values() if {value, effect.than} <= set(r.allowed[key])]
    assert bool(effect.against) is not bool(both), both


@pytest.mark.parametrize("key", WORDS.mechanisms)
def test_some_runtime_can_have_every_value(key):
    had = {value for runtime in WORDS.runtimes.values() for value in runtime.allowed[key]}
    assert had == set(WORDS.mechanisms[key].values)


@cache
def predictions(runtime, options):
    """Of all workloads, on a fast and a slow host, in the middle and at the slow end of ranges."""
    asked = [
        Scenario(runtime, workload, **host, mechanisms=dict(options))
        for host in (FAST, SLOW)
        for workload in WORDS.workloads
    ]
    table = scenario_table(asked)
    ends = ("reference", "pessimistic")
    return np.concatenate([evaluate_table(table, constants(end)).retained for end in ends])


def moves(runtime, key, value, beside):
    if refusals(runtime, {**beside, key: value}):
        return False
    without = predictions(runtime, tuple(beside.items()))
    within = predictions(runtime, (*beside.items(), (key, value)))
    return bool(np.max(np.abs(within / without - 1.0)) > SEEN)


# It says where a container's native stands, which makes no exit of its own.
LABEL = ("container", "nested", "yes")


def test_a_container_loses_no_more_for_being_in_a_guest():
    runtime, key, value = LABEL
    beside = ({k: v} for r, k, v in ALLOWED if r == runtime and k != key)
    assert not any(moves(runtime, key, value, other) for other in ({}, *beside))


@pytest.mark.parametrize(("runtime", "key", "value"), [one for one in ALLOWED if one != LABEL])
def test_every_option_that_a_runtime_can_have_changes_a_prediction(runtime, key, value):
    """Alone, or beside another option of that runtime."""
    beside = [{}, *({k: v} for r, k, v in ALLOWED if r == runtime and k != key)]
    assert any(moves(runtime, key, value, other) for other in beside)


def test_what_takes_a_property_away_is_one_fact_said_the_same_twice():
    """T14 stands with the options, and in properties.toml for what a recommendation needs."""
    names = {"live_migration": "migration", "snapshots": "snapshots"}
    for option in WORDS.mechanisms["storage_path"].options.values():
        for name, fact in names.items():
            if fact in option.facts:
                lost = lost_with(name, {"storage_path": option.name})
                assert (lost is None) is bool(option.facts[fact]), option.name


def test_the_references_columns_that_are_not_performance_are_facts():
    def column(key, fact):
        options = WORDS.mechanisms[key].options.items()
        return {name: option.facts[fact] for name, option in options if fact in option.facts}

    assert column("network_path", "complexity") == {
        "sr-iov": "high",
        "vhost-net": "medium",
        "xdp": "high",
        "dpdk": "very high",
        "cilium-ebpf": "medium",
    }
    assert set(column("network_path", "cost")) == set(column("network_path", "complexity"))
    assert column("storage_path", "metadata") == {
        "thick-vmdk": "good",
        "thin-vmdk": "medium",
        "qcow2": "medium",
        "overlayfs": "excellent",
        "aufs": "good",
        "btrfs": "excellent",
        "device-mapper": "medium",
    }
    cow = column("storage_path", "copy_on_write")
    assert [name for name, held in cow.items() if not held] == ["thick-vmdk"]
    assert column("storage_path", "isolation") == {
        "virtio-blk": True,
        "virtio-scsi": True,
        "vhost-user-blk": True,
        "nvme-passthrough": False,
    }
    assert column("nic", "price") == {"nic": "$", "smartnic": "$$$", "dpu": "$$$$", "ipu": "$$$$"}
    assert list(column("nic", "network_gbps").values()) == [100, 100, 200, 200]
    assert list(column("io_engine", "cpu_cost").values()) == ["high", "medium", "low"]
    assert column("packet_filter", "replaces") == {"ebpf": "iptables"}
