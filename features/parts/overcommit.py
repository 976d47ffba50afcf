"""What memory promised more than once takes of a guest's time: balloons and merged pages."""

from __future__ import annotations

import numpy as np

from features import overcommit
from features.parts.terms import Array, Part, PartTime, Terms


def _balloon(t: Terms) -> Array:
    slow = overcommit.balloon_slowdown(t.of("balloon_loss"))
    return (t.cpu_us + t.memory_us) * (slow - 1.0)


def _merging(t: Terms) -> Array:
    scanned_gb = np.where(t.has("ksm"), t.host["memory_gb"], 0.0)
    share = overcommit.ksm_cpu_share(scanned_gb, t.of("ksm_loss_per_10gb"), t.host["cores"])
    # The scanner is one thread of low priority: half of all processors are always left.
    share = np.minimum(share, 0.5)
    return t.cpu_us * (1.0 / (1.0 - share) - 1.0)


PARTS: tuple[PartTime, ...] = (
    (Part("balloon", "memory", "F10", "reference 3.3.1"), _balloon),
    (Part("merging of pages", "cpu", "F11", "reference 3.3.2"), _merging),
)
