"""How a workload is measured: a common tool and the lines to run on both sides."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from features.vocabulary import read_toml, vocabulary


@dataclass(frozen=True)
class Benchmark:
    """A tool's command and the figure to read of it, in `unit`.

    Where `serve` is given the tool is a client: `serve` runs on the side that is measured, and
    `command` on another machine that reaches it as HOST.
    """

    tool: str
    command: str
    figure: str
    unit: str
    serve: str = ""
    port: int = 0
    not_on: tuple[str, ...] = ()

    def runs_on(self, runtime: str) -> bool:
        """Whether the tool comes to a runtime."""
        return runtime in _wrappers() and runtime not in self.not_on

    @property
    def native(self) -> tuple[str, ...]:
        """The lines to run on bare metal."""
        return (self.serve, self.command) if self.serve else (self.command,)

    def isolated(self, runtime: str) -> tuple[str, ...]:
        """The lines to run under a runtime that the tool comes to."""
        first, *rest = self.native
        program, _, arguments = first.partition(" ")
        made = _wrappers()[runtime].format(
            command=first,
            quoted=shlex.quote(first),
            program=program,
            arguments=arguments,
            ports=f"-p {self.port}:{self.port} " if self.port else "",
        )
        return (made.strip(), *rest)


@cache
def benchmarks() -> Mapping[str, Benchmark]:
    """The benchmark of each workload that has one, by the workload's name.

    Raises ValueError where the data names a workload or runtime that there is not.
    """
    words = vocabulary()
    made = {}
    for name, entry in read_toml("benchmarks.toml")["workloads"].items():
        made[name] = Benchmark(**{**entry, "not_on": tuple(entry.get("not_on", ()))})
        unknown = {*made[name].not_on} - {*words.runtimes}
        if name not in words.workloads or unknown:
            raise ValueError(f"benchmarks.toml, {name}: unknown workload, or runtimes {unknown}")
        if bool(made[name].serve) != bool(made[name].port):
            raise ValueError(f"benchmarks.toml, {name}: serve and port go together")
    return MappingProxyType(made)


@cache
def _wrappers() -> Mapping[str, str]:
    wrappers = read_toml("benchmarks.toml")["wrappers"]
    unknown = {*wrappers} - {*vocabulary().runtimes}
    if unknown:
        raise ValueError(f"benchmarks.toml, wrappers: unknown runtimes {unknown}")
    return MappingProxyType(wrappers)
