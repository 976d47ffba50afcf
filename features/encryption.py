"""What encryption costs a byte that passes through it, in memory and on a wire."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def encrypted_latency_ns(
    plain_ns: ArrayLike,
    exposed_bytes: ArrayLike,
    aes_cycles_per_byte: ArrayLike,
    blocks: ArrayLike,
    integrity_cycles: ArrayLike,
    clock_ghz: ArrayLike,
) -> Array:
    """L_encrypted = L_plaintext + L_AES + L_integrity [ns].

    F18, reference 7.2.1: AES takes 3 to 5 cycles a byte, the check 5 to 10 a block. Only the
    bytes that an access waits for are exposed, the rest is deciphered behind them. All (n,).
    """
    cycles = np.asarray(aes_cycles_per_byte) * np.asarray(exposed_bytes)
    cycles = cycles + np.asarray(blocks) * np.asarray(integrity_cycles)
    return np.asarray(plain_ns) + cycles / np.asarray(clock_ghz)


def cipher_ceiling_gbps(
    cycles_per_byte: ArrayLike, integrity_cycles: ArrayLike, clock_ghz: ArrayLike
) -> Array:
    """Gbit/s that one core enciphers: a block of 16 bytes in the time of F18; infinite for none.

    All (n,), the integrity check [cycles] once a block.
    """
    block = 16.0
    each_ns = encrypted_latency_ns(0.0, block, cycles_per_byte, 1.0, integrity_cycles, clock_ghz)
    with np.errstate(divide="ignore"):
        return 8.0 * block / each_ns
