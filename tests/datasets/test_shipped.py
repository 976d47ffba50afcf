"""Every row that ships: readable, inside its ranges, cited, told once."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from importlib.resources import files
from statistics import median

import pytest

from datasets.card import CARD, with_counts
from datasets.footprints import shipped_footprints, write_footprints
from datasets.printed import reference
from datasets.reading import caution_classes, rules_of
from datasets.row import duplicate_key
from datasets.shipped import digest, measured
from datasets.sources import group_of, sources
from datasets.units import KNOWN_UNITS
from features.scenario import HOST_FIELDS, RESOURCE_CLASSES, RETAINED_RANGE
from features.vocabulary import vocabulary

RULE_FILES = sorted(
    place.name.removesuffix(".toml")
    for place in (files("datasets") / "rules").iterdir()
    if place.name.endswith(".toml") and place.name != "cautions.toml"
)


def test_enough_rows_of_enough_sources():
    rows = measured()
    assert len(rows) >= 3000
    assert len({row.source for row in rows}) >= 35
    assert {row.origin for row in rows} == {"measured"}
    assert {row.origin for row in reference()} == {"reference"}


@pytest.mark.parametrize("table", [measured, reference])
def test_rows_are_inside_their_ranges_and_cited(table):
    words, known = vocabulary(), sources()
    for row in table():
        assert RETAINED_RANGE[0] <= row.retained <= RETAINED_RANGE[1], row.id
        assert row.scenario.runtime in words.runtimes
        assert row.scenario.workload in words.workloads or len(row.scenario.demands) > 3
        assert row.source in known, row.source
        assert row.resource in RESOURCE_CLASSES
        assert row.unit in KNOWN_UNITS, row.id
        assert row.benchmark, row.id
        assert row.metric, row.id


@pytest.mark.parametrize("table", [measured, reference])
def test_no_row_is_told_twice(table):
    rows = table()
    assert max(Counter(row.id for row in rows).values()) == 1
    assert max(Counter(duplicate_key(row) for row in rows).values()) == 1


def test_a_baseline_is_never_native_and_shares_the_host():
    for row in measured():
        if row.baseline:
            assert row.baseline.runtime != "native"
            assert row.baseline.workload == row.scenario.workload
            assert row.baseline.cores == row.scenario.cores


def test_cautions_are_classes():
    classes = {name for _, name in caution_classes()}
    own = {
        "",
        "unequal-cores",
        "single-run",
        "same-runtime",
        "timer-resolution",
        "loopback",
        "guest-native",
    }
    told = {row.caution for row in measured()}
    assert told <= classes | own
    text = CARD.read_text(encoding="utf-8")
    assert [name for name in told if name and f"`{name}`" not in text] == []


def test_sources_are_complete_and_share_rigs():
    for source in sources().values():
        assert source.citation, source.id
        assert source.where, source.id
        assert source.licence, source.id
        assert source.notes, source.id
        assert 2000 <= source.year <= 2100
    assert group_of("gramine_tdx_ccs2024") == group_of("gramine_tdx_candlefix2024")
    assert group_of("felter2015") == "felter2015"
    assert group_of("a rack of mine") == "a rack of mine"
    assert sources()["sparecores_aws"].licence == "CC BY-SA 4.0"


@pytest.mark.parametrize("name", RULE_FILES)
def test_rules_belong_to_a_source_and_use_its_words(name):
    assert name in sources()
    words = vocabulary()
    known = {*words.mechanisms, *words.demand_fields, *HOST_FIELDS}
    known |= {"workload", "caution", "drop"}
    for rule in rules_of(name):
        assert set(rule.set) <= known, rule
        assert set(rule.baseline) <= set(words.mechanisms), rule
        for key in set(rule.set) & set(words.mechanisms):
            assert rule.set[key] in words.mechanisms[key].values, rule
        for pattern in rule.when.values():
            assert set(pattern.groupindex) <= {*words.demand_fields, "jobs"}, pattern


def test_rule_files_parse():
    for name in RULE_FILES:
        text = (files("datasets") / "rules" / f"{name}.toml").read_text(encoding="utf-8")
        assert set(tomllib.loads(text)) == {"rule"}


def middle(**want):
    """The median retained of the clean rows against bare metal with these mechanisms."""
    return median(
        row.retained
        for row in measured()
        if row.baseline is None
        and not row.caution
        and all(row.scenario.resolved_mechanisms[key] == value for key, value in want.items())
    )


def test_engine_tiers_are_in_order():
    tiers = ("interpreter", "baseline", "optimising", "llvm")
    kept = [middle(code_generation=tier) for tier in tiers]
    assert kept == sorted(kept)


def test_every_row_of_a_wasm_engine_names_its_tier():
    unnamed = [
        row.detail
        for row in measured()
        if row.scenario.runtime == "wasm" and "code_generation" not in row.scenario.mechanisms
    ]
    assert unnamed == []


def test_worked_examples():
    def one(source, benchmark, detail, metric):
        found = [
            row
            for row in measured()
            if (row.source, row.benchmark, row.metric) == (source, benchmark, metric)
            and row.detail.startswith(detail)
        ]
        assert len(found) == 1
        return found[0]

    row = one("huatai_nvme_iommu2021", "fio 4K randread qd32 j4", "KVM", "iops")
    assert row.scenario.mechanisms == {"storage_path": "nvme-passthrough"}
    assert row.scenario.demands == {"payload_bytes": 4096.0, "queue_depth": 128.0}

    row = one("gvisor_website", "fio.randread [tmpfs]", "runsc", "bandwidth")
    assert row.scenario.workload == "storage.cached"
    assert row.baseline.mechanisms == {"nested": "yes", "storage_path": "host"}


def test_digest_is_of_the_content_alone():
    rows = reference()
    assert digest(rows) == digest(reversed(rows))
    assert digest(rows) != digest(rows[1:])
    assert re.fullmatch("[0-9a-f]{64}", digest(rows))


def test_reference_prints_its_own_percentages():
    kept = {(r.scenario.runtime, r.benchmark, r.scenario.workload): r.retained for r in reference()}
    assert kept["vm", "section 5.1: 4 KB random read", "storage.random-read"] == pytest.approx(0.7)
    assert kept["tdx", "section 7.2: CPU", "cpu.int"] == pytest.approx(0.95)
    assert kept["container", "section 3.1: DRAM latency", "memory.latency"] == pytest.approx(
        80 / 82, abs=1e-5
    )


def test_footprints_are_cited_once_and_plausible(tmp_path):
    found = shipped_footprints()
    assert max(Counter(f.id for f in found).values()) == 1
    for footprint in found:
        assert footprint.source in sources()
        assert footprint.runtime in vocabulary().runtimes
        assert 1 < footprint.memory_mb < 1000, footprint.id
        assert footprint.benchmark
    assert {"container", "gvisor", "kata", "microvm"} == {f.runtime for f in found}
    write_footprints(tmp_path / "again.csv", found)
    shipped = files("datasets") / "tables" / "footprints.csv"
    assert (tmp_path / "again.csv").read_text() == shipped.read_text(encoding="utf-8")


def test_the_card_counts_what_is_there():
    text = CARD.read_text(encoding="utf-8")
    assert text == with_counts(text), "run: python -m datasets.card"
