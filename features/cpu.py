"""Processor time under isolation: traps, the code generator, vectors, switches."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def trap_share_at(trap_share: Array, growth_per_doubling: Array, cores: Array) -> Array:
    """Share of time lost to traps on `cores` processors: exits grow with inter-processor traffic.

    Reference 2.1: its rows of 1 and 8 threads fix the growth. All (n,); capped at 0.5.
    """
    return np.minimum(trap_share + growth_per_doubling * np.log2(np.maximum(cores, 1.0)), 0.5)


def integer_retained(efficiency: Array, trap_share: Array, overhead: Array) -> Array:
    """eta (1 - alpha) (1 - beta): scalar throughput retained.

    F5, reference 2.2.1 (E4: its printed totals do not follow from its ranges). All (n,).
    """
    return efficiency * (1.0 - trap_share) * (1.0 - overhead)


def loss_shares(
    efficiency: Array, trap_share: Array, overhead: Array
) -> tuple[Array, Array, Array]:
    """How a loss of scalar throughput divides into emulation, traps and what else there is.

    T3, reference 2.3: its causes are the factors of F5, each by its logarithm. All (n,); the
    three sum to 1, or are 0 where nothing is lost.
    """
    emulation, traps, other = (
        -np.log(kept) for kept in (efficiency, 1.0 - trap_share, 1.0 - overhead)
    )
    whole = emulation + traps + other
    per_loss = np.where(whole > 0, 1.0, 0.0) / np.where(whole > 0, whole, 1.0)
    return emulation * per_loss, traps * per_loss, other * per_loss


def vector_retained_at(vector: Array, scalar_one_core: Array, scalar: Array) -> Array:
    """gamma (1 - delta): vector throughput retained, losing with cores as scalar code does.

    F6, reference 2.2.2. All (n,).
    """
    return vector * scalar / scalar_one_core


def compute_slowdown(
    scalar: Array, vector: Array, aes: Array, vector_share: Array, aes_share: Array
) -> Array:
    """Time of compute in units of native time, its shares slowed each in its own way.

    scalar, vector, aes are slow-downs (n,) >= 1; the shares are of native compute time.
    """
    aes_share = np.minimum(aes_share, 1.0)
    vector_share = np.minimum(vector_share, 1.0 - aes_share)
    return (1.0 - vector_share - aes_share) * scalar + vector_share * vector + aes_share * aes


def pinning_us(isolated_us: Array, lost_us: Array, gain: Array) -> Array:
    """Time [us] that pinning gives back: 1 - 1 / gain of the isolated time, at most what was lost.

    T4, reference 2.4.1. Times of processor and memory, all (n,); gain >= 1.
    """
    return np.minimum(isolated_us * (1.0 - 1.0 / gain), np.maximum(lost_us, 0.0))
