"""Results as rows of the table of measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from datasets.measurement import Measurement
from datasets.measuring.comparison import Compared, Missing
from datasets.measuring.conditions import Machine
from datasets.measuring.plan import AGAIN
from datasets.measuring.runtimes.runtime import Runtime
from features.choices import settled
from features.scenario import RETAINED_RANGE, Scenario, resource_class

_HUGE_ENOUGH = 0.9
# A band [log ratio] beyond which native itself was disturbed too much to be a yardstick.
_NOISY = 0.2
_FIGURES = 4
# A link or a device is what limits native where native takes about the time that it alone takes.
_LIMITED = (0.75, 1.35)
_PER_UNIT = {"ns": 1.0, "ms": 1e6}


def rows_of(
    compared: Sequence[Compared],
    runtimes: Mapping[str, Runtime],
    versions: Mapping[str, str],
    here: Machine,
    source: str,
    year: int,
) -> tuple[list[Measurement], list[Missing]]:
    """A row for each isolated figure whose runtime has a word, and what no row is made of.

    On a machine that is itself a guest, `nested` is yes where a runtime can say so. A figure with
    huge pages is compared with bare metal's usual pages, as the vocabulary means the mechanism.
    """
    rows: list[Measurement] = []
    left_out: list[Missing] = []
    by_name = {(c.side, c.benchmark.name): c for c in compared}
    for side in dict.fromkeys(one.side for one in compared):
        if side != AGAIN and not runtimes[side].word:
            said = "the vocabulary has no word for this runtime"
            left_out.append(Missing(side, "all of them", said))
    for one in compared:
        if one.side == AGAIN or not runtimes[one.side].word:
            continue
        usual = by_name.get((one.side, one.benchmark.bare), one)
        why = _unfit(one, by_name.get((AGAIN, one.benchmark.name))) or _unlimited(one)
        retained = usual.native_ns / one.ns
        if not why and not RETAINED_RANGE[0] <= retained <= RETAINED_RANGE[1]:
            why = f"{retained:.3g} of native is outside the table's range"
        if why:
            left_out.append(Missing(one.side, one.benchmark.name, why))
        else:
            version = versions.get(one.side, "")
            row = _row(one, usual.native_ns, runtimes[one.side], version, here, source, year)
            rows.append(row)
    return rows, left_out


def _unfit(one: Compared, native: Compared | None) -> str:
    if not one.benchmark.huge:
        return ""
    shares = [one.huge, native.huge if native else None]
    if any(share is None or share < _HUGE_ENOUGH for share in shares):
        return "its memory is not known to lie on 2 MiB pages"
    return ""


def _unlimited(one: Compared) -> str:
    """Why a setting's limit is not what was measured, "" where it is or there is none."""
    bound = one.benchmark.bound_ns
    if not bound:
        return ""
    if not _LIMITED[0] <= one.native_ns / bound <= _LIMITED[1]:
        took = f"{one.native_ns / bound:.2g} times what the limit alone takes"
        return f"native is not limited by it: {took}"
    if one.ns < _LIMITED[0] * bound:
        return "it is faster than the limit lets through: something else served it"
    return ""


def _row(
    one: Compared,
    native_ns: float,
    runtime: Runtime,
    version: str,
    here: Machine,
    source: str,
    year: int,
) -> Measurement:
    benchmark = one.benchmark
    wished = dict(runtime.mechanisms)
    if benchmark.huge:
        wished["page_size"] = "2m"
    if benchmark.loopback and runtime.word == "container":
        wished["network_path"] = (
            "host"  # its stack is the host's own, and no virtual pair is passed
        )
    if benchmark.setting.sweep == "link" and runtime.link_path:
        wished["network_path"] = runtime.link_path
    if here.virtualised:
        wished["nested"] = "yes"
    # A runtime that cannot say `nested` (WebAssembly leaves no guest) says so in the detail alone.
    mechanisms, _ = settled(runtime.word, wished)
    demands = dict(benchmark.demands)
    if benchmark.own_time:
        demands["op_us"] = _rounded(native_ns / 1e3)
    scenario = Scenario(
        runtime.word,
        benchmark.workload,
        cores=float(benchmark.setting.cores or here.cores),
        memory_gb=here.memory_gb,
        network_gbps=benchmark.setting.network_gbps,
        storage_iops=benchmark.setting.storage_iops,
        mechanisms=mechanisms,
        demands=demands,
    )
    scale = _PER_UNIT[benchmark.unit]
    return Measurement(
        id=f"{source}-{one.side}-{benchmark.name}",
        scenario=scenario,
        retained=_rounded(native_ns / one.ns),
        source=source,
        resource=resource_class(scenario),
        value=_rounded(one.ns / scale),
        baseline_value=_rounded(native_ns / scale),
        unit=benchmark.unit,
        metric=benchmark.title,
        spread=_rounded(min(one.spread, 10.0)),
        repeats=one.repeats,
        caution=_caution(one, here),
        benchmark=f"nearmetal measure {benchmark.name}",
        detail=_detail(one, version, here),
        year=year,
    )


def _caution(one: Compared, here: Machine) -> str:
    if one.band > _NOISY:
        return "noisy-baseline"
    if one.benchmark.loopback:
        return "loopback"
    return "guest-native" if here.virtualised else ""


def _detail(one: Compared, version: str, here: Machine) -> str:
    said = [f"{one.side} ({version})" if version else one.side]
    if one.benchmark.huge:
        said.append("2 MiB pages, native with 4 KiB")
    elif not one.differs:
        said.append(f"no difference seen (band {one.band:.1%})")
    if one.outliers:
        said.append(f"outlying rounds {' '.join(map(str, one.outliers))}")
    said.append(f"{here.kernel}, {here.described}")
    return "; ".join(said)


def _rounded(number: float) -> float:
    return float(f"{number:.{_FIGURES}g}")
