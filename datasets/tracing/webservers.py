"""nginx as most people meet it: static files, a proxy, TLS; its access log is on, as by default."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from datasets.tracing.program import (
    Load,
    Point,
    Program,
    Service,
    Unavailable,
    found_number,
    output_of,
    tool,
    version_of,
)
from datasets.tracing.service import Daemon, free_port, on_client_cores

_SIZES = {"4k": 4096, "64k": 65536, "1m": 1048576}
_CONFIGURATION = """
daemon off; worker_processes 1; user {user}; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log {folder}/access.log; sendfile on; tcp_nopush on; keepalive_requests 1000000;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  {upstream}
  server {{ listen 127.0.0.1:{port}{tls}; {body} }}
}}
"""


class _Nginx:
    def __init__(self, folder: Path, kind: str) -> None:
        self.kind = kind
        self.behind: Daemon | None = None
        # The worker gives up root for another user, who has to reach the files.
        folder.chmod(0o755)
        for name, size in _SIZES.items():
            (folder / name).write_bytes(b"x" * size)
        port = free_port()
        body, upstream, tls = f"root {folder};", "", ""
        if kind == "proxied":
            origin = free_port()
            self.behind = self._daemon(folder / "behind", origin, body, upstream, tls)
            upstream = f"upstream behind {{ server 127.0.0.1:{origin}; keepalive 64; }}"
            body = (
                "location / { proxy_pass http://behind; proxy_http_version 1.1; "
                'proxy_set_header Connection ""; }'
            )
        if kind == "tls":
            tls = " ssl"
            _certificate(folder)
            body += f" ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;"
        try:
            self.front = self._daemon(folder / "front", port, body, upstream, tls)
        except Unavailable:
            if self.behind:
                self.behind.stop()
            raise
        self.pid = self.front.pid
        self.address = f"http{'s' if kind == 'tls' else ''}://127.0.0.1:{port}"

    def _daemon(self, folder: Path, port: int, body: str, upstream: str, tls: str) -> Daemon:
        folder.mkdir()
        folder.chmod(0o755)
        text = _CONFIGURATION.format(
            folder=folder, port=port, body=body, upstream=upstream, tls=tls, user="nobody nogroup"
        )
        place = folder / "nginx.conf"
        place.write_text(text, encoding="utf-8")
        return Daemon([_nginx(), "-p", str(folder), "-c", str(place)], port)

    def loads(self) -> Sequence[Load]:
        """Keep-alive connections, by their number and by the size of the file."""
        leaf = {"static": "web.static", "proxied": "web", "tls": "web.tls"}[self.kind]
        points = [(1, "4k"), (32, "4k"), (128, "4k"), (32, "64k"), (32, "1m")]
        if self.kind != "static":
            points = [(1, "4k"), (32, "4k"), (32, "1m")]
        return [self._load(leaf, clients, size) for clients, size in points]

    def _load(self, leaf: str, clients: int, size: str) -> Load:
        note = "packets of both hops, with and behind the proxy" if self.kind == "proxied" else ""
        point = Point(f"c{clients}-{size}", leaf, clients, 1.0, float(_SIZES[size]), note)

        def drive(seconds: float) -> float:
            asked = [
                tool("wrk", "wrk"),
                "-t1",
                "--timeout",
                "30s",
                f"-c{clients}",
                f"-d{max(1, round(seconds))}s",
            ]
            said = output_of([*asked, f"{self.address}/{size}"], before=on_client_cores)
            if "Non-2xx" in said or "Socket errors" in said:
                raise Unavailable(f"wrk saw errors: {said.strip().splitlines()[-3]}")
            return found_number(r"(\d+) requests in", said)

        return Load(point, drive, f"wrk -t1 -c{clients} -d3s .../{size}", 3.0, 3.0)

    def stop(self) -> None:
        """Both servers."""
        self.front.stop()
        if self.behind:
            self.behind.stop()


def _nginx() -> str:
    return tool("nginx", "nginx-light", "/usr/sbin")


def _certificate(folder: Path) -> None:
    asked = [tool("openssl", "openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes"]
    asked += ["-days", "1", "-subj", "/CN=localhost", "-keyout"]
    done = subprocess.run(
        [*asked, folder / "key.pem", "-out", folder / "cert.pem"],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise Unavailable("openssl made no certificate")


def _version() -> str:
    tool("wrk", "wrk")
    return version_of([_nginx(), "-v"])


def _start(kind: str) -> Program:
    def start(folder: Path) -> Service:
        return _Nginx(folder, kind)

    return Program(f"nginx-{kind}", _version, start=start)


PROGRAMS = tuple(_start(kind) for kind in ("static", "proxied", "tls"))
