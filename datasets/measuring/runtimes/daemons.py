"""Container engines: Docker, whose daemon is used only when it already runs, and Podman."""

from __future__ import annotations

import contextlib
import os
import shutil
import tarfile
from collections.abc import Sequence
from pathlib import Path

from datasets.measuring.runtimes.runtime import Place, Runtime, call, first_line, not_on_path

_CGROUPS = Path("/sys/fs/cgroup")


class Docker(Runtime):
    """A container of the running daemon, from an image that holds the program alone."""

    name = "docker"
    word = "container"
    touches = "an image and a container of that name in its daemon"
    no_link = "its daemon takes no network namespace that it has not made"

    def missing(self, place: Place) -> str:  # noqa: ARG002
        missing = not_on_path("docker")
        if missing:
            return missing
        if not os.environ.get("DOCKER_HOST") and not os.path.exists("/var/run/docker.sock"):  # noqa: PTH110
            return "its daemon does not run, and nearmetal starts none"
        return ""

    def installed(self) -> bool:
        return not not_on_path("docker")

    def version(self) -> str:
        return first_line(["docker", "--version"])

    def prepare(self, place: Place) -> None:
        archive = place.of(self.name) / "image.tar"
        with tarfile.open(archive, "w") as tar:
            tar.add(place.built.binary, "bench")
            tar.add(place.of(self.name) / "data", "data")
        call(["docker", "import", str(archive), place.name(self.name)])

    def command(self, place: Place) -> Sequence[str]:
        name = place.name(self.name)
        line = ["docker", "run", "--rm", "--interactive", "--network", "none", "--name", name]
        return [*line, name, "/bench", "/data"]

    def clean(self, place: Place) -> None:
        name = place.name(self.name)
        call(["docker", "rm", "--force", name], check=False)
        call(["docker", "image", "rm", "--force", name], check=False)


class Podman(Runtime):
    """A container of Podman's with its store in the run's own folder."""

    name = "podman"
    word = "container"
    mechanisms = {"storage_path": "host"}
    touches = "a container and its cgroups of that name"
    link = "pair"

    def missing(self, place: Place) -> str:  # noqa: ARG002
        return not_on_path("podman", "podman")

    def installed(self) -> bool:
        return not not_on_path("podman")

    def version(self) -> str:
        return first_line(["podman", "--version"])

    def prepare(self, place: Place) -> None:
        root = place.of(self.name) / "rootfs"
        (root / "data").mkdir(parents=True, exist_ok=True)
        shutil.copy(place.built.binary, root / "bench")

    def command(self, place: Place) -> Sequence[str]:
        return self._line(place, "none")

    def linked(self, place: Place, namespace: Path) -> Sequence[str]:
        return self._line(place, f"ns:{namespace}")

    def data(self, place: Place) -> Path:
        return place.of(self.name) / "rootfs/data"

    def _line(self, place: Place, network: str) -> list[str]:
        root = str(place.of(self.name) / "rootfs")
        line = [*self._tool(place), "run", "--rm", "--interactive", "--network", network]
        line += ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]
        line += ["--cgroup-parent", f"/{place.name(self.name)}"]
        return [*line, "--name", place.name(self.name), "--rootfs", root, "/bench", "/data"]

    def clean(self, place: Place) -> None:
        if (place.of(self.name) / "store").exists():
            call([*self._tool(place), "rm", "--force", "--all"], check=False)
        # Podman leaves the parent that it made; by the name that none but this run gives.
        for parent in _CGROUPS.glob(f"**/{place.name(self.name)}"):
            for folder in sorted((p for p in parent.rglob("*") if p.is_dir()), reverse=True):
                with contextlib.suppress(OSError):
                    folder.rmdir()
            with contextlib.suppress(OSError):
                parent.rmdir()

    def _tool(self, place: Place) -> list[str]:
        own = place.of(self.name)
        line = ["podman", "--root", str(own / "store"), "--runroot", str(own / "run")]
        line += ["--tmpdir", str(own / "tmp")]
        # A store of one run: nothing to share, so the plainest driver; no systemd is needed.
        line += ["--storage-driver", "vfs", "--cgroup-manager", "cgroupfs"]
        return [*line, "--events-backend", "file", *(["--runtime", "runc"] if _has_runc() else [])]


def _has_runc() -> bool:
    return shutil.which("runc") is not None
