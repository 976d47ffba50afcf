"""Load by wrk, or by generator.py without it: connections kept alive, each body in its turn."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

PATIENCE_S = 10
ROOT = Path(__file__).resolve().parents[3]
SCRIPT = """
local requests = {}
local place = 0
function init(args)
  for body in io.lines(args[1]) do
    local headers = {["Content-Type"] = "application/json"}
    requests[#requests + 1] = wrk.format("POST", wrk.path, headers, body)
  end
end
function request()
  place = place % #requests + 1
  return requests[place]
end
function done(summary, latency, _)
  local e = summary.errors
  io.stderr:write(string.format(
    '{"requests": %d, "us": %d, "p50_us": %d, "p99_us": %d, "errors": %d}',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


@dataclass(frozen=True)
class Load:
    """What one run of load saw. `generator` is the share of a core that making it took."""

    p50_ms: float
    p99_ms: float
    per_s: float
    requests: int
    errors: int
    generator: float


def generator_name() -> str:
    """What makes the load on this machine."""
    return "wrk" if shutil.which("wrk") else "Python"


def run_load(url: str, bodies: Path, *, connections: int, seconds: int) -> Load:
    """POST the lines of a file to an address, in turn, as fast as it answers.

    An error is an answer that is no success, a broken connection, or none in PATIENCE_S. Raises
    RuntimeError when the generator fails.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(SCRIPT)
        script.flush()
        command = [sys.executable, "-m", "tests.benchmarks.http.generator", url, str(bodies)]
        command += [str(connections), str(seconds)]
        if generator_name() == "wrk":
            command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script.name]
            command += ["--timeout", f"{PATIENCE_S}s"]
            command += [url, "--", str(bodies)]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        seen = json.loads(done.stderr)
    except ValueError:
        raise RuntimeError(f"{command[0]}: {done.stdout}{done.stderr}") from None
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    elapsed = seen["us"] / 1e6
    return Load(
        seen["p50_us"] / 1e3,
        seen["p99_us"] / 1e3,
        seen["requests"] / elapsed,
        seen["requests"],
        seen["errors"],
        cpu / elapsed,
    )
