"""Runtimes that take an OCI bundle: runc, crun and gVisor's runsc."""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datasets.measuring.program import allowed_calls
from datasets.measuring.runtimes.gate import gate
from datasets.measuring.runtimes.runtime import (
    Place,
    Runtime,
    call,
    first_line,
    not_on_path,
    within,
)

_PATH = "/:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SPEC = "1.0.2"
_SECCOMP_MACHINES = {
    "x86_64": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    "aarch64": ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
}
# clone() may not make namespaces, and only usual personalities may be had: as in Docker's filter.
_NAMESPACE_FLAGS = 0x7E020000
_PERSONALITIES = (0x0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF)
# What Docker gives a container's root.
_CAPABILITIES = [
    "CAP_AUDIT_WRITE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_MKNOD",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
]
# gVisor until 2024 takes every network namespace for the machine's first where this folder has
# files, as since Linux 6.11 (google/gvisor issue 10704); in a mount namespace of its own none.
_UNLIKE_THE_FIRST = [
    *("unshare", "--mount", "sh", "-c"),
    *('mount -t tmpfs none /proc/sys/net/core && exec "$@"', "sh"),
]


class Oci(Runtime):
    """A container of runc's kind under a filter like Docker's, its files on the host's own."""

    word = "container"
    touches = "a container and its cgroups of that name"
    link = "pair"

    def __init__(self, tool: str) -> None:
        self.tool = self.name = tool
        self.mechanisms = {"storage_path": "host"}

    def missing(self, place: Place) -> str:  # noqa: ARG002
        missing = not_on_path(self.tool, self.tool)
        return missing or ("" if os.geteuid() == 0 else "it needs root")

    def installed(self) -> bool:
        return not not_on_path(self.tool)

    def version(self) -> str:
        return first_line([self.tool, "--version"])

    def prepare(self, place: Place) -> None:
        bundle = place.of(self.name)
        root = bundle / "rootfs"
        for folder in ("data", "proc", "dev"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        shutil.copy(place.built.binary, root / "bench")
        # A bundle of its own for instances that are handed a network namespace.
        self._linked(place).mkdir(exist_ok=True)
        self._configure(bundle, place, None)

    def command(self, place: Place) -> Sequence[str]:
        return self._line(place, self._tool(place), place.of(self.name))

    def linked(self, place: Place, namespace: Path) -> Sequence[str]:
        self._configure(self._linked(place), place, namespace)
        return self._line(place, self._tool(place), self._linked(place))

    def data(self, place: Place) -> Path:
        return place.of(self.name) / "rootfs/data"

    def _line(self, place: Place, tool: Sequence[str], bundle: Path) -> list[str]:
        return [*tool, "run", "--bundle", str(bundle), place.name(self.name)]

    def _configure(self, bundle: Path, place: Place, namespace: Path | None) -> None:
        root = place.of(self.name) / "rootfs"
        told = configuration(place.name(self.name), root=root, network=namespace or True)
        (bundle / "config.json").write_text(json.dumps(told))

    def _linked(self, place: Place) -> Path:
        return place.of(self.name) / "linked"

    def clean(self, place: Place) -> None:
        if self._state(place).exists():
            call([*self._tool(place), "delete", "--force", place.name(self.name)], check=False)

    def _tool(self, place: Place) -> list[str]:
        return [self.tool, "--root", str(self._state(place))]

    def _state(self, place: Place) -> Path:
        return place.of(self.name) / "state"


class Runsc(Oci):
    """gVisor on one of its platforms, without network and cgroups."""

    word = "gvisor"
    touches = "a sandbox of that name"

    def __init__(self, system: str) -> None:
        super().__init__("runsc")
        self.system = system
        self.name = f"runsc-{system}"
        self.mechanisms = {"syscall_boundary": system}

    def missing(self, place: Place) -> str:
        missing = super().missing(place)
        return missing or (gate() if self.system == "kvm" else "")

    def linked(self, place: Place, namespace: Path) -> Sequence[str]:
        self._configure(self._linked(place), place, namespace)
        tool = self._tool(place, "sandbox")
        line = self._line(place, tool, self._linked(place))
        return [*within(namespace), *_UNLIKE_THE_FIRST, *line]

    def _tool(self, place: Place, network: str = "none") -> list[str]:
        return [*super()._tool(place), *sandbox_flags(self.system, network)]


def sandbox_flags(system: str, network: str = "none") -> list[str]:
    """How runsc is asked for a platform and a network, without cgroups."""
    return [f"--platform={system}", f"--network={network}", "--ignore-cgroups"]


def configuration(
    name: str,
    argv: Sequence[str] = ("/bench", "/data"),
    mounts: Sequence[dict[str, Any]] = (),
    *,
    root: Path | str = "rootfs",
    network: Path | bool = True,
) -> dict[str, Any]:
    """An OCI configuration: own namespaces, Docker's capabilities and a filter like its own.

    `network` is whether it has one of its own, or the namespace that is handed to it.
    """
    namespaces = [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")]
    if network is not False:
        handed = {"path": str(network)} if isinstance(network, Path) else {}
        namespaces.append({"type": "network", **handed})
    options = ["nosuid", "strictatime", "mode=755", "size=65536k"]
    return {
        "ociVersion": _SPEC,
        "hostname": "nearmetal",
        "root": {"path": str(root), "readonly": False},
        "process": {
            "terminal": False,
            "user": {"uid": 0, "gid": 0},
            "args": list(argv),
            "env": [f"PATH={_PATH}"],
            "cwd": "/",
            "noNewPrivileges": True,
            "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), _CAPABILITIES),
        },
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": options},
            *mounts,
        ],
        "linux": {
            "cgroupsPath": f"/{name}",
            "namespaces": namespaces,
            "seccomp": _seccomp(),
        },
    }


def _seccomp() -> dict[str, Any]:
    """What passes is listed, and all else fails, as in Docker's own filter."""
    equal = [{"index": 0, "value": value, "op": "SCMP_CMP_EQ"} for value in _PERSONALITIES]
    masked = {"index": 0, "value": _NAMESPACE_FLAGS, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}
    allow = "SCMP_ACT_ALLOW"
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "architectures": _SECCOMP_MACHINES.get(platform.machine(), []),
        "syscalls": [
            {"names": allowed_calls(), "action": allow},
            {"names": ["clone"], "action": allow, "args": [masked]},
            # A library that finds no clone3 falls back to clone, whose flags can be looked at.
            {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
            *({"names": ["personality"], "action": allow, "args": [one]} for one in equal),
        ],
    }
