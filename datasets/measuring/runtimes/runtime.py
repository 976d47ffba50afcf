"""What every runtime is to the suite."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from datasets.measuring.program import Built
from datasets.measuring.session import Broken, Session

_VERSION_S = 20
_TOOL_S = 60


@dataclass(frozen=True)
class Place:
    """Where one run may make things: a folder, and the stem of every name it gives."""

    folder: Path
    stem: str
    built: Built

    def of(self, runtime: str) -> Path:
        """The folder of one runtime; its program's files lie in `data` under it."""
        folder = self.folder / runtime
        (folder / "data").mkdir(parents=True, exist_ok=True)
        return folder

    def name(self, runtime: str) -> str:
        """What an instance of a runtime is called."""
        return f"{self.stem}-{runtime}"


@dataclass(frozen=True)
class Probe:
    """Whether a runtime really runs the program here; else why not, in a line."""

    runtime: str
    works: bool
    version: str = ""
    why_not: str = ""


class Runtime:
    """A runtime as the suite sees it. `word` is its name in the vocabulary, "" where that has
    none, so that it is shown and no row is written; `mechanisms` are what differs from that
    word's preset, `touches` what it makes beside files in the run's own folder."""

    name = ""
    word = ""
    mechanisms: Mapping[str, str] = {}
    touches = ""
    # Whether the time from its start to the program's first word is an instance's start.
    timed_start = True
    # What it reaches a link by: "host" is the stack that native has, "pair" a network namespace of
    # its own on a bridge; "" for nothing, and `no_link` says why. `link_path` is the row's word for
    # it, "" for the preset's.
    link = ""
    no_link = "nearmetal cannot hand a network namespace to it"
    link_path = ""

    def missing(self, place: Place) -> str:
        """What it lacks here, in a line; "" when it may be tried."""
        raise NotImplementedError

    def version(self) -> str:
        """Its version as it tells it."""
        raise NotImplementedError

    def prepare(self, place: Place) -> None:
        """Make what its instances need. Raises Broken."""

    def command(self, place: Place) -> Sequence[str]:
        """The line that starts an instance."""
        raise NotImplementedError

    def linked(self, place: Place, namespace: Path) -> Sequence[str]:
        """The line that starts an instance in a network namespace, for one that has a `link`."""
        raise NotImplementedError

    def data(self, place: Place) -> Path | None:  # noqa: ARG002
        """The folder of this machine that its program's files lie in, None where there is none."""
        return None

    def start(
        self, place: Place, *, cpus: Collection[int] = (), namespace: Path | None = None
    ) -> Session:
        """A running instance, on some processors or in a network namespace. Raises Broken."""
        command = self.linked(place, namespace) if namespace else self.command(place)
        return Session(command, place.of(self.name) / "log", cpus)

    def clean(self, place: Place) -> None:
        """Take away what `prepare` and instances made outside the run's folder."""

    def probe(self, place: Place) -> Probe:
        """Run the program once under it: what is installed does not always work."""
        why = self.missing(place)
        version = self.version() if not why or self.installed() else ""
        if not why:
            try:
                self.prepare(place)
                with self.start(place) as session:
                    why = session.ask("int-dependent", 1.0).cannot
            except Broken as broken:
                why = str(broken)
            finally:
                self.clean(place)
        return Probe(self.name, not why, version, why)

    def installed(self) -> bool:
        """Whether there is something whose version can be told."""
        return True


def within(namespace: Path) -> list[str]:
    """What starts a line of a tool in a network namespace."""
    return ["nsenter", f"--net={namespace}"]


def first_line(command: Sequence[str]) -> str:
    """The first line that a command prints, "" when it cannot be run."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_VERSION_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ((done.stdout or done.stderr).strip().splitlines() or [""])[0].strip()


def not_on_path(tool: str, package: str = "") -> str:
    """Why a tool cannot be tried, "" when it is installed."""
    if shutil.which(tool):
        return ""
    return f"{tool} is not installed" + (f" (package {package})" if package else "")


def call(command: Sequence[str], *, check: bool = True) -> str:
    """Run a tool to its end and return what it printed. Raises Broken when it fails."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_TOOL_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Broken(f"{command[0]}: {str(error)[:200]}") from None
    if check and done.returncode:
        said = (done.stderr.strip().splitlines() or ["it failed"])[-1]
        raise Broken(f"{command[0]}: {said.strip()[:200]}")
    return done.stdout
