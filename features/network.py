"""Network paths: latency stack, bandwidth and packet ceilings, notifications."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Ethernet preamble, start delimiter and gap, in bytes a frame (IEEE 802.3).
FRAME_OVERHEAD_BYTES = 20.0
# The reference's packet table is that of a 10 Gbps link (E8).
PACKET_TABLE_GBPS = 10.0


def round_trip_us(stack_us: Array, virtual_us: Array) -> Array:
    """L_total = L_app + L_kernel + L_wire (together `stack_us`) + L_virt.

    F12, reference 4.2.2: 65 us on bare metal, 107-147 in a VM, 71-81 in a container.
    """
    return np.asarray(stack_us) + np.asarray(virtual_us)


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
