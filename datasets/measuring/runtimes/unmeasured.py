"""Runtimes that are looked for and told about, but have no instance that nearmetal can start."""

from __future__ import annotations

import shutil

from datasets.measuring.runtimes.gate import gate
from datasets.measuring.runtimes.runtime import Place, Runtime, first_line, not_on_path


class Kata(Runtime):
    """Kata Containers, which only containerd or CRI-O start."""

    name = "kata"
    _tools = ("containerd-shim-kata-v2", "kata-runtime")

    def missing(self, place: Place) -> str:  # noqa: ARG002
        if not self.installed():
            return "neither containerd-shim-kata-v2 nor kata-runtime is on PATH"
        return "it is started by containerd or CRI-O, which nearmetal does not drive"

    def installed(self) -> bool:
        return any(shutil.which(tool) for tool in self._tools)

    def version(self) -> str:
        tool = next(tool for tool in reversed(self._tools) if shutil.which(tool))
        return first_line([tool, "--version"])


class Firecracker(Runtime):
    """Firecracker, which boots a guest kernel of the user's."""

    name = "firecracker"

    def missing(self, place: Place) -> str:  # noqa: ARG002
        if missing := not_on_path("firecracker"):
            return missing
        return gate() or "nearmetal has no guest kernel and no root image to boot in it"

    def installed(self) -> bool:
        return not not_on_path("firecracker")

    def version(self) -> str:
        return first_line(["firecracker", "--version"])


class Kvm(Runtime):
    """A virtual machine on /dev/kvm: the gate tells whether its processor is the host's."""

    name = "kvm"

    def missing(self, place: Place) -> str:  # noqa: ARG002
        return gate() or "its guests run at full speed, but nearmetal has no guest image to boot"

    def installed(self) -> bool:
        return False
