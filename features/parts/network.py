"""What isolation adds to network time: ceilings, packets, connections, round trips."""

from __future__ import annotations

import numpy as np

from features import encryption, network, syscalls
from features.parts.terms import Array, Part, PartTime, Terms

# Above this a payload leaves in segments that the card cuts, not packet by packet [bytes].
_LARGEST_PACKET = 1518.0


def _ciphered(t: Terms) -> Array:
    """What one core enciphers of what the link carries."""
    cipher = encryption.cipher_ceiling_gbps(
        t.of("cipher_cycles_per_byte"), t.of("cipher_block_cycles"), t.of("clock_ghz")
    )
    return network.ceiling_retained(cipher, t.host["network_gbps"])


def _bandwidth(t: Terms) -> Array:
    size = np.maximum(t.demand["payload_bytes"], 1.0)
    one_by_one = (size > 1.0) & (size <= _LARGEST_PACKET) & (t.demand["packets"] > 0.0)
    link = t.host["network_gbps"]
    link = np.where(one_by_one, np.minimum(link, network.PACKET_TABLE_GBPS), link)
    path = network.core_ceiling(t.of("network_ceiling_gbps"), t.of("core_gbps"), t.host["cores"])
    streams = t.demand["concurrency"]
    path = network.queued_ceiling(path, t.of("stream_gbps"), streams, t.of("network_queues"))
    passed = network.ceiling_retained(path, link)
    line = network.line_rate_mpps(link, size)
    ceiling = network.packet_ceiling_mpps(t.of("packet_ceiling_mpps"), t.of("packet_byte_ns"), size)
    packets = network.ceiling_retained(ceiling, line)
    passed = np.where(one_by_one, np.minimum(passed, packets), passed)
    passed = np.minimum(passed, _ciphered(t))
    kept = 1.0 - t.of("offload_share")
    loss = (1.0 / passed - 1.0) * np.where(t.has("network_encryption"), 1.0, kept)
    return t.network_service_us * t.demand["link_bound"] * loss


def _packets(t: Terms) -> Array:
    d = t.demand
    batch = network.notification_batch(d["concurrency"], d["pipeline_depth"])
    each = t.of("packet_us") * (1.0 - t.of("offload_share"))
    count = np.where(d["link_bound"] > 0.0, 0.0, d["packets"]) / d["pipeline_depth"]
    return syscalls.exits_us(count / batch, each, t.exit_scale)


def _bypass(t: Terms) -> Array:
    own = t.network_service_us * (1.0 - t.demand["link_bound"])
    return -own * t.of("bypassed_share")


def _connections(t: Terms) -> Array:
    d = t.demand
    clients = d["concurrency"]
    native = network.held_connections(t.native_of("connection_ceiling"), clients)
    held = network.held_connections(t.of("connection_ceiling"), clients)
    return d["connections"] * t.of("connection_us") + t.network_service_us * (native / held - 1.0)


def _filters(t: Terms) -> Array:
    each = t.of("filter_us") + t.of("balance_us")
    count = t.demand["packets"] / t.demand["pipeline_depth"]
    return network.packet_work_us(count, each, t.host["cores"], t.demand["link_bound"])


def _round_trips(t: Terms) -> Array:
    kernel_us = t.of("kernel_us") + t.of("kernel_added_us")
    isolated_us = network.round_trip_us(
        t.of("app_us"), kernel_us, t.of("network_latency_us"), t.of("wire_us")
    )
    return t.round_trips * (isolated_us - t.stack_us)


PARTS: tuple[PartTime, ...] = (
    (Part("network ceiling", "network", "F18, F19, T7", "reference 4.1, 7.3.1"), _bandwidth),
    (Part("packets", "network", "F3", "reference 1.2"), _packets),
    (Part("kernel bypass", "network", "T9", "reference 4.3"), _bypass),
    (Part("connections", "network", "T7", "reference 4.1"), _connections),
    (Part("packet filters", "network", "T20", "reference 7.3"), _filters),
    (Part("round trips", "network", "F12", "reference 4.2.2"), _round_trips),
)
