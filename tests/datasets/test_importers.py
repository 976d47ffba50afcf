"""Imports: outputs that the tools really wrote, broken ones, and the rows they become."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path

import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from datasets import cli
from datasets.importers import result as result_module
from datasets.importers.formats import FORMATS
from datasets.importers.mapped import read_csv
from datasets.table import read_measurements
from datasets.units import DIMENSIONS, converted, is_time
from features.errors import InvalidInput
from serving.observations import read_observations
from training.cli import progress_bar

DATA = Path(__file__).parent.parent / "data" / "imports"
SAMPLES = {
    tool: sorted(path for path in (DATA / tool).glob("*") if path.is_file()) for tool in FORMATS
}
GENUINE = [(tool, path) for tool, paths in SAMPLES.items() for path in paths]

# By the format's description: no genuine output of these could be had.
DESCRIBED = {
    "wrk2": """Running 30s test @ http://127.0.0.1:80/index.html
  2 threads and 100 connections
  Thread calibration: mean lat.: 9747.000ms, rate sampling interval: 21000ms
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.57ms    1.31ms   7.28ms   82.41%
    Req/Sec     1.00k     0.00     1.00k   100.00%
  60018 requests in 30.00s, 19.81MB read
Requests/sec:   2000.28
Transfer/sec:    676.18KB
""",
    "memtier": json.dumps(
        {
            "configuration": {"clients": 50, "threads": 4, "pipeline": 8, "ratio": "1:10"},
            "ALL STATS": {"Gets": {"Ops/sec": 90.0}, "Totals": {"Ops/sec": 100.5}},
        }
    ),
    "geekbench": json.dumps(
        {
            "version": "6.3.0",
            "sections": [
                {"name": "Single-Core", "score": 2000, "workloads": []},
                {"name": "Multi-Core", "score": 9000, "workloads": []},
            ],
        }
    ),
    "phoronix": """<?xml version="1.0"?>
