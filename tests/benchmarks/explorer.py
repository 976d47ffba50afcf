"""How long the page takes from an input to its redraw, in a real browser on a running service.

    uv run nearmetal serve &
    uv run python -m tests.benchmarks.explorer http://127.0.0.1:3000 --rounds 40

Each round changes the workload, types a digit, sets an option, chooses a runtime and varies
another field. `bars` ends when bars, waterfall and evidence are painted, `all` when the sweep is
too; both start at the browser's own time of the input.
"""

from __future__ import annotations

import argparse
import random
import statistics
from collections import defaultdict

from playwright.sync_api import sync_playwright

from tests.serving.explorer.browser import Visit, chromium, launch

WORKLOADS = ("web.static", "database.kv", "database.sql", "hpc.build", "ai.inference", "web")
RUNTIMES = ("vm", "container", "gvisor", "kata", "wasm", "tdx")
SIZES = ("4k", "2m", "1g")
NAMES = ("explorer-bars", "explorer-all")


def main() -> None:
    """Measure and print a table [ms]."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    path = chromium()
    if path is None:
        raise SystemExit("Chromium is not installed")
    with sync_playwright() as playwright:
        browser = launch(playwright, path)
        visit = Visit(browser, given.address.rstrip("/")).open()
        # An option can be set where it is seen.
        visit.page.eval_on_selector_all("form details", "all => all.map(one => (one.open = true))")
        times = measure(visit, random.Random(given.seed), given.rounds)
        browser.close()
    print(f"{'input':<12}{'':<6}{'median':>8}{'p95':>8}{'n':>6}")
    for (kind, name), found in sorted(times.items()):
        middle, high = statistics.median(found), statistics.quantiles(found, n=20)[-1]
        print(f"{kind:<12}{name:<6}{middle:>8.0f}{high:>8.0f}{len(found):>6}")


def measure(visit: Visit, chance: random.Random, rounds: int) -> dict[tuple[str, str], list[float]]:
    """Times [ms] by kind of input and what was painted, and of all inputs together."""
    page = visit.page
    acts = {
        "workload": lambda: page.select_option("#workload", chance.choice(WORKLOADS)),
        "typing": lambda: page.fill("#cores", str(chance.randint(1, 256))),
        "option": lambda: page.select_option("#with-page_size", chance.choice(SIZES)),
        "runtime": lambda: page.click(f"#bars tr[data-runtime={chance.choice(RUNTIMES)}] button"),
        "axis": lambda: page.click(f"[data-axis={chance.choice(('cores', 'network_gbps'))}]"),
    }
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    for _ in range(rounds):
        for kind, act in acts.items():
            page.evaluate("performance.clearMeasures()")
            visit.acts(act)
            page.wait_for_function(
                "name => performance.getEntriesByName(name).length > 0", arg=NAMES[1]
            )
            for name in NAMES:
                took = page.evaluate(
                    "name => performance.getEntriesByName(name).pop()?.duration", name
                )
                label = name.removeprefix("explorer-")
                times[kind, label].append(took)
                times["(every)", label].append(took)
    return dict(times)


if __name__ == "__main__":
    main()
