"""Starting the service: address checked first, then the process becomes BentoML's server."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from features.errors import InvalidInput, Problem
from serving.access import VARIABLE, key_of_environment
from serving.metrics import make_folder
from serving.store import prepare_bentoml

ROOT = Path(__file__).resolve().parent.parent
SERVICE = "serving.service:NearmetalService"
WORKERS_VARIABLE = "NEARMETAL_WORKERS"
MAX_WORKERS = 256


def launch(host: str, port: int, workers: int, ensure_champion: Callable[[], None]) -> None:
    """Serve on host and port until interrupted; does not return. Raises InvalidInput."""
    address = resolve(host)
    check_free(address, port)
    if not ipaddress.ip_address(address).is_loopback and key_of_environment() is None:
        said = f"warning: {address} is reachable from outside, and anyone may ask: set {VARIABLE}"
        print(said, file=sys.stderr)
    ensure_champion()
    prepare_bentoml()
    os.environ[WORKERS_VARIABLE] = str(workers)
    make_folder()
    command = [sys.executable, "-m", "bentoml", "serve", SERVICE]
    command += ["--host", address, "--port", str(port), "--working-dir", str(ROOT)]
    sys.stdout.flush()
    os.execv(sys.executable, command)


def port_of(text: str) -> int:
    """The number of a port. Raises InvalidInput."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 5 and 1 <= int(text) <= 65535):
        raise InvalidInput([Problem("port", f"must be 1 to 65535, not {text[:40]!r}")])
    return int(text)


def workers_of(text: str) -> int:
    """The number of worker processes. Raises InvalidInput."""
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:5]) <= MAX_WORKERS):
        raise InvalidInput([Problem("workers", f"must be 1 to {MAX_WORKERS}, not {text[:40]!r}")])
    return int(text)


def resolve(host: str) -> str:
    """The IP address of a host name; BentoML binds to addresses only. Raises InvalidInput."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise InvalidInput([Problem("host", f"{host!r} is no address of this machine")]) from None
    found.sort(key=lambda entry: entry[0] != socket.AF_INET)
    return str(found[0][4][0])


def check_free(address: str, port: int) -> None:
    """Raises InvalidInput when the port cannot be bound."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            said = f"{port} at {address} cannot be bound ({error.strerror}); choose another --port"
            raise InvalidInput([Problem("port", said)]) from None
