"""Profiles of programs: real ones watched, counters of operations, and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import nullcontext
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import typer
from typer.testing import CliRunner

from datasets import cli
from datasets.profiling.command import Asked, profiled
from datasets.profiling.counting import counter_of, prometheus_sum
from datasets.profiling.profile import Counted, document_of
from datasets.profiling.tracepoints import calls_of, events_of
from datasets.profiling.watching import Sample, Watch
from datasets.tracing.calls import CallCounts, class_of, class_of_name
from datasets.tracing.processes import Usage
from features.errors import InvalidInput
from features.scenario import Scenario
from training.cli import progress_bar


def _countable() -> bool:
    try:
        return len(events_of()) > 1
    except InvalidInput:
        return False


needs_perf = pytest.mark.skipif(not _countable(), reason="perf may not count here")

# Reads a file, looks at it and locks it, and looks one up, a known number of times, in a child and
# in a thread too.
_PROGRAM = """
import fcntl, os, sys, threading
def work():
    for _ in range(1000):
        os.stat(sys.executable)
        os.fstat(f)
        fcntl.lockf(f, fcntl.LOCK_SH)
        os.pread(f, 64, 0)
f = os.open(sys.executable, os.O_RDONLY)
work()
thread = threading.Thread(target=work); thread.start(); thread.join()
if os.fork() == 0:
    work(); os._exit(0)
