"""The benchmark data: whole, of the vocabulary, and lines that a shell reads as they are meant."""

from __future__ import annotations

import shlex

import pytest

from features.benchmarks import benchmarks
from features.vocabulary import vocabulary


def test_every_leaf_that_can_be_measured_has_a_benchmark():
    leaves = {name for name, w in vocabulary().workloads.items() if name != w.family}
    assert set(benchmarks()) == leaves - {"startup"}


def test_every_isolating_runtime_has_something_that_runs_on_it():
    for runtime in vocabulary().runtimes:
        able = [name for name, b in benchmarks().items() if b.runs_on(runtime)]
        assert bool(able) == (runtime != "native"), runtime


@pytest.mark.parametrize("name", sorted(benchmarks()))
def test_the_lines_are_words_of_a_shell(name):
    found = benchmarks()[name]
    assert found.tool
    assert found.figure
    for line in found.native:
        assert shlex.split(line)
    for runtime in vocabulary().runtimes:
        if not found.runs_on(runtime):
            continue
        first, *rest = found.isolated(runtime)
        assert "{" not in first
        assert rest == list(found.native[1:])
        words = shlex.split(first)
        if words[0] == "ssh":
            # The guest's shell reads the line once more.
            assert shlex.split(words[2]) == shlex.split(found.native[0])
        elif words[0] == "docker":
            assert words[-len(shlex.split(found.native[0])) :] == shlex.split(found.native[0])


def test_a_server_runs_on_the_measured_side_and_its_client_elsewhere():
    redis = benchmarks()["database.kv"]
    served, asked = redis.isolated("gvisor")
    assert served.startswith("docker run --rm --runtime runsc -p 6379:6379 IMAGE redis-server")
    assert asked == redis.native[1]
    assert benchmarks()["cpu.int"].isolated("wasm") == ("wasmtime run --dir . ./coremark.wasm",)
