"""The runtimes that can be measured: each is probed, prepared, run and cleaned up after."""

from __future__ import annotations

from datasets.measuring.runtimes.daemons import Docker, Podman
from datasets.measuring.runtimes.oci import Oci, Runsc
from datasets.measuring.runtimes.plain import Bubblewrap, Native, QemuUser
from datasets.measuring.runtimes.runtime import Runtime
from datasets.measuring.runtimes.unmeasured import Firecracker, Kata, Kvm
from datasets.measuring.runtimes.wasm import Wasmtime


def runtimes() -> tuple[Runtime, ...]:
    """All that nearmetal knows how to try, native first."""
    return (
        Native(),
        Bubblewrap(),
        Oci("runc"),
        Oci("crun"),
        Docker(),
        Podman(),
        Runsc("systrap"),
        Runsc("ptrace"),
        Runsc("kvm"),
        Wasmtime(),
        Kata(),
        Firecracker(),
        Kvm(),
        QemuUser(),
    )
