"""From collected figures to rows: what is kept, merged, dropped and read out of the words."""

from __future__ import annotations

import csv

import pytest

from datasets.curation import curate, curate_footprints
from datasets.reading import size_in_bytes
from features.errors import InvalidInput
from features.scenario import Scenario

FIGURE = {
    "source_id": "felter2015",
    "runtime": "container",
    "runtime_detail": "docker NAT bridge",
    "benchmark": "redis-benchmark GET [10 connections]",
    "metric": "requests_per_second",
    "cores": "",
    "memory_gb": "",
    "network_gbps": "10",
    "storage_iops": "",
    "host_cpu": "",
    "year": "2014",
    "value": "50",
    "unit": "requests/sec",
    "baseline_runtime": "native",
    "baseline_value": "100",
    "ratio": "0.5",
    "stddev_or_ci": "5",
    "n_runs": "10",
    "use": "ok",
    "notes": "",
}
PAIR = {
    "source_id": "sparecores_aws",
    "vm_type": "m1.big",
    "metal_type": "m1.metal",
    "tier": "1",
    "host_cpu": "a cpu",
    "cpu_model_equal": "yes",
    "cores": "64",
    "memory_gb": "256",
    "workload_type": "compression",
    "benchmark": "compress.py gzip level 5 compress, 1 threads",
    "ratio": "0.9",
    "outlier": "",
    "caution": "",
}


def collect(folder, figures=(), pairs=()):
    sources = [{"source_id": "felter2015"}]
    for name, rows, model in (
        ("figures.csv", figures, FIGURE),
        ("vm_vs_metal.csv", pairs, PAIR),
        ("sources.csv", sources, {"source_id": ""}),
    ):
        with (folder / name).open("w", encoding="utf-8", newline="") as out:
            writer = csv.DictWriter(out, model)
            writer.writeheader()
            writer.writerows(model | row for row in rows)
    return curate(folder)


def test_words_of_a_source_become_words_of_ours(tmp_path):
    (row,) = collect(tmp_path, [{}])
    assert row.scenario == Scenario(
        "container",
        "database.kv",
        network_gbps=10.0,
        mechanisms={"network_path": "nat"},
        demands={"concurrency": 10.0},
    )
    assert (row.retained, row.unit, row.spread, row.repeats) == (0.5, "req/s", 0.1, 10)
    assert row.baseline is None


@pytest.mark.parametrize(
    "figure",
    [
        {"use": "exclude: page cache"},
        {"use": "baseline"},
        {"use": "no-baseline"},
        {"use": "caution: same measurement as row 7 in another metric"},
        {"runtime": "unikernel"},
    ],
)
def test_what_is_no_evidence_is_dropped(tmp_path, figure):
    assert collect(tmp_path, [figure]) == []


def test_cautions_become_classes(tmp_path):
    (row,) = collect(tmp_path, [{"use": "caution: fixed offered load"}])
    assert row.caution == "fixed-load"
    with pytest.raises(InvalidInput, match="no class"):
        collect(tmp_path, [{"use": "caution: something new"}])


def test_what_no_rule_covers_stops_the_run(tmp_path):
    with pytest.raises(InvalidInput, match="row 3: workload: is required"):
        collect(tmp_path, [{}, {"benchmark": "something new"}])


def test_a_pair_gives_the_median_of_its_benchmarks(tmp_path):
    ratios = [{"ratio": r} for r in ("0.8", "0.9", "1.0")]
    left_out = [{"ratio": "9", "outlier": "yes"}, {"ratio": "9", "cpu_model_equal": "no"}]
    (row,) = collect(tmp_path, pairs=ratios + left_out)
    assert row.scenario == Scenario("vm", "hpc.compression", cores=64.0, memory_gb=256.0)
    assert row.retained == 0.9
    assert row.spread == pytest.approx(1.4826 * 0.1 / 0.9, rel=0.01)
    assert row.repeats == 3


FOOTPRINT = {"metric": "memory_per_container", "unit": "MiB", "value": "2", "use": "exclude: x"}


def test_a_footprint_is_read_in_its_own_unit_whatever_its_use(tmp_path):
    other = {**FOOTPRINT, "unit": "KB", "value": "500", "runtime": "gvisor"}
    assert collect(tmp_path, [FOOTPRINT, other, {}]) != []
    found = {f.runtime: f.memory_mb for f in curate_footprints(tmp_path)}
    assert found == {"container": 2.097152, "gvisor": 0.5}


def test_a_footprint_that_is_no_size_or_dropped_by_a_rule(tmp_path):
    collect(tmp_path, [{**FOOTPRINT, "runtime": "unikernel"}])
    assert curate_footprints(tmp_path) == []
    full = {**FOOTPRINT, "source_id": "gvisor_website", "benchmark": "density.redis"}
    collect(tmp_path, [full])
    assert curate_footprints(tmp_path) == []
    collect(tmp_path, [{**FOOTPRINT, "unit": "s"}])
    with pytest.raises(InvalidInput, match="no size of memory: s"):
        curate_footprints(tmp_path)


def test_sizes():
    assert size_in_bytes("128K") == 131072
    assert size_in_bytes("4KB") == 4096
    assert size_in_bytes("612B") == 612
    assert size_in_bytes("16") == 16
    with pytest.raises(ValueError, match="not a size"):
        size_in_bytes("large")
