"""iperf3's JSON (`--json`)."""

from __future__ import annotations

from pathlib import Path

from datasets.importers.result import Result, figure, json_of, member, read_with, refused

# Datagrams up to this many bytes ask for packets, larger ones for bandwidth.
_SMALL_BYTES = 512


def read_iperf3(path: Path | str) -> list[Result]:
    """The receiver's bitrate, or the datagrams received a second when they are small."""
    return read_with(path, _parse)


def _parse(text: str) -> list[Result]:
    document = json_of(text)
    if isinstance(document, dict) and isinstance(document.get("error"), str):
        raise refused(f"iperf3 failed: {document['error'][:80]}")
    test = member(member(document, "start", dict), "test_start", dict)
    end = member(document, "end", dict)
    protocol = member(test, "protocol", str)
    block, streams = figure(test, "blksize"), figure(test, "num_streams")
    setting = {
        "block size": f"{block:g}",
        "streams": f"{streams:g}",
        "reverse": f"{test.get('reverse', 0)}",
        "bitrate": f"{test.get('target_bitrate', 0)}",
    }
    demands = {"concurrency": streams}
    received = member(end, "sum_received", dict) if "sum_received" in end else None
    if protocol == "UDP":
        # Before 3.12 the only sum was that of the receiver.
        received = received or member(end, "sum", dict)
        if block <= _SMALL_BYTES:
            arrived = figure(received, "packets") - figure(received, "lost_packets")
            seconds = figure(received, "seconds")
            rate = arrived / seconds if seconds > 0.0 and arrived > 0.0 else 0.0
            demands["payload_bytes"] = block
            return [Result("UDP", "datagrams", rate, "packets/s", "network.pps", setting, demands)]
    if received is None:
        raise refused("end.sum_received is missing; iperf3 3.1 or later is needed")
    rate = figure(received, "bits_per_second") / 1e9
    return [Result(protocol, "bitrate", rate, "Gbit/s", "network.throughput", setting, demands)]
