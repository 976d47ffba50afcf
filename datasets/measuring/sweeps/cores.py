"""Instances that may use some of the machine's cores."""

from __future__ import annotations

import contextlib
import os

from datasets.measuring.catalog import Setting
from datasets.measuring.runtimes.runtime import Place, Runtime
from datasets.measuring.session import Broken, Session
from datasets.measuring.sweeps.sweep import Sweep, processes_of, threads_of


class Cores(Sweep):
    """Each instance with all of its own processes on the first few of this process's cores."""

    name = "cores"
    touches = "the processors that its own instances may use"

    def start(self, runtime: Runtime, place: Place, setting: Setting) -> Session:
        assert setting.cores is not None
        cpus = sorted(os.sched_getaffinity(0))[: setting.cores]
        session = runtime.start(place, cpus=cpus)
        try:
            astray = _astray(session, place.name(runtime.name), set(cpus))
        except BaseException:
            session.close()
            raise
        if astray:
            session.close()
            raise Broken(f"its process {astray} does not keep to {setting.cores} of the cores")
        return session


def _astray(session: Session, name: str, cpus: set[int]) -> str:
    """A process of an instance that may run elsewhere, "" when there is none."""
    for pid in processes_of(session, name):
        for thread in threads_of(pid):
            with contextlib.suppress(OSError):
                if not os.sched_getaffinity(int(thread.name)) <= cpus:
                    return (thread / "comm").read_text(errors="replace").strip()
    return ""