<PhoronixTestSuite><Generated><Title>t</Title></Generated><Result>
<Identifier>pts/compress-7zip-1.10.0</Identifier><Title>7-Zip</Title><Arguments>b</Arguments>
<Description>Test: Compression</Description><Scale>MIPS</Scale><Proportion>HIB</Proportion>
<Data><Entry><Identifier>a</Identifier><Value>20</Value><RawString>19:20:21</RawString></Entry>
</Data></Result></PhoronixTestSuite>
""",
    "perfkit": json.dumps(
        {
            "metric": "Throughput",
            "value": 940.5,
            "unit": "Mbits/sec",
            "test": "iperf",
            "labels": "|num_threads:1|,|cloud:GCP|",
        }
    )
    + "\n",
}


def run(*arguments: object) -> str:
    """Standard output of `import`; its error is raised."""
    app = typer.Typer()
    app.callback()(lambda: None)
    cli.register(app, progress_bar, lambda *_: nullcontext())
    done = CliRunner().invoke(app, ["import", *map(str, arguments)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def refusal(*arguments: object) -> str:
    with pytest.raises(InvalidInput) as caught:
        run(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def figures(tool: str, name: str) -> dict[tuple[str, str], float]:
    return {(r.job, r.metric): r.value for r in FORMATS[tool].read(DATA / tool / name)}


class TestFormats:
    def test_formats_by_samples(self, capsys):
        """A format is experimental exactly when there is no genuine sample of it."""
        for tool, paths in SAMPLES.items():
            results = sum(len(FORMATS[tool].read(path)) for path in paths)
            with capsys.disabled():
                print(f"\n{tool:16} {len(paths):2} samples {results:3} results", end="")
            assert FORMATS[tool].experimental == (not paths), tool
            assert FORMATS[tool].experimental == (tool in DESCRIBED), tool

    @pytest.mark.parametrize("tool", DESCRIBED)
    def test_a_described_format_is_read(self, tool, tmp_path):
        path = tmp_path / "file"
        path.write_text(DESCRIBED[tool])
        first = FORMATS[tool].read(path)[0]
        expected = {"wrk2": 1.57, "memtier": 100.5, "geekbench": 2000, "phoronix": 20}
        assert first.value == expected.get(tool, 940.5)

    def test_experimental_formats_are_told(self):
        listed = json.loads(run("--list", "--json"))
        marked = {entry["tool"] for entry in listed if entry["experimental"]}
        assert marked == set(DESCRIBED)
        assert all(tool in cli.import_.__doc__ for tool in marked)


class TestFigures:
    """What a person reads in the file is what the reader reads."""

    def test_fio(self):
        assert figures("fio", "native.json") == {
            ("rr", "IOPS"): 55020.989505,
            ("sw", "bandwidth"): pytest.approx(1003554763 / 1024**2),
        }
        random, sequential = FORMATS["fio"].read(DATA / "fio" / "native.json")
        assert random.demands == {"queue_depth": 8.0, "payload_bytes": 4096.0}
        assert sequential.workload == "storage.sequential-write"
        assert sequential.demands["payload_bytes"] == 1024**2

    def test_clones_of_a_fio_job_add_up(self, tmp_path):
        document = json.loads((DATA / "fio" / "native.json").read_text())
        job = document["jobs"][0]
        job["job options"]["numjobs"] = "2"
        document["jobs"] = [job, job]
        path = tmp_path / "two.json"
        path.write_text(json.dumps(document))
        (both,) = FORMATS["fio"].read(path)
        assert both.value == 2 * 55020.989505
        assert both.demands["queue_depth"] == 16.0

    def test_texts(self):
        assert figures("sysbench", "cpu-native.txt") == {("cpu", "events"): 1829.62}
        assert figures("sysbench", "memory-native.txt") == {("memory", "bandwidth"): 3269.97}
        assert figures("sysbench", "threads-native.txt")["events", "events"] == 1632 / 2.0004
        assert figures("sysbench", "fileio-native.txt") == {("fileio", "operations"): 206700.90}
        assert figures("wrk", "native.txt") == {("/", "requests"): 19181.16}
        tps = figures("pgbench", "native.txt")
        assert tps == {("<builtin: TPC-B (sort of)>", "transactions"): 1560.056149}
        assert figures("netperf", "stream-native.txt")["TCP STREAM", "throughput"] == 13739.86
        assert figures("netperf", "udp-native.txt")["UDP STREAM", "throughput"] == 55.30
        rates = figures("netperf", "rr-native.txt")
        assert rates["TCP REQUEST/RESPONSE", "transactions"] == 56178.57
        assert figures("lmbench", "mem-native.txt")["lat_mem_rd stride 128", "latency"] == 10.111

    def test_documents(self):
        pps = figures("iperf3", "udp-native.json")["UDP", "datagrams"]
        assert pps == pytest.approx((240372 - 164406) / 2.015888)
        assert figures("hyperfine", "native.json")["sleep 0.01", "mean time"] < 0.02
        assert figures("redis-benchmark", "native.csv")["GET", "requests"] == 19775.87
        assert figures("stress-ng", "native.yaml")["fork", "bogo ops"] == 144.158058

    def test_a_process_of_pyperf_is_a_repeat(self):
        sample = json.loads((DATA / "pyperf" / "native.json").read_text())
        runs = [r for r in sample["benchmarks"][0]["runs"] if "values" in r]
        first = FORMATS["pyperf"].read(DATA / "pyperf" / "native.json")[0]
        assert len(first.values) == len(runs)


class TestBroken:
    @pytest.mark.parametrize(("tool", "path"), GENUINE, ids=lambda x: getattr(x, "name", x))
    @settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(share=st.floats(0.0, 1.0, exclude_max=True))
    def test_a_file_that_is_cut_off_anywhere(self, tool, path, share, tmp_path):
        """It is refused, or what is read of it stands so in the whole."""
        raw = path.read_bytes()
        cut = tmp_path / path.name
        cut.write_bytes(raw[: int(share * len(raw))])
        whole = {(r.job, r.metric): r.value for r in FORMATS[tool].read(path)}
        try:
            read, said = FORMATS[tool].read(cut), path.name
        except InvalidInput as error:
            read, said = [], str(error)
        assert path.name in said
        assert "\n" not in said
        assert all(whole[r.job, r.metric] == r.value for r in read)

    @pytest.mark.parametrize("tool", FORMATS)
    @settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(raw=st.one_of(st.binary(max_size=80), st.sampled_from(["{}", "[1]", '"a"', "1" * 5000])))
    def test_what_no_tool_wrote(self, tool, raw, tmp_path):
        path = tmp_path / "file"
        path.write_bytes(raw if isinstance(raw, bytes) else raw.encode())
        with pytest.raises(InvalidInput):
            FORMATS[tool].read(path)

    @pytest.mark.parametrize("tool", DESCRIBED)
    def test_a_described_file_that_is_cut_off(self, tool, tmp_path):
        path = tmp_path / "file"
        for length in range(0, len(DESCRIBED[tool]) - 1, 7):
            path.write_text(DESCRIBED[tool][:length])
            with pytest.raises(InvalidInput):
                FORMATS[tool].read(path)

    @pytest.mark.parametrize("tool", FORMATS)
    def test_another_tools_file(self, tool):
        other = DATA / ("wrk/native.txt" if tool != "wrk" else "pgbench/native.txt")
        with pytest.raises(InvalidInput):
            FORMATS[tool].read(other)

    @pytest.mark.parametrize("tool", FORMATS)
    def test_nesting_without_end(self, tool, tmp_path):
        path = tmp_path / "deep"
        path.write_text("[" * 200_000 + "\n...\n")
        with pytest.raises(InvalidInput):
            FORMATS[tool].read(path)

    def test_an_enormous_file_is_not_read_whole(self, tmp_path):
        path = tmp_path / "big.json"
        with path.open("wb") as file:
            file.truncate(64 * 1024**3)  # Sparse: reading it would not end.
        with pytest.raises(InvalidInput, match=r"big\.json: file: is larger than 16 MiB"):
            FORMATS["fio"].read(path)
        assert result_module.MAX_BYTES == 16 * 1024**2

    @pytest.mark.parametrize(
        ("tool", "name", "old", "new", "said"),
        [
            ("sysbench", "cpu-native.txt", "1829.62", "1829,62", "decimal commas"),
            ("fio", "native.json", "55020.989505", "55020,989505", "decimal commas"),
            ("redis-benchmark", "native.csv", "19775.87", "19775,87", "decimal commas"),
            ("fio", "native.json", "fio-3.33", "fio-2.16", "fio 3 or later"),
            ("sysbench", "cpu-native.txt", "sysbench 1.0", "sysbench 0.5", "1.0 or later"),
            ("pyperf", "native.json", '"version":"1.0"', '"version":"9.0"', "format 9.0"),
            ("redis-benchmark", "native.csv", '"test","rps"', '"SET","1.0"', "6.2 or later"),
            ("wrk", "native.txt", "Requests/sec", "  Non-2xx or 3xx responses: 7\nR", "7 resp"),
        ],
    )
    def test_why_not(self, tool, name, old, new, said, tmp_path):
        text = (DATA / tool / name).read_text()
        assert old in text
        path = tmp_path / name
        path.write_text(text.replace(old, new))
        with pytest.raises(InvalidInput, match=said):
            FORMATS[tool].read(path)

    def test_entities_are_not_expanded(self, tmp_path):
        path = tmp_path / "composite.xml"
        path.write_text(
            '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>\n' + DESCRIBED["phoronix"][21:]
        )
        with pytest.raises(InvalidInput, match="entities"):
            FORMATS["phoronix"].read(path)


class TestImport:
    FIO = (DATA / "fio" / "native.json", DATA / "fio" / "gvisor.json")

    def test_rows_that_training_and_observations_take(self, tmp_path):
        output = tmp_path / "rows.csv"
        words = ("--runtime", "gvisor", "--cores", 2, "--with", "syscall_boundary=ptrace")
        told = json.loads(run("fio", *self.FIO, *words, "--output", output, "--json"))
        rows = read_measurements(output)
        assert len(rows) == len(told["rows"]) == 2
        random = rows[0]
        native, isolated = (FORMATS["fio"].read(path)[0].value for path in self.FIO)
        assert random.scenario.workload == "storage.random-read"
        assert random.scenario.cores == 2
        assert random.scenario.mechanism("syscall_boundary") == "ptrace"
        assert random.scenario.demands["queue_depth"] == 8.0
        assert random.retained == pytest.approx(isolated / native, rel=1e-5)
        observed = read_observations(output)
        assert [o.retained for o in observed] == [r.retained for r in rows]

    def test_what_differs_is_named_and_nothing_written(self, tmp_path):
        document = json.loads(self.FIO[1].read_text())
        for job in document["jobs"]:
            job["job options"] |= {"bs": "64k", "iodepth": "2"}
        other, output = tmp_path / "other.json", tmp_path / "rows.csv"
        other.write_text(json.dumps(document))
        said = refusal("fio", self.FIO[0], other, "--runtime", "gvisor", "--output", output)
        assert "fio rr: bs is 4k native and 64k isolated" in said
        assert "fio rr: iodepth is 8 native and 2 isolated" in said
        assert not output.exists()

    def test_a_file_that_stood_there_stays_when_it_fails(self, tmp_path):
        output = tmp_path / "rows.csv"
        output.write_text("mine\n")
        pair = DATA / "pyperf" / "native.json", DATA / "pyperf" / "isolated.json"
        said = refusal("pyperf", *pair, "--runtime", "container", "--output", output)
        assert "--workload" in said
        assert output.read_text() == "mine\n"
        assert list(tmp_path.iterdir()) == [output]

    def test_repeats_become_spread(self, tmp_path):
        folder, output = DATA / "hyperfine", tmp_path / "rows.csv"
        words = ("--workload", "hpc.import", "--job", "python3 -c pass", "--output", output)
        files = (folder / "native.json", folder / "isolated.json")
        run("hyperfine", *files, "--runtime", "container", *words)
        (row,) = read_measurements(output)
        assert row.repeats == 6
        assert 0.0 < row.spread < 1.0
        assert row.retained == pytest.approx(row.baseline_value / row.value, rel=1e-5)

    def test_several_files_of_a_side_are_repeats(self, tmp_path):
        folder, output = DATA / "wrk", tmp_path / "rows.csv"
        more = ("--native", folder / "latency-native.txt")
        more += ("--isolated", folder / "latency-isolated.txt", "--output", output)
        files = (folder / "native.txt", folder / "isolated.txt")
        run("wrk", *files, "--runtime", "container", *more)
        (row,) = read_measurements(output)
        assert row.repeats == 2
        assert row.baseline_value == pytest.approx((19181.16 + 18479.67) / 2)

    def test_commands_that_isolation_changes_pair_when_alone(self, tmp_path):
        document = json.loads((DATA / "hyperfine" / "native.json").read_text())
        document["results"] = document["results"][:1]
        paths = []
        for name, command in (("a", "make"), ("b", "docker run IMAGE make")):
            document["results"][0]["command"] = command
            paths.append(tmp_path / name)
            paths[-1].write_text(json.dumps(document))
        words = ("--runtime", "container", "--workload", "hpc.build", "--output", tmp_path / "r")
        run("hyperfine", *paths, *words)
        assert read_measurements(tmp_path / "r")[0].retained == 1.0

    def test_nothing_in_common(self, tmp_path):
        files = (DATA / "netperf" / "rr-native.txt", DATA / "netperf" / "stream-native.txt")
        said = refusal("netperf", *files, "--runtime", "vm", "--output", tmp_path / "r")
        assert "share none" in said

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (("--runtime", "gvizor"), "did you mean gvisor"),
            (("--runtime", "native"), "isolated side"),
            ((), "runtime: is required"),
            (("--runtime", "vm", "--with", "page_sise=2m"), "page_size"),
            (("--runtime", "vm", "--cores", "two"), "a number is needed"),
            (("--runtime", "vm", "--job", "rrr"), "there is rr"),
            (("--runtime", "vm", "--workload", "webb"), "did you mean web"),
        ],
    )
    def test_bad_words(self, words, said, tmp_path):
        output = tmp_path / "rows.csv"
        assert said in refusal("fio", *self.FIO, *words, "--output", output)
        assert not output.exists()

    def test_an_unknown_tool(self, tmp_path):
        said = refusal("fioo", *self.FIO, "--runtime", "vm", "--output", tmp_path / "r")
        assert "did you mean fio" in said


class TestMapped:
    def test_a_csv_in_another_unit(self, tmp_path):
        native, isolated, output = (tmp_path / n for n in ("n.csv", "i.csv", "rows.csv"))
        native.write_text("test,rate,u,block\nbulk,10,Gbit/s,1M\n")
        isolated.write_text("test,rate,u,block\nbulk,5000,Mbit/s,1M\n")
        words = []
        for pair in ("job=test", "value=rate", "unit=u", "block size=block"):
            words += ["--column", pair]
        words += ["--runtime", "vm", "--workload", "network.throughput", "--output", output]
        run("csv", native, isolated, *words)
        (row,) = read_measurements(output)
        assert row.retained == 0.5
        assert row.unit == "Gbit/s"
        isolated.write_text("test,rate,u,block\nbulk,5000,Mbit/s,64k\n")
        assert "block size is 1M native and 64k isolated" in refusal(
            "csv", native, isolated, *words
        )

    def test_a_column_that_is_not_there(self, tmp_path):
        path = tmp_path / "n.csv"
        path.write_text("a,b\n1,2\n")
        with pytest.raises(InvalidInput, match="unknown column 'c'"):
            read_csv(path, {"value": "c"}, "s")
        with pytest.raises(InvalidInput, match="unit: is required"):
            read_csv(path, {"value": "a"})


def test_units_convert_within_their_kind():
    assert converted(1.0, "GB/s", "Mbit/s") == pytest.approx(8000.0)
    assert converted(1.0, "MiB/s", "KiB/s") == pytest.approx(1024.0)
    assert converted(250.0, "us", "ms") == pytest.approx(0.25)
    assert is_time("ms")
    assert not is_time("cycles")
    with pytest.raises(ValueError, match="cannot be converted"):
        converted(1.0, "req/s", "tx/s")
    for units in DIMENSIONS.values():
        for unit in units:
            assert converted(converted(3.0, unit, unit), unit, unit) == 3.0
