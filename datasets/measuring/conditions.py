"""Under which conditions figures were taken: machine, kernel, mitigations, pressure, steal."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets.tracing.machine import field_of, virtualised

_CPU = Path("/sys/devices/system/cpu")
_GIB_KB = 1024 * 1024


@dataclass(frozen=True)
class Machine:
    """The machine as its kernel tells it; what it does not tell is None or "".

    `virtualised`: the machine is itself a guest, so that native is not bare metal.
    """

    cores: int
    memory_gb: float | None
    cpu: str
    virtualised: bool
    kernel: str

    @property
    def described(self) -> str:
        """The machine in a few words."""
        kind = "a guest itself, so native is not bare metal" if self.virtualised else "no guest"
        memory = "" if self.memory_gb is None else f", {self.memory_gb:g} GB"
        return f"{self.cpu or 'unknown processor'}, {self.cores} cores{memory}, {kind}"


def machine() -> Machine:
    """This machine."""
    kb = field_of("/proc/meminfo", "MemTotal").split()
    return Machine(
        cores=len(os.sched_getaffinity(0)),
        memory_gb=round(float(kb[0]) / _GIB_KB, 1) if kb else None,
        cpu=field_of("/proc/cpuinfo", "model name") or platform.machine(),
        virtualised=_virtualised(),
        kernel=f"{platform.system()} {platform.release()}",
    )


def settings() -> dict[str, Any]:
    """What of the machine's settings moves such figures."""
    flaws = _CPU / "vulnerabilities"
    named = sorted(flaws.iterdir()) if flaws.is_dir() else []
    states = {path.name: _text(path) for path in named}
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "governor": _text(_CPU / "cpu0/cpufreq/scaling_governor"),
        "transparent_hugepage": _chosen(_text(Path("/sys/kernel/mm/transparent_hugepage/enabled"))),
        "smt": _text(_CPU / "smt/control"),
        "mitigations": {k: v for k, v in states.items() if v.startswith("Mitigation")},
        "vulnerable": sorted(k for k, v in states.items() if v.startswith("Vulnerable")),
    }


@dataclass(frozen=True)
class Moment:
    """Counters of the machine at one moment; two make a stretch."""

    stolen: float
    ticks: float
    stalled_us: dict[str, float]
    clock_s: float

    def until(self, later: Moment) -> dict[str, float | None]:
        """Shares of the time between: stolen by the host, stalled for want of a resource, and
        the processor's frequency at its end [MHz]."""
        ticks, seconds = later.ticks - self.ticks, later.clock_s - self.clock_s
        told: dict[str, float | None] = {
            "steal": round((later.stolen - self.stolen) / ticks, 4) if ticks else None
        }
        for key, total in later.stalled_us.items():
            stalled = total - self.stalled_us.get(key, total)
            told[f"pressure_{key}"] = round(stalled / (seconds * 1e6), 4) if seconds else None
        megahertz = field_of("/proc/cpuinfo", "cpu MHz")
        told["mhz"] = float(megahertz) if megahertz else None
        told["load"] = round(os.getloadavg()[0], 2)
        return told


def moment(clock: Callable[[], float]) -> Moment:
    """The counters now."""
    cells = [float(cell) for cell in _text(Path("/proc/stat")).splitlines()[0].split()[1:9]]
    return Moment(
        stolen=cells[7] if len(cells) > 7 else 0.0,
        ticks=sum(cells),
        stalled_us={k: v for k in ("cpu", "memory", "io") if (v := _stalled_us(k)) is not None},
        clock_s=clock(),
    )


def _stalled_us(resource: str) -> float | None:
    """Time that some task has waited for a resource since boot (PSI)."""
    for line in _text(Path("/proc/pressure") / resource).splitlines():
        if line.startswith("some") and "total=" in line:
            return float(line.rpartition("total=")[2])
    return None


def _virtualised() -> bool:
    vendor = _text(Path("/sys/class/dmi/id/sys_vendor")).lower()
    told = Path("/sys/hypervisor/type").exists() or "qemu" in vendor
    return virtualised() or told


def _chosen(text: str) -> str:
    """The word in brackets of a kernel's choice."""
    return text.partition("[")[2].partition("]")[0] or text


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
