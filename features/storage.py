"""Storage paths: latency stack, queues, ceilings."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

# The reference's device (reference 5.1): operations and megabytes a second.
REFERENCE_IOPS = 500_000.0
REFERENCE_STREAM_MB = 3_500.0
# The payload of the reference's latencies, and one from which operations are counted in bytes.
BLOCK_BYTES = 4_096.0
STREAM_BYTES = 65_536.0


def device_latency_us(device_us: Array, storage_iops: Array) -> Array:
    """Latency of a device [us] from that of the reference's device and its rate.

    Reference 5.2.2 gives 100 us at 500,000 IOPS; assumed to grow with the square root of how
    much slower the device is (half of that slowness is less parallelism).
    """
    return device_us * np.sqrt(REFERENCE_IOPS / storage_iops)


def operation_latency_us(
    app_us: ArrayLike, file_system_us: ArrayLike, virtual_us: ArrayLike, device_us: ArrayLike
) -> Array:
    """L_io = L_app + L_fs + L_virt + L_device [us], all (n,).

    F13, reference 5.2.2: 125 us on bare metal, 230-330 in a VM, 155-165 in a container.
    """
    return np.asarray(app_us) + np.asarray(file_system_us) + np.asarray(virtual_us) + device_us


def engine_gain(sigma: Array) -> Array:
    """Operations a second relative to synchronous ones: 1 / (1 - sigma).

    F14, reference 5.4.1. sigma (n,) is the share of an operation that its system calls take;
    erratum E6: .3 to .5 gives +43 to +100 %, the table beside it +50 to +80 %.
    """
    return 1.0 / (1.0 - sigma)


def tail_slowdown_at(tail_slowdown: Array, storage_iops: Array) -> Array:
    """The 99th percentile of latency in units of bare metal's on a device of storage_iops.

    T10, reference 5.1: 500 us become 1500 in a VM. What the path adds stays, so that a slower
    device hides it. Both (n,).
    """
    slower = device_latency_us(np.ones(1), storage_iops)
    return 1.0 + (tail_slowdown - 1.0) / np.maximum(slower, 1.0)


def stream_mb_per_s(storage_iops: Array) -> Array:
    """What a device streams [MB/s] from that of the reference's device and its rate (n,).

    Assumed to grow with the square root of the rate, as its latency does.
    """
    return REFERENCE_STREAM_MB * np.sqrt(storage_iops / REFERENCE_IOPS)


def transfer_us(payload_bytes: Array, stream_mb: Array) -> Array:
    """Time [us] that an operation's bytes beyond a block take at stream_mb [MB/s]: (n,)."""
    return np.maximum(payload_bytes - BLOCK_BYTES, 0.0) / stream_mb


def rate_ceiling_hz(payload_bytes: Array, random_hz: Array, stream_mb: Array) -> Array:
    """Operations a second that a path carries at most: a rate where they are small, megabytes a
    second where they are large.

    T10, reference 5.1. All (n,).
    """
    large = payload_bytes >= STREAM_BYTES
    by_bytes = stream_mb * 1e6 / np.maximum(payload_bytes, STREAM_BYTES)
    return np.where(large, by_bytes, random_hz)


def queued_rate_hz(latency_us: Array, queue_depth: Array, ceiling_hz: Array) -> Array:
    """Operations a second with `queue_depth` in flight: Little's law under a ceiling."""
    return np.minimum(queue_depth * 1e6 / latency_us, ceiling_hz)


def served_rate_hz(service_us: Array, served_at_once: Array) -> Array:
    """Operations a second of a server that takes so many at once, service_us [us] each: (n,).

    Agache et al. 2020, 5.3: Firecracker's block device serves one request after another, so that
    a deeper queue gains nothing.
    """
    return served_at_once * 1e6 / service_us
