"""The commands predict, compare and serve, as the front door composes them."""

from __future__ import annotations

import csv
import io
import json
import os
import socket

import pytest
import typer
from typer.testing import CliRunner

from features.errors import InvalidInput, ModelUnavailable
from features.vocabulary import vocabulary
from serving import advice, cli, launch
from serving.render import make_console

WEB = ["--runtime", "gvisor", "--workload", "web", "--cores", "8"]


def run(*arguments: str, ensure=lambda: None) -> str:
    """Standard output of a command; its error is raised."""
    app = typer.Typer()
    cli.register(app, ensure)
    advice.register(app, ensure)
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def told(*arguments: str) -> str:
    """The one line of a bad input; no model is asked for before the input is read."""

    def untouched() -> None:
        raise AssertionError("a model was asked for")

    with pytest.raises(InvalidInput) as caught:
        run(*arguments, ensure=untouched)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def table(tmp_path):
    def write(text: str, name: str = "mine.csv"):
        path = tmp_path / name
        path.write_bytes(text.encode())
        return path

    return write


@pytest.mark.usefixtures("home")
class TestPredict:
    def test_json_is_one_document(self):
        document = json.loads(run("predict", *WEB, "--with", "page_size=2m", "--json"))
        assert document["level"] == 0.9
        assert 0 < document["retained"] < 1

    def test_a_person_reads_the_answer_and_who_says_so(self):
        text = run("predict", *WEB, "--native-value", "12000", "--unit", "requests/s")
        assert "keeps" in text
        assert "requests/s" in text
        assert "A. Author 2024" in text
        assert "memory_gb is unknown" in text
        assert "an instance starts in 1,000 (" in text
        assert "a host of 25 GB holds 384 (" in text

    def test_the_question_is_shown_with_its_demands(self):
        assert "8 cores, calls=50 keeps" in run("predict", *WEB, "--with", "calls=50")

    def test_a_unit_is_not_read_as_markup(self):
        assert "[red]/s" in run("predict", *WEB, "--native-value", "1", "--unit", "[red]/s")

    def test_an_output_that_lacks_a_character_shows_another(self, monkeypatch):
        written = io.BytesIO()
        monkeypatch.setattr("sys.stdout", io.TextIOWrapper(written, encoding="ascii"))
        console = make_console()
        console.print("\u00b5s")
        console.file.flush()
        assert written.getvalue() == b"?s\n"

    def test_demands_and_level_are_options(self):
        made = run("predict", *WEB, "--with", "calls=50", "--level", "0.6", "--json")
        assert json.loads(made)["level"] == 0.6

    def test_an_option_changes_what_an_instance_costs(self):
        wasm = ("--runtime", "wasm", "--workload", "web", "--with", "compiled_ahead=no")
        start = json.loads(run("predict", *wasm, "--json"))["instance"]["start_ms"]
        assert (start["value"], start["reference"]) == (310, 10)

    def test_a_table_is_answered_row_by_row(self, table):
        path = table(
            "\ufeffruntime, workload,cores,page_size,native_value,unit\r\n"
            "gvisor,web,,2m,,\r\nvm,hpc,4,,10,s\r\n"
        )
        documents = json.loads(run("predict", "--input", str(path), "--cores", "8", "--json"))
        assert len(documents) == 2
        assert "value" not in documents[0]
        assert documents[1]["value"] > 10
        assert not any("cores" in r for r in documents[0]["novelty"]["reasons"])
        assert "hpc" in run("predict", "--input", str(path))

    def test_a_table_is_written_whole(self, table, tmp_path):
        path = table("runtime,workload\ngvisor,web\nvm,web\n")
        out = tmp_path / "out.csv"
        assert run("predict", "--input", str(path), "--output", str(out)) == ""
        with out.open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert [r["runtime"] for r in rows] == ["gvisor", "vm"]
        assert all(float(r["lower"]) <= float(r["retained"]) <= float(r["upper"]) for r in rows)
        assert sorted(p.name for p in tmp_path.glob("*.csv")) == ["mine.csv", "out.csv"]
        assert not list(tmp_path.glob(".out*"))


