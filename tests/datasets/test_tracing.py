"""The tracing harness: what it reads of captured outputs, and a tiny program from end to end."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from datasets.traces import read_traces
from datasets.tracing import __main__ as tracing
from datasets.tracing.calls import CallCounts, class_of, count_calls
from datasets.tracing.command import trace_command
from datasets.tracing.counters import parse_perf, perf_command, usable_events
from datasets.tracing.processes import tree, tree_usage
from datasets.tracing.program import Command, Point, Program, Unavailable, found_number, tool
from datasets.tracing.service import Daemon, free_port
from datasets.tracing.tally import corrected_calls, per_operation, trace_of

DATA = Path(__file__).parent.parent / "data"
needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")


def counted(name: str) -> CallCounts:
    return count_calls((DATA / name).read_text(encoding="utf-8").splitlines())


def test_two_requests_of_nginx():
    """Each: receive, header, sendfile; open; fstat and the log; the rest waits or sets options."""
    counts = counted("nginx.strace")
    # One connection more: accepted, and read once more to learn that it was closed.
    assert counts.socket_calls == 2 * 3 + 2
    assert counts.open_calls == 2
    assert counts.file_calls == 2 * 2
    assert counts.forks == 0
    lines = (DATA / "nginx.strace").read_text(encoding="utf-8").splitlines()
    assert counts.total == sum("resumed>" not in line for line in lines)


def test_a_transaction_of_sqlite_is_locks_reads_writes_and_syncs():
    counts = counted("sqlite.strace")
    lines = (DATA / "sqlite.strace").read_text(encoding="utf-8").splitlines()
    on_files = [x for x in lines if x.startswith(("fcntl(3", "fcntl(4", "pwrite64", "fdatasync"))]
    assert counts.file_calls >= len(on_files) > 10
    assert counts.open_calls >= 1
    assert counts.socket_calls == 0


def test_threads_are_no_forks_and_interrupted_calls_count_once():
    counts = counted("threads.strace")
    # vfork is a process; clone3 with CLONE_THREAD is not.
    assert counts.forks == 1
    lines = (DATA / "threads.strace").read_text(encoding="utf-8").splitlines()
    told_again = sum("resumed>" in line or "---" in line for line in lines)
    assert told_again > 0
    assert counts.total == len(lines) - told_again
    # connect, accept4, sendto, recvfrom: a pipe is no socket, and a socketpair moves nothing yet.
    assert counts.socket_calls == 4


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("read", "3</srv/a>, ...", "file_calls"),
        ("read", "3<TCP:[127.0.0.1:1->127.0.0.1:2]>, ...", "socket_calls"),
        ("read", "3<UNIX-STREAM:[1->2]>, ...", "socket_calls"),
        ("read", "3<pipe:[11048]>, ...", "calls"),
        ("write", "4<anon_inode:[eventfd]>, ...", "calls"),
        ("write", "1</dev/null<char 1:3>>, ...", "calls"),
        ("newfstatat", 'AT_FDCWD</srv>, "/srv/a", {...}, 0', "open_calls"),
        ("newfstatat", '3</srv/a>, "", {...}, AT_EMPTY_PATH', "file_calls"),
        ("fcntl", "3</srv/a>, F_SETLK, {...}", "file_calls"),
        ("fcntl", "3</srv/a>, F_GETFD", "calls"),
        ("close", "3</srv/a>", "calls"),
        ("sendfile", "6<TCP:[1]>, 10</srv/a>, [0], 4096", "socket_calls"),
        ("setsockopt", "6<TCP:[1]>, SOL_TCP, TCP_CORK, [1], 4", "calls"),
        ("execve", '"/usr/bin/true", [...]', "open_calls"),
        ("epoll_wait", "8<anon_inode:[eventpoll]>, [...], 512, -1", "calls"),
    ],
)
def test_a_call_is_classed_by_its_name_and_by_what_it_is_made_on(name, arguments, expected):
    assert class_of(name, arguments) == expected


def test_perf_counts_and_leaves_out_what_it_could_not_count():
    counts = parse_perf((DATA / "cat.perf").read_text(encoding="utf-8"))
    assert counts == {"syscalls": 115.0, "switches": 3.0, "faults": 73.0, "io_ops": 28.0}
    assert parse_perf("<not supported>,,page-faults,0,100.00,,\n\nnonsense") == {}


def test_events_of_one_name_are_told_by_their_filters_order():
    asked = {"a:stat?!(flag & 1)": "stat", "b": "b", "a:stat?flag & 1": "fstat", "c": "fstat"}
    line = perf_command(list(asked), Path("out"))
    assert line[line.index("-e") + 1] == "b,c"
    assert line[-8:] == [
        *("-e", "a:stat", "--filter", "!(flag & 1)"),
        *("-e", "a:stat", "--filter", "flag & 1"),
    ]
    text = "9,,b,1,100,,\n3,,c,1,100,,\n7,,a:stat,1,100,,\n4,,a:stat,1,100,,\n"
    assert parse_perf(text, asked) == {"stat": 7.0, "b": 9.0, "fstat": 7.0}


def test_counts_per_operation_are_never_negative():
    large, small = CallCounts(calls=120.0, file_calls=9.0), CallCounts(calls=20.0, file_calls=10.0)
    assert per_operation(large, small, 50.0) == CallCounts(calls=2.0)


def test_cheap_calls_follow_perf_where_strace_slowed_the_waiting():
    seen = CallCounts(calls=0.3, file_calls=1.0, socket_calls=2.0)
    assert corrected_calls(seen, 3.05) == pytest.approx(0.05)
    assert corrected_calls(seen, 2.9) == 0.0
    assert corrected_calls(seen, None) == 0.3


def test_a_program_that_is_not_there_says_what_to_install():
    with pytest.raises(
        Unavailable, match=r"no-such-tool is not installed \(package some-package\)"
    ):
        tool("no-such-tool", "some-package")
    with pytest.raises(Unavailable, match="did not report"):
        found_number(r"(\d+) requests in", "connection refused")


@needs_strace
def test_a_tiny_program_from_end_to_end(tmp_path):
    text = tmp_path / "text"
    text.write_bytes(b"x" * 100_000)
    cat = tool("cat", "coreutils")
    command = Command(Point("one", "hpc"), [cat, str(text)], "cat text")
    tally = trace_command(command, usable_events())
    trace = trace_of(tally, command.point, "cat", "9.1", command.title)
    assert trace.id == "cat-one"
    assert trace.forks == 0
    assert trace.socket_calls == 0
    assert trace.file_calls >= 3  # fstat, read, read
    assert trace.open_calls >= 2  # the program, the file
    assert trace.bytes is None or trace.bytes == 0 or trace.bytes >= 100_000
    assert trace.working_set_gb > 0
    if trace.syscalls is not None:
        assert trace.counted_calls == pytest.approx(trace.syscalls, rel=0.1)


@needs_strace
def test_operations_are_counted_without_what_starting_costs():
    count = "import os\nfor _ in range({}): os.stat('/')"
    argv = [[sys.executable, "-c", count.format(n)] for n in (500, 0)]
    tally = trace_command(Command(Point("stat", "hpc"), argv[0], "stat", 500.0, argv[1]), ())
    assert tally.calls.open_calls == pytest.approx(1.0, abs=0.02)
    assert tally.events == {}


def test_a_command_that_fails_is_told():
    with pytest.raises(Unavailable, match="ended with 3"):
        trace_command(Command(Point("x", "hpc"), [sys.executable, "-c", "exit(3)"], "exit"), ())


def test_a_daemon_is_awaited_measured_and_stopped(tmp_path):
    port = free_port()
    serve = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    daemon = Daemon([*serve, "-d", str(tmp_path)], port)
    try:
        assert daemon.pid in tree(daemon.pid)
        assert tree_usage(daemon.pid).user_us > 0
    finally:
        daemon.stop()
    assert not (Path("/proc") / str(daemon.pid)).exists()
    with pytest.raises(Unavailable, match="ended at its start"):
        Daemon([sys.executable, "-c", "pass"], free_port())


@needs_strace
def test_the_command_line_writes_a_table_and_skips_with_a_reason(tmp_path, monkeypatch, capsys):
    def missing() -> str:
        return tool("no-such-tool", "some-package")

    def commands(_folder):
        return [Command(Point("one", "hpc"), [tool("true", "coreutils")], "true")]

    programs = {
        "true": Program("true", lambda: "1.0", commands=commands),
        "gone": Program("gone", missing, commands=commands),
    }
    monkeypatch.setattr(tracing, "PROGRAMS", programs)
    output = tmp_path / "traces.csv"
    assert tracing.main(["--output", str(output)]) == 0
    assert [t.id for t in read_traces(output)] == ["true-one"]
    out, err = capsys.readouterr()
    assert out == ""
    assert "gone skipped: no-such-tool is not installed (package some-package)" in err
    assert tracing.main(["--only", "gone", "--output", str(tmp_path / "none.csv")]) == 2
    assert not (tmp_path / "none.csv").exists()


def test_a_daemon_whose_filling_fails_is_stopped(tmp_path):
    started = []

    class Unfillable(Daemon):
        def prepare(self) -> None:
            started.append(self.pid)
            raise Unavailable("the load generator failed")

    port = free_port()
    serve = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    with pytest.raises(Unavailable, match="load generator failed"):
        Unfillable([*serve, "-d", str(tmp_path)], port)
    assert not (Path("/proc") / str(started[0])).exists()
