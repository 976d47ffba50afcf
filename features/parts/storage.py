"""What isolation adds to storage time: latency stacks, queues, ceilings, encrypted transfers."""

from __future__ import annotations

import numpy as np

from features import storage
from features.parts.terms import Array, Part, PartTime, Terms


def _mixed(t: Terms, reads: str, writes: str) -> Array:
    """A share of the device's rate, by what the operations are."""
    write = t.demand["write_share"]
    return t.of(reads) * (1.0 - write) + t.of(writes) * write


def _path(t: Terms) -> Array:
    """Slow-down (n,) of operations: Little's law over the latency stack, under the ceilings of
    device and path, and of a path that serves few requests at once."""
    iops, depth, size = t.host["storage_iops"], t.demand["queue_depth"], t.demand["payload_bytes"]
    device_mb = storage.stream_mb_per_s(iops)
    device = storage.device_latency_us(t.of("device_us"), iops)
    device = device + storage.transfer_us(size, device_mb)
    app, added = t.of("storage_app_us"), t.of("storage_latency_us")
    native_us = storage.operation_latency_us(app, t.native_of("file_system_us"), 0.0, device)
    isolated_us = storage.operation_latency_us(app, t.of("file_system_us"), added, device)
    passed = np.where(
        t.has("storage_path"),
        storage.rate_ceiling_hz(
            size,
            _mixed(t, "storage_read_share", "storage_write_share") * storage.REFERENCE_IOPS,
            _mixed(t, "stream_read_share", "stream_write_share") * storage.REFERENCE_STREAM_MB,
        ),
        np.inf,
    )
    passed = np.minimum(passed, storage.served_rate_hz(added + device, t.of("served_at_once")))
    offered = storage.rate_ceiling_hz(size, iops, device_mb)
    rate = storage.queued_rate_hz(isolated_us, depth, np.minimum(passed, offered))
    return storage.queued_rate_hz(native_us, depth, offered) / rate


def _storage(t: Terms) -> Array:
    d = t.demand
    # A faster engine helps while the device still has rate to give: at low queue depth it does.
    matters = 1.0 / np.sqrt(np.maximum(d["queue_depth"], 1.0))
    slow = _path(t) / storage.engine_gain(t.of("engine_sigma")) ** matters
    tail = storage.tail_slowdown_at(t.of("tail_slowdown"), t.host["storage_iops"])
    slow = slow * (1.0 - d["tail"]) + tail * d["tail"]
    return np.where(d["io_ops"] > 0.0, t.storage_us * (slow - 1.0), 0.0)


def _encrypted_io(t: Terms) -> Array:
    loss = 1.0 / t.of("encrypted_io_retained") - 1.0
    asked = np.where(t.demand["io_ops"] > 0.0, t.storage_us, 0.0)
    return (asked + t.network_us) * loss


PARTS: tuple[PartTime, ...] = (
    (Part("storage path", "storage", "F13, F14, T10", "reference 5.1, 5.2.2"), _storage),
    (Part("encrypted I/O", "network", "T19", "reference 7.2"), _encrypted_io),
)