@pytest.mark.usefixtures("home")
class TestCompare:
    def test_json_is_the_document_of_the_service(self):
        made = run("compare", "--workload", "web", "--with", "page_size=1g", "--json")
        document = json.loads(made)
        assert document["scenario"] == {"workload": "web", "mechanisms": {"page_size": "1g"}}
        asked = {p["runtime"] for p in document["predictions"]}
        assert asked == set(vocabulary().runtimes)

    def test_a_person_reads_a_line_for_each_runtime(self):
        text = run("compare", "--workload", "web", "--runtime", "gvisor", "--runtime", "vm")
        assert text.index("vm") < text.index("gvisor")
        assert "━" in text

    def test_a_table_is_written_with_a_row_for_each_runtime(self, table, tmp_path):
        path, out = table("workload,page_size\nweb,1g\nhpc,\n"), tmp_path / "out.csv"
        chosen = ["--runtime", "vm", "--runtime", "gvisor"]
        run("compare", "--input", str(path), "--output", str(out), *chosen)
        with out.open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == 4
        assert "cannot have page_size=1g" in rows[1]["reasons"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["predict"], "runtime: is required"),
        (["predict", "--runtime", "gvisr", "--workload", "web"], "did you mean gvisor?"),
        (["predict", *WEB, "--memory-gb", "much"], "memory_gb: a number is needed, not 'much'"),
        (["predict", *WEB, "--memory-gb", "nan"], "memory_gb: must be"),
        (["predict", *WEB, "--memory-gb=-1"], "memory_gb: must be"),
        (["predict", *WEB, "--level", "1"], "level: must be above 0.5"),
        (["predict", *WEB, "--level", "nan"], "level: must be above 0.5"),
        (["predict", *WEB, "--native-value", "3"], "unit: is required"),
        (["predict", *WEB, "--native-value", "inf", "--unit", "s"], "native_value: must be"),
        (["predict", *WEB, "--with", "page_size"], "KEY=VALUE is needed"),
        (["predict", *WEB, "--with", "page_siz=2m"], "did you mean page_size"),
        (["predict", *WEB, "--with", "page_size=1g"], "gvisor cannot have page_size=1g"),
        (["predict", *WEB, "--with", "calls=many"], "calls: a number is needed"),
        (["predict", *WEB, "--native-value", "1e308", "--unit", "ms"], "native_value: must be"),
        (["predict", *WEB, "--level", ""], "level: is empty"),
        (["predict", "--input", "ab\nsent.csv"], "'ab\\nsent.csv': No such file"),
        (["predict", *WEB, "--output", "out.csv"], "output: goes with --input"),
        (["predict", "--input", "absent.csv"], "absent.csv: No such file"),
        (["compare"], "workload: is required"),
        (["compare", "--workload", "web", "--runtime", "vmm"], "did you mean vm?"),
        (["compare", "--workload", "web", "--with", "page_size=9k"], "page_size"),
        (["serve", "--host", "no such host"], "is no address"),
        (["serve", "--port", "0"], "port: must be 1 to 65535, not '0'"),
        (["serve", "--port", "65536"], "port: must be"),
        (["serve", "--port", "web"], "port: must be"),
        (["serve", "--host", "192.0.2.1"], "cannot be bound"),
    ],
)
def test_bad_input_is_one_clear_line(arguments, said):
    assert said in told(*arguments)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "header: is missing"),
        ("runtime,workload\n", "has no rows"),
        ("runtim,workload\nvm,web\n", "did you mean runtime"),
        ("runtime,runtime\nvm,vm\n", "'runtime' is there twice"),
        ("runtime,workload\nvm,web\nvmm,web\n", "mine.csv: row 3, runtime: unknown runtime 'vmm'"),
        ("runtime,workload,cores\nvm,web,x\n", "row 2, cores: a number is needed"),
        ("runtime,workload\nvm,web,3\n", "row 2: has more cells than the header"),
        ("runtime,workload\nvm\n", "row 2, workload: is required"),
        ('runtime,workload\n"vm,web\n', "is not a CSV"),
        ("runtime,workload\nvm,web\x00\n", "web"),
    ],
)
def test_a_bad_table_is_named_by_file_and_row(table, text, said):
    assert said in told("predict", "--input", str(table(text)))


