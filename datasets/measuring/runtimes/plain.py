"""Runtimes that start the program as a process of this machine: native, bubblewrap, QEMU."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from pathlib import Path

from datasets.measuring.runtimes.runtime import Place, Runtime, first_line, not_on_path, within


class Native(Runtime):
    """The program as it is."""

    name = "native"
    word = "native"
    link = "host"

    def missing(self, place: Place) -> str:  # noqa: ARG002
        return ""

    def version(self) -> str:
        return f"Linux {platform.release()}"

    def command(self, place: Place) -> Sequence[str]:
        return [str(place.built.binary), str(self.data(place))]

    def linked(self, place: Place, namespace: Path) -> Sequence[str]:
        return [*within(namespace), *self.command(place)]

    def data(self, place: Place) -> Path:
        return place.of(self.name) / "data"


class Bubblewrap(Runtime):
    """Namespaces alone: no seccomp filter, no layers, an empty root with the program in it."""

    name = "bubblewrap"
    word = "container"
    mechanisms = {"syscall_boundary": "none", "storage_path": "host"}
    touches = "namespaces, which end with the process"
    # Its own network namespace has a loopback device alone: who wants a network shares the host's.
    link = link_path = "host"

    def missing(self, place: Place) -> str:  # noqa: ARG002
        return not_on_path("bwrap", "bubblewrap")

    def installed(self) -> bool:
        return not not_on_path("bwrap")

    def version(self) -> str:
        return first_line(["bwrap", "--version"])

    def command(self, place: Place) -> Sequence[str]:
        return self._line(place, [])

    def linked(self, place: Place, namespace: Path) -> Sequence[str]:
        return [*within(namespace), *self._line(place, ["--share-net"])]

    def data(self, place: Place) -> Path:
        return place.of(self.name) / "data"

    def _line(self, place: Place, shared: Sequence[str]) -> list[str]:
        line = ["bwrap", "--unshare-all", *shared, "--die-with-parent"]
        line += ["--proc", "/proc", "--dev", "/dev", "--ro-bind", str(place.built.binary), "/bench"]
        return [*line, "--bind", str(self.data(place)), "/data", "/bench", "/data"]


class QemuUser(Runtime):
    """QEMU's translation in software: a class of its own, for which the vocabulary has no word."""

    name = "qemu-tcg"

    def _tool(self) -> str:
        machine = platform.machine()
        return f"qemu-{ {'arm64': 'aarch64'}.get(machine, machine) }"

    def missing(self, place: Place) -> str:  # noqa: ARG002
        return not_on_path(self._tool(), "qemu-user")

    def installed(self) -> bool:
        return not not_on_path(self._tool())

    def version(self) -> str:
        return first_line([self._tool(), "--version"])

    def command(self, place: Place) -> Sequence[str]:
        return [self._tool(), str(place.built.binary), str(place.of(self.name) / "data")]