os.wait()
"""


def refusal(asked: Asked) -> str:
    with pytest.raises(InvalidInput) as caught:
        profiled(asked)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def watch(**events: float) -> Watch:
    """A watched run of ten windows of a second with a tenth of a core in use."""
    samples = [
        Sample(float(t), Usage(8e4 * t, 2e4 * t), 5.0 * t, 0.0, 20.0 * t, 1e3 * t, None)
        for t in range(11)
    ]
    return Watch(samples, {"syscalls": 100.0, **events}, 0.01, 2, 4)


@needs_perf
class TestWatched:
    def test_a_program_with_a_child_and_a_thread(self):
        asked = Asked([sys.executable, "-c", _PROGRAM], operations="3000")
        document = profiled(asked)
        demands = document["demands"]
        base = profiled(Asked([sys.executable, "-c", "pass"]))["demands"]
        for key, each in (("open_calls", 1), ("file_calls", 3)):
            assert demands[key] * 3000 - base[key] == pytest.approx(3000 * each, rel=0.1), key
        assert demands["socket_calls"] == demands["packets"] == 0.0
        assert demands["forks"] * 3000 - base["forks"] == pytest.approx(1.0, abs=0.1)
        assert demands["op_us"] > 0.0
        assert Scenario("gvisor", demands=demands).resolved_demands["op_us"] == demands["op_us"]

    def test_a_running_process_counted_by_its_own_log(self, tmp_path):
        log = tmp_path / "access.log"
        log.write_text("old\n" * 5)
        loop = "import os, time\nwhile True:\n os.write(1, b'GET\\n'); time.sleep(.002)"
        with log.open("a") as out:
            process = subprocess.Popen([sys.executable, "-c", loop], stdout=out)
        try:
            while log.read_text().count("GET") < 10:  # Its own start is no part of its work.
                time.sleep(0.05)
            document = profiled(Asked((), str(process.pid), "1s", count_from=str(log)))
        finally:
            process.kill()
            process.wait()
        assert document["operations"] < 1000
        assert document["demands"]["file_calls"] == pytest.approx(1.0, rel=0.1)
        assert document["demands"]["switches"] == pytest.approx(1.0, rel=0.3)

    def test_a_program_that_dies_or_leaves_a_daemon(self):
        assert "signal 9" in refusal(Asked(["sh", "-c", "kill -9 $$"]))
        said = refusal(Asked(["sh", "-c", "sleep 20 & echo started >/dev/null"]))
        assert "--for 30s" in said
        left = int(said.split("left process ")[1].split()[0])
        os.kill(left, 9)  # It is ours since its parent ended.
        os.waitpid(left, 0)

    def test_a_process_that_ends_under_the_watch(self):
        process = subprocess.Popen(["sleep", "0.7"])
        said = refusal(Asked((), str(process.pid), "5s", rate="10"))
        process.wait()
        assert f"process {process.pid} ended after" in said

    def test_the_command_writes_what_it_prints(self, tmp_path):
        app = typer.Typer()
        app.callback()(lambda: None)
        cli.register(app, progress_bar, lambda *_: nullcontext())
        output = tmp_path / "profile.json"
        words = ["profile", "--json", "--output", str(output), "--", "sh", "-c", "echo hello"]
        done = CliRunner().invoke(app, words, catch_exceptions=False)
        assert json.loads(done.stdout) == json.loads(output.read_text())
        assert json.loads(done.stdout)["program"] == "sh -c 'echo hello'"


class TestWords:
    @pytest.mark.parametrize(
        ("asked", "said"),
        [
            (Asked(), "program after --"),
            (Asked(["true"], "1"), "program after --"),
            (Asked(["no-such-program"]), "not an executable"),
            (Asked((), "1"), "must be told"),
            (Asked((), "one", rate="1"), "a process id is needed"),
            (Asked((), "999999999", rate="1"), "there is no process"),
            (Asked(["true"], seconds="long"), "24h as in 30s"),
            (Asked(["true"], operations="0"), "a number above 0"),
            (Asked(["true"], operations="5", rate="5/s"), "give one of"),
            (Asked((), "1", rate="1", strace=True), "--count-from"),
        ],
    )
    def test_what_is_wrong_is_told(self, asked, said):
        assert said in refusal(asked)


class TestCounting:
    def test_a_log_counts_what_is_added_and_starts_anew_when_cut(self, tmp_path):
        log = tmp_path / "log"
        log.write_text("a\nb\n")
        count = counter_of(str(log))
        assert count() == 0
        with log.open("a") as file:
            file.write("c\nd\n")
        assert count() == 2
        log.write_text("e\n")
        assert count() == 3

    def test_a_command_prints_the_count(self):
        assert counter_of("echo total:1200")() == 1200
        with pytest.raises(InvalidInput, match="prints no number"):
            counter_of("echo none")()

    def test_a_metric_is_summed(self):
        text = '# HELP hits x\nhits{code="200"} 5\nhits{code="404"} 2\nhits_other 100\n'

        class Page(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_):
                """Say nothing."""

        with HTTPServer(("127.0.0.1", 0), Page) as server:
            thread = threading.Thread(target=server.handle_request)
            thread.start()
            assert counter_of(f"http://127.0.0.1:{server.server_port}/metrics#hits")() == 7
            thread.join()
        with pytest.raises(InvalidInput, match="no metric"):
            prometheus_sum(text, "misses")
        with pytest.raises(InvalidInput, match="name the metric"):
            counter_of("http://127.0.0.1/metrics")


class TestClasses:
    def test_reads_of_sockets_are_known_by_the_sockets(self):
        """100 calls: 30 reads of which 20 on sockets, 10 sendto, 5 openat, 2 processes ended."""
        events = {"syscalls": 100.0, "read": 30.0, "sendto": 10.0, "openat": 5.0}
        events |= {"sock_recv_length": 20.0, "sock_send_length": 10.0, "exit_group": 2.0}
        counts, told = calls_of(events)
        assert told
        assert counts == CallCounts(55.0, 10.0, 5.0, 30.0, 2.0)
        assert counts.total == 100.0

    def test_without_names_all_are_cheap_and_it_is_said(self):
        counts, told = calls_of({"syscalls": 9.0})
        assert (counts.calls, told) == (9.0, False)
        by = document_of(Counted("p", watch(), 10.0, "--operations"))["counted_by"]
        assert "--strace" in by["file_calls"]

    @pytest.mark.parametrize("name", ["openat", "sendto", "pread64", "fsync", "futex"])
    def test_a_name_alone_agrees_with_the_whole_line(self, name):
        line = {"sendto": "3<TCP:[1]>, x", "openat": 'AT_FDCWD, "/x"'}.get(name, "3</f>, x")
        assert class_of_name(name) == class_of(name, line)
        assert class_of_name("read") is None


class TestDocument:
    def test_per_operation_and_per_second(self):
        document = document_of(Counted("p", watch(switches=40.0), 10.0, "--operations"))
        assert document["demands"]["op_us"] == 1e6 / 10
        assert document["demands"]["switches"] == 4.0
        assert document["per_second"] == {
            "operations": 1.0,
            "cpu_us": 1e5,
            "syscalls": 10.0,
            "switches": 4.0,
        }
        assert document["relative_error"]["switches"] == pytest.approx(40**-0.5, abs=0.005)
        shares = [document["demands"][k] for k in ("cpu", "memory", "network", "storage")]
        assert sum(shares) == pytest.approx(1.0)

    def test_what_strace_counted_goes_before(self):
        traced = CallCounts(1.0, 2.0, 3.0, 1.0, 0.0)
        events = {"exit_group": 0.0, "read": 90.0}
        demands = document_of(Counted("p", watch(**events), 10.0, "", traced))["demands"]
        assert demands["file_calls"] == 2.0
        assert demands["calls"] == 100.0 / 10 - 6.0
        # It talks over sockets: 200 packets in ten operations, half of one call's trips.
        assert demands["packets"] == 20.0
        assert demands["round_trips"] == 0.5
        assert demands["concurrency"] == 4.0

    def test_no_operation_is_no_profile(self):
        with pytest.raises(InvalidInput, match="under load"):
            document_of(Counted("p", watch(), 0.0, "--count-from"))
