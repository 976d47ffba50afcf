"""The real service under load while things go wrong: requests sent, answered, failed.

    uv run python -m tests.benchmarks.faults --seconds 20

Two workers over a small model. Exits with 1 when a request failed that the fault does not explain.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from pathlib import Path

from tests.serving import faults
from tests.serving.conftest import small_predictor


def main() -> None:
    """Do everything that can go wrong, one after another, and print the table."""
    parser = argparse.ArgumentParser(description="Faults of a running service under load.")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each fault")
    seconds = parser.parse_args().seconds
    warnings.simplefilter("ignore")
    predictor = small_predictor()
    print(f"{'fault':<26} {'sent':>7} {'answered':>8} {'failed':>6} {'unexplained':>11}  what else")
    with (
        tempfile.TemporaryDirectory() as folder,
        faults.running(predictor, Path(folder)) as service,
    ):
        rows = [
            shown(faults.nothing(service, seconds)),
            shown(faults.worker_killed(service, seconds)),
            shown(faults.champion_swapped(service, predictor, 20, seconds / 20)),
            shown(faults.artifact_damaged(service, predictor)),
            shown(faults.store_gone(service)),
            shown(faults.store_read_only(service, seconds)),
            shown(faults.disk_full(service)),
            shown(faults.worker_killed(service, seconds)),
            shown(faults.told_to_end(service)),
        ]
    raise SystemExit(1 if any(row.unexcused for row in rows) else 0)


def shown(row: faults.Row) -> faults.Row:
    """A row of the table, printed when it is known."""
    counts = f"{len(row.requests):>7} {row.answered:>8} {len(row.failed):>6}"
    print(f"{row.fault:<26} {counts} {len(row.unexcused):>11}  {row.said}", flush=True)
    for request in row.unexcused[:5]:
        print("-", request)
    return row


if __name__ == "__main__":
    main()
