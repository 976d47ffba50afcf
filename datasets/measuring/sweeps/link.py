"""A link of a chosen speed: a virtual pair between two network namespaces of this run's own.

    host ---- wire ---- peer        shaped at both ends by a token bucket (tc-tbf)
     |
    bridge --- pair --- instance    for a runtime that has a network namespace of its own

Native, and who shares its stack, stands in `host`; the other end of all connections in `peer`. So
a container's packets pass a pair and a bridge more than native's, and one wire is passed by both.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from datasets.measuring.catalog import Setting
from datasets.measuring.interrupts import held
from datasets.measuring.runtimes.runtime import Place, Runtime, call, not_on_path, within
from datasets.measuring.session import Session
from datasets.measuring.sweeps.sweep import Sweep

_TOOLS = {"ip": "iproute2", "tc": "iproute2", "nsenter": "util-linux", "unshare": "util-linux"}
# Seen in these namespaces alone. The peer's end is where connections go to.
_WIRE, _PEER = "10.203.0.1", "10.203.0.2"
_BRIDGE = "10.203.1.1"
_FIRST = 2
# A bucket holds what passes in this time: a kernel's timers are not finer by much.
_BUCKET_S = 0.8e-3
_LEAST_BUCKET, _QUEUE = 4096, 4 << 20


class Link(Sweep):
    """The instances of all runtimes that can be handed a network namespace, and their peer."""

    name = "link"
    touches = "network namespaces, with interfaces and traffic shapers in them"
    address = _PEER

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[str, Path] = {}
        self._peer: Session | None = None
        self._addresses: dict[str, str] = {}
        self._gbps: float | None = None

    def missing(self) -> str:
        if os.geteuid() != 0:
            return "it needs root"
        return next(filter(None, (not_on_path(*one) for one in _TOOLS.items())), "")

    def prepare(self, place: Place, runtimes: Sequence[Runtime]) -> None:
        host, peer = self._namespace(place, "host"), self._namespace(place, "peer")
        _ip(host, "link add wire type veth peer name wire netns", str(peer))
        _ip(host, f"addr add {_WIRE}/24 dev wire")
        _ip(peer, f"addr add {_PEER}/24 dev wire")
        for end in (host, peer):
            _ip(end, "link set wire up")
        _ip(peer, f"route add default via {_WIRE}")
        pairs = [runtime for runtime in runtimes if runtime.link == "pair"]
        if pairs:
            _ip(host, "link add bridge type bridge")
            _ip(host, f"addr add {_BRIDGE}/24 dev bridge")
            _ip(host, "link set bridge up")
            call([*within(host), "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"])
        for number, runtime in enumerate(pairs, _FIRST):
            inside = self._namespace(place, runtime.name)
            _ip(host, f"link add pair{number} type veth peer name pair netns", str(inside))
            _ip(host, f"link set pair{number} master bridge up")
            self._addresses[runtime.name] = f"{_BRIDGE.rpartition('.')[0]}.{number}"
        data = place.of("peer") / "data"
        line = [*within(peer), str(place.built.binary), str(data), "serve"]
        self._peer = Session(line, place.of("peer") / "log")

    def cannot(self, runtime: Runtime) -> str:
        return "" if runtime.link else runtime.no_link

    def start(self, runtime: Runtime, place: Place, setting: Setting) -> Session:  # noqa: ARG002
        own = runtime.link == "pair"
        namespace = self._made[runtime.name if own else "host"]
        if own:  # each time: gVisor takes the addresses off its interface
            _ip(namespace, "link set pair up")
            _ip(namespace, f"addr replace {self._addresses[runtime.name]}/24 dev pair")
            _ip(namespace, f"route replace default via {_BRIDGE}")
        return runtime.start(place, namespace=namespace)

    def set(self, setting: Setting) -> None:
        if setting.network_gbps == self._gbps:
            return
        for end in ("host", "peer"):
            line = [*within(self._made[end]), "tc", "qdisc"]
            if setting.network_gbps is None:
                call([*line, "del", "dev", "wire", "root"])
            else:
                call([*line, "replace", "dev", "wire", "root", *bucket(setting.network_gbps)])
        self._gbps = setting.network_gbps

    def clean(self, place: Place) -> None:  # noqa: ARG002
        if self._peer:
            self._peer.close()
        for path in self._made.values():
            call(["umount", str(path)], check=False)
        self._made, self._peer, self._gbps = {}, None, None

    def _namespace(self, place: Place, name: str) -> Path:
        """A network namespace on a file of the run's folder, with its loopback device up."""
        path = place.folder / f"{name}.net"
        with held():
            path.touch()
            self._made[name] = path
            call(["unshare", f"--net={path}", "true"])
        _ip(path, "link set lo up")
        return path


def bucket(gbps: float) -> list[str]:
    """The shaper of a link of some speed, in tc's words."""
    holds = max(_LEAST_BUCKET, round(gbps * 1e9 / 8 * _BUCKET_S))
    return ["tbf", "rate", f"{gbps * 1e9:.0f}bit", "burst", f"{holds}b", "limit", f"{_QUEUE}b"]


def _ip(namespace: Path, words: str, *last: str) -> None:
    call([*within(namespace), "ip", *words.split(), *last])
