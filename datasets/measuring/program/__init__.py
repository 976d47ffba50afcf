"""The programs that measure: their sources, and how they are built."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from features.errors import InvalidInput, Problem

_BUILD_S = 120
# The copy stays word by word (-fno-builtin-memcpy), a * b + c is one instruction where it can be.
_FLAGS = ["-O2", "-std=gnu11", "-ffp-contract=fast", "-fno-builtin-memcpy"]
_GCC_FLAGS = ["-fno-tree-loop-distribute-patterns"]


@dataclass(frozen=True)
class Built:
    """The built program: its static binary, its WebAssembly module or why there is none."""

    binary: Path
    compiler: str
    module: Path | None
    no_module: str

    @property
    def folder(self) -> Path:
        """Where both lie."""
        return self.binary.parent


def source_text(name: str = "bench.c") -> str:
    """A C source, the benchmarks' when none is named."""
    return (files(__name__) / name).read_text(encoding="utf-8")


def source_digest() -> str:
    """A short digest of the source: figures of two sources are not one measurement."""
    return hashlib.sha256(source_text().encode()).hexdigest()[:12]


def allowed_calls() -> list[str]:
    """The system calls that a container's usual seccomp filter lets pass."""
    return (files(__name__) / "seccomp-allowed.txt").read_text(encoding="utf-8").split()


def build(folder: Path) -> Built:
    """Build the program in a folder: static for this machine, and for wasm32-wasi where clang has
    that target's libraries. One compiler builds both where it can.

    Raises InvalidInput when there is no C compiler or it cannot link statically.
    """
    source = folder / "bench.c"
    source.write_text(source_text(), encoding="utf-8")
    module, no_module = _build_module(source, folder / "bench.wasm")
    compilers = ["clang", "cc", "gcc"] if module else ["cc", "gcc", "clang"]
    binary = folder / "bench"
    return Built(binary, _build_static(compilers, source, binary), module, no_module)


def build_calibrator(folder: Path) -> tuple[Path, str]:
    """Build the program of `measure --calibrate` in a folder, and with which compiler.

    Raises InvalidInput as `build` does.
    """
    source, binary = folder / "calibrate.c", folder / "calibrate"
    source.write_text(source_text(source.name), encoding="utf-8")
    return binary, _build_static(["cc", "gcc", "clang"], source, binary)


def _build_static(compilers: Sequence[str], source: Path, binary: Path) -> str:
    """Build with the first compiler that is there; its version."""
    compiler = next((c for c in compilers if shutil.which(c)), None)
    if compiler is None:
        raise _refused("there is no C compiler; install gcc or clang")
    version = _version(compiler)
    flags = [*_FLAGS, *([] if "clang" in version else _GCC_FLAGS)]
    problem = _compile([compiler, *flags, "-static", "-o", str(binary), str(source)])
    if problem:
        raise _refused(f"{compiler} cannot build the program: {problem}")
    return version


def _build_module(source: Path, module: Path) -> tuple[Path | None, str]:
    if shutil.which("clang") is None:
        return None, "clang is not installed (packages clang lld wasi-libc libclang-rt-dev-wasm32)"
    command = ["clang", "--target=wasm32-wasi", "-msimd128", *_FLAGS, "-o", str(module)]
    problem = _compile([*command, str(source)])
    if problem:
        advice = "packages lld wasi-libc libclang-rt-dev-wasm32"
        return None, f"clang has no wasm32-wasi ({advice}): {problem}"
    return module, ""


def _compile(command: list[str]) -> str:
    """Run a compiler; its first complaint, "" when it has none."""
    # What it leaves behind when it is interrupted goes with the folder that it builds in.
    given = {**os.environ, "TMPDIR": str(Path(command[command.index("-o") + 1]).parent)}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_BUILD_S, env=given
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)[:200]
    if not done.returncode:
        return ""
    lines = [line for line in done.stderr.splitlines() if "error" in line] or ["it failed"]
    return lines[0].strip()[:200]


def _version(compiler: str) -> str:
    done = subprocess.run([compiler, "--version"], capture_output=True, text=True, errors="replace")
    return (done.stdout.splitlines() or [compiler])[0].strip()


def _refused(why: str) -> InvalidInput:
    return InvalidInput([Problem("compiler", why)])