def test_a_table_of_another_encoding_is_told(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_bytes(b"runtime,workload\nvm,\xff\xfe\n")
    assert "is not a CSV in UTF-8" in told("predict", "--input", str(path))


def test_a_header_of_many_wrong_names_is_told_in_part(table):
    path = table(",".join(f"column{i}" for i in range(1000)) + "\n")
    assert told("predict", "--input", str(path)).count("unknown column") == 20


def test_an_output_that_is_the_input_is_refused(table):
    path = table("runtime,workload\nvm,web\n")
    before = path.read_bytes()
    assert "is the input" in told("predict", "--input", str(path), "--output", str(path))
    assert path.read_bytes() == before


def test_an_output_that_is_no_file_is_refused_and_stays(table, tmp_path):
    """A rename onto a device or a pipe would replace it; for root, even the system's own."""
    path = table("runtime,workload\nvm,web\n")
    pipe, link, folder = tmp_path / "pipe", tmp_path / "link", tmp_path / "folder"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    folder.mkdir()
    for out, said in ((pipe, "regular file"), (link, "regular file"), (folder, "directory")):
        assert said in told("predict", "--input", str(path), "--output", str(out))
        assert said in told("compare", "--input", str(path), "--output", str(out))
    assert pipe.is_fifo()
    assert link.is_symlink()


@pytest.mark.usefixtures("home")
def test_an_output_that_is_a_link_stays_one(table, tmp_path):
    path, link, out = table("runtime,workload\nvm,web\n"), tmp_path / "link", tmp_path / "out"
    out.touch()
    link.symlink_to(out)
    run("predict", "--input", str(path), "--output", str(link))
    assert link.is_symlink()
    assert "retained" in out.read_text()


def test_all_bad_rows_are_told_at_once(table):
    text = told("predict", "--input", str(table("runtime,workload\nvmm,web\nvm,wb\n")))
    assert "row 2, runtime" in text
    assert "row 3, workload" in text


@pytest.mark.usefixtures("home")
def test_an_output_that_cannot_be_written_is_told(table, tmp_path):
    path = table("runtime,workload\nvm,web\n")
    with pytest.raises(InvalidInput, match="output: .*No such file"):
        run("predict", "--input", str(path), "--output", str(tmp_path / "absent" / "out.csv"))


@pytest.mark.usefixtures("empty_home")
def test_without_a_champion_one_is_ensured(predictor, empty_home):
    from tests.serving.conftest import put

    document = run("predict", *WEB, "--json", ensure=lambda: put(predictor, empty_home))
    assert json.loads(document)["model"]["version"] == "7"


@pytest.mark.usefixtures("empty_home")
def test_no_model_at_all_is_told():
    with pytest.raises(ModelUnavailable, match="nearmetal train"):
        run("predict", *WEB)


@pytest.mark.parametrize("command", ["predict", "compare", "serve"])
def test_help_shows_an_example(command):
    assert f"Example: nearmetal {command}" in run(command, "--help")


def test_a_busy_port_is_told():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert "choose another --port" in told("serve", "--port", str(port))


def test_a_wide_bind_warns(monkeypatch, capfd):
    commands = []
    monkeypatch.setenv(launch.WORKERS_VARIABLE, "1")
    monkeypatch.setattr(launch, "make_folder", lambda: None)
    monkeypatch.setattr(launch.os, "execv", lambda _, command: commands.append(command))
    for host in ("localhost", "0.0.0.0"):
        launch.launch(host, _free_port(), 3, lambda: None)
    assert capfd.readouterr().err.count("warning") == 1
    assert os.environ[launch.WORKERS_VARIABLE] == "3"
    monkeypatch.setenv("NEARMETAL_API_KEY", "key")
    launch.launch("0.0.0.0", _free_port(), 1, lambda: None)
    assert capfd.readouterr().err == ""
    assert commands[0][commands[0].index("--host") + 1] == "127.0.0.1"


@pytest.mark.parametrize("workers", ["0", "257", "-1", "two", "\u0664", "9" * 400, ""])
def test_a_number_of_workers_that_cannot_be_is_told(workers):
    assert "workers" in told("serve", "--workers", workers)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]
