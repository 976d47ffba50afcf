"""The service under many requests that nobody would write: cases tried, and failures.

    uv run python -m tests.benchmarks.fuzz --cases 500 --seed 1

In process, over a small model of its own. Exits with 1 when an answer is not as described.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
import warnings
from pathlib import Path

from tests.serving.conftest import TestClient, put, service, small_predictor
from tests.serving.fuzzing import Report, fuzz


def main() -> None:
    """Ask, and print what came of it."""
    parser = argparse.ArgumentParser(description="Fuzz the service against its own description.")
    parser.add_argument("--cases", type=int, default=300, help="a way of asking and operation")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        put(small_predictor(), Path(folder))
        os.environ["BENTOML_HOME"] = folder
        asgi = service.NearmetalService.to_asgi()
        with TestClient(asgi, raise_server_exceptions=False) as client:
            began = time.perf_counter()
            report = fuzz(client, client.get("/docs.json").json(), given.cases, given.seed)
    show(report, time.perf_counter() - began)
    raise SystemExit(1 if report.failures else 0)


def show(report: Report, seconds: float) -> None:
    """The table, the failures under it."""
    statuses = sorted({s for counted in report.statuses.values() for s in counted})
    print(f"{'operation and way':<28}", *(f"{s:>6}" for s in statuses), f"{'cases':>7}")
    for label, counted in report.statuses.items():
        print(f"{label:<28}", *(f"{counted[s]:>6}" for s in statuses), f"{counted.total():>7}")
    slowest = f"slowest {report.slowest_s:.2f} s"
    print(f"{report.cases} cases, {len(report.failures)} failures, {seconds:.0f} s, {slowest}")
    for failure in report.failures[:20]:
        print("-", failure)


if __name__ == "__main__":
    main()
