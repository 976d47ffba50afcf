"""Storage paths: latency stack, queues, ceilings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# The reference's device (reference 5.1): operations and megabytes a second.
REFERENCE_IOPS = 500_000.0
REFERENCE_STREAM_MB = 3_500.0
# A payload from which an operation is a stream rather than a random access.
STREAM_BYTES = 65_536.0


def device_latency_us(device_us: Array, storage_iops: Array) -> Array:
    """Latency of a device [us] from that of the reference's device and its rate.

    Reference 5.2.2 gives 100 us at 500,000 IOPS; assumed to grow with the square root of how
    much slower the device is (half of that slowness is less parallelism).
    """
    return device_us * np.sqrt(REFERENCE_IOPS / storage_iops)


def operation_latency_us(stack_us: Array, virtual_us: Array, device_us: Array) -> Array:
    """L_io = L_app + L_fs (together `stack_us`) + L_virt + L_device.

    F13, reference 5.2.2: 125 us on bare metal, 230-330 in a VM, 155-165 in a container.
    """
    return np.asarray(stack_us) + np.asarray(virtual_us) + np.asarray(device_us)


def queued_rate_hz(latency_us: Array, queue_depth: Array, ceiling_hz: Array) -> Array:
    """Operations a second with `queue_depth` in flight: Little's law under a ceiling."""
    return np.minimum(queue_depth * 1e6 / latency_us, ceiling_hz)
