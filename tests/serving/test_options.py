"""`nearmetal options`: the vocabulary as a person and as a program reads it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from features.errors import InvalidInput
from features.vocabulary import vocabulary
from serving.options import effect_in_words, options_document, register

ROOT = Path(__file__).resolve().parents[2]
WORDS = vocabulary()


def run(*arguments):
    app = typer.Typer()
    register(app)
    app.callback()(lambda: None)
    done = CliRunner().invoke(app, ["options", *arguments], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def values_of(document, key):
    [found] = [m for m in document["mechanisms"] if m["key"] == key]
    return {value["value"]: value for value in found["values"]}


def test_the_document_holds_every_value_with_its_facts():
    document = json.loads(run("--json"))
    assert [m["key"] for m in document["mechanisms"]] == list(WORDS.mechanisms)
    for key, mechanism in WORDS.mechanisms.items():
        assert tuple(values_of(document, key)) == mechanism.values
    passthrough = values_of(document, "storage_path")["nvme-passthrough"]
    assert passthrough["facts"] == {"isolation": False, "migration": False, "snapshots": False}
    assert passthrough["facts_source"] == "reference 5.4.2"
    assert passthrough["runtimes"] == ["vm", "microvm", "kata", "sev", "sev-snp", "tdx"]
    assert values_of(document, "network_path")["veth"]["preset_of"] == ["container"]


def test_one_mechanism_and_one_runtime_can_be_asked_for():
    document = options_document("network_path", "gvisor")
    assert document["runtime"] == "gvisor"
    assert list(values_of(document, "network_path")) == ["host", "netstack"]
    for runtime in WORDS.runtimes:
        for mechanism in options_document(runtime=runtime)["mechanisms"]:
            named = {value["value"] for value in mechanism["values"]}
            assert named == set(WORDS.runtimes[runtime].allowed[mechanism["key"]])


def test_a_pair_is_told_from_both_sides_and_only_where_it_can_be_had():
    merged = values_of(options_document("ksm"), "ksm")["on"]["not_with"]
    assert {"option": "page_size=2m|1g", "reason": "KSM merges pages of 4 KiB"} in merged
    huge = values_of(options_document("page_size"), "page_size")["2m"]
    assert [other["option"] for other in huge["not_with"]] == ["ksm=on"]
    asked = values_of(options_document("page_size", "gvisor"), "page_size")["2m"]
    assert asked["not_with"] == []


def test_an_effect_reads_as_words():
    said = values_of(options_document(), "network_path")
    assert effect_in_words(said["sr-iov"]["effect"]) == "faster than virtio (vm, network.latency)"
    against = "slower than native's host (vm, network.latency)"
    assert effect_in_words(said["virtio"]["effect"]) == against
    said = values_of(options_document(), "load_balancer")["ebpf"]["effect"]
    assert effect_in_words(said) == "faster than ipvs (container, network.pps, link_bound=0)"
    said = values_of(options_document(), "code_generation")["llvm"]["effect"]
    assert effect_in_words(said).endswith("at the pessimistic end of its range")


@pytest.mark.parametrize("arguments", [(), ("storage_path",), ("--runtime", "wasm")])
def test_the_tables_fit_a_hundred_columns_and_mark_the_preset(arguments, monkeypatch):
    from rich.console import Console

    monkeypatch.setattr(
        "serving.render.make_console", lambda: Console(markup=False, highlight=False, width=100)
    )
    text = run(*arguments)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 100
    assert "*" in text
    assert "…" not in text


def test_what_a_runtime_cannot_change_follows_in_a_line():
    text = " ".join(run("--runtime", "wasm").split())
    assert "wasm always has syscall_boundary=wasm-host-call, guest_kernel=host" in text
    assert "optimising *" in text


@pytest.mark.parametrize(
    ("key", "runtime", "said"),
    [
        ("netwrk_path", None, "did you mean network_path"),
        (None, "vmm", "did you mean vm?"),
        ("sr-iov", None, "sr-iov is a value of network_path"),
    ],
)
def test_a_wrong_name_is_answered_with_the_near_ones(key, runtime, said):
    with pytest.raises(InvalidInput, match=said.replace("?", r"\?")):
        options_document(key, runtime)


def test_nothing_heavy_is_imported_and_no_model_is_asked_for(tmp_path):
    code = (
        "import sys, nearmetal; sys.argv = ['nearmetal', 'options', '--json']\n"
        "try: nearmetal.main()\n"
        "except SystemExit: pass\n"
        "print(*sorted(m.split('.')[0] for m in sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"NEARMETAL_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(done.stdout)["mechanisms"]
    heavy = {"numpy", "pandas", "scipy", "sklearn", "mlflow", "bentoml", "matplotlib"}
    assert not heavy & set(done.stderr.split())
    assert not (tmp_path / "home").exists()
