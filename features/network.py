"""Network paths: latency stack, bandwidth and packet ceilings, notifications."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

# Ethernet preamble, start delimiter and gap, in bytes a frame (IEEE 802.3).
FRAME_OVERHEAD_BYTES = 20.0
# The reference's packet table is that of a 10 Gbps link (E8).
PACKET_TABLE_GBPS = 10.0


def round_trip_us(
    app_us: ArrayLike, kernel_us: ArrayLike, virtual_us: ArrayLike, wire_us: ArrayLike
) -> Array:
    """L_total = L_app + L_kernel + L_virt + L_wire [us], all (n,).

    F12, reference 4.2.2: 65 us on bare metal, 107-147 in a VM, 71-81 in a container.
    """
    return np.asarray(app_us) + np.asarray(kernel_us) + np.asarray(virtual_us) + wire_us


def ceiling_retained(ceiling: Array, offered: Array) -> Array:
    """min(1, ceiling / offered): what a path passes of what the link or device offers.

    T7 and T10, reference 4.1 and 5.1. Both (n,) in one unit.
    """
    return np.minimum(1.0, ceiling / offered)


def line_rate_mpps(network_gbps: Array, packet_bytes: Array) -> Array:
    """Packets a second [Mpps] at line rate; 64 B at 10 Gbps are 14.88 (reference 4.1, E8)."""
    return network_gbps * 1e3 / (8.0 * (packet_bytes + FRAME_OVERHEAD_BYTES))


def notification_batch(concurrency: Array, pipeline_depth: Array) -> Array:
    """Packets that share one notification: with many clients at work a queue seldom runs empty.

    Assumed: the square root of the requests in flight, at most 64 (a virtqueue's half).
    """
    return np.clip(np.sqrt(concurrency * pipeline_depth), 1.0, 64.0)


def packet_ceiling_mpps(small_mpps: Array, byte_ns: Array, packet_bytes: Array) -> Array:
    """Packets a second [Mpps] that a path carries one by one: each takes the time of a 64-byte
    packet and byte_ns for each byte beyond.

    T7, reference 4.1: its packet table of 64, 512 and 1518 bytes. All (n,).
    """
    each_ns = 1e3 / small_mpps + byte_ns * np.maximum(packet_bytes - 64.0, 0.0)
    return 1e3 / each_ns


def core_ceiling(path_ceiling: Array, per_core: Array, cores: Array) -> Array:
    """The ceiling of a path whose work is done by the host's own cores: per_core each.

    F19, reference 7.3.1: XDP handles 10 Gbps on a core (its 24 Mpps are its packets' ceiling).
    All (n,) in one unit.
    """
    return np.minimum(path_ceiling, per_core * np.maximum(cores, 1.0))


def queued_ceiling(path_ceiling: Array, per_stream: Array, streams: Array, queues: Array) -> Array:
    """The ceiling of a path each of whose queues is copied by one thread, a stream in one queue.

    As F19 counts cores; Firecracker's specification gives one thread 14.5 to 25 Gbps. All (n,).
    """
    return np.minimum(path_ceiling, per_stream * np.clip(streams, 1.0, queues))


def held_connections(ceiling: Array, clients: Array) -> Array:
    """Connections held at once: what the clients ask for, up to the ceiling of the path (T7,
    reference 4.1). All (n,)."""
    return np.minimum(ceiling, clients)


def packet_work_us(packets: Array, packet_us: Array, cores: Array, link_bound: Array) -> Array:
    """Time [us] of what is done for each packet in software: filters and load balancers.

    T20, reference 7.3. Where the link is the limit its packets are spread over the cores, and
    one operation's packets are in one core's hands otherwise. All (n,).
    """
    spread = 1.0 + link_bound * (np.maximum(cores, 1.0) - 1.0)
    return packets * packet_us / spread
