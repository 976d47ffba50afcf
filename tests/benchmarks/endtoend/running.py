"""Any command of this machine under a runtime of it: its root read-only, one folder to write in.

What it sees is what it would see natively, at the same paths: the system's folders bound in
read-only, its own folder writable. The network is the host's own, so that a client outside talks
to a server inside by the loopback device, whatever the runtime.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets.measuring.runtimes.oci import configuration, sandbox_flags
from datasets.measuring.runtimes.runtime import call

# Folders of the system that programs, their libraries and their settings lie in.
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc", "/opt")
# Runtimes that run a command here, with their word and what differs from that word's preset.
RUNNING: dict[str, tuple[str, dict[str, str]]] = {
    "native": ("native", {}),
    "bubblewrap": (
        "container",
        {"syscall_boundary": "none", "network_path": "host", "storage_path": "host"},
    ),
    "runc": ("container", {"network_path": "host", "storage_path": "host"}),
    "runsc-ptrace": ("gvisor", {"syscall_boundary": "ptrace", "network_path": "host"}),
}


@dataclass(frozen=True)
class Running:
    """A command under a runtime; `folder` is where its files lie, and it alone is writable.
    `state` holds the runtime's own files, `name` what an instance is called."""

    runtime: str
    argv: Sequence[str]
    folder: Path
    state: Path
    name: str

    def prepare(self) -> list[str]:
        """Make what the runtime needs, and return the line that runs the command."""
        self.state.mkdir(parents=True, exist_ok=True)
        if self.runtime == "native":
            return list(self.argv)
        if self.runtime == "bubblewrap":
            return [*self._bubblewrap(), *self.argv]
        (self.state / "rootfs").mkdir(exist_ok=True)
        mounts = [_mount(folder, "ro") for folder in _system()]
        mounts.append(_mount(str(self.folder), "rw"))
        made = configuration(self.name, self.argv, mounts, network=False)
        (self.state / "config.json").write_text(json.dumps(made))
        return [*self._tool(), "run", "--bundle", str(self.state), self.name]

    def clean(self) -> None:
        """Take away what is left of the instance beside files in `state`."""
        if self.runtime in ("runc", "runsc-ptrace"):
            call([*self._tool(), "delete", "--force", self.name], check=False)

    def _tool(self) -> list[str]:
        root = ["--root", str(self.state / "state")]
        if self.runtime == "runc":
            return ["runc", *root]
        return ["runsc", *root, *sandbox_flags("ptrace", "host")]

    def _bubblewrap(self) -> list[str]:
        line = ["bwrap", "--unshare-all", "--share-net", "--die-with-parent"]
        line += ["--proc", "/proc", "--dev", "/dev"]
        for folder in _system():
            line += ["--ro-bind", folder, folder]
        return [*line, "--bind", str(self.folder), str(self.folder)]


def _system() -> list[str]:
    return [folder for folder in _SYSTEM if Path(folder).exists()]


def _mount(folder: str, how: str) -> dict[str, Any]:
    options = ["rbind", how]
    return {"destination": folder, "type": "bind", "source": folder, "options": options}
