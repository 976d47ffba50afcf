"""Runtimes that start the program as a process of this machine: native, bubblewrap, QEMU."""

from __future__ import annotations

import platform
from collections.abc import Sequence

from datasets.measuring.runtimes.runtime import Place, Runtime, first_line, not_on_path


class Native(Runtime):
    """The program as it is."""

    name = "native"
    word = "native"

    def missing(self, place: Place) -> str:  # noqa: ARG002
        return ""

    def version(self) -> str:
        return f"Linux {platform.release()}"

    def command(self, place: Place) -> Sequence[str]:
        return [str(place.built.binary), str(place.of(self.name) / "data")]


class Bubblewrap(Runtime):
    """Namespaces alone: no seccomp filter, no layers, an empty root with the program in it."""

    name = "bubblewrap"
    word = "container"
    mechanisms = {"syscall_boundary": "none", "storage_path": "host"}
    touches = "namespaces, which end with the process"

    def missing(self, place: Place) -> str:  # noqa: ARG002
        return not_on_path("bwrap", "bubblewrap")

    def installed(self) -> bool:
        return not not_on_path("bwrap")

    def version(self) -> str:
        return first_line(["bwrap", "--version"])

    def command(self, place: Place) -> Sequence[str]:
        data = str(place.of(self.name) / "data")
        line = ["bwrap", "--unshare-all", "--die-with-parent", "--proc", "/proc", "--dev", "/dev"]
        line += ["--ro-bind", str(place.built.binary), "/bench", "--bind", data, "/data"]
        return [*line, "/bench", "/data"]


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
