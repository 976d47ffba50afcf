"""Throughput over threads and cores: speed-up laws, and capacity where cores run two threads.

Universal scalability law: Gunther, Guerrilla Capacity Planning (2007), equation 4.31. The constants
by processor family are in data/scaling.toml, written by training.scaling. They are of one kernel,
integer division: what a second thread of a core gains depends on the code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from features.constants import Constant
from features.vocabulary import read_toml

Array = NDArray[np.float64]

QUANTITIES = ("smt_gain", "sigma", "kappa")
DEFAULT = "default"

# A family's lineage is the core design it comes from: what it resembles when it has no figures of
# its own. Intel's divide where Sunny Cove widened the core and gave it a new integer divider.
# `floating` is a topology that is only shown: siblings that the host schedules as whole cores.
LINEAGES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("zen1", "zen2", "zen3", "zen4", "zen5", "epyc"), "zen"),
        **dict.fromkeys(
            ("sandy-bridge", "ivy-bridge", "haswell", "broadwell"), "before-sunny-cove"
        ),
        **dict.fromkeys(("skylake", "cascade-lake", "cooper-lake"), "before-sunny-cove"),
        **dict.fromkeys(("ice-lake", "sapphire-rapids", "emerald-rapids"), "since-sunny-cove"),
        "granite-rapids": "since-sunny-cove",
        **dict.fromkeys(("neoverse-n1", "neoverse-n2", "neoverse-n3"), "arm"),
        **dict.fromkeys(("neoverse-v1", "neoverse-v2", "neoverse-v3"), "arm"),
        **dict.fromkeys(("cortex", "ampere-one"), "arm"),
        **dict.fromkeys(("floating-amd", "floating-intel"), "floating"),
    }
)

# Model names as the kernel prints them, lower case and without (r): the first that is found.
_PATTERNS: tuple[tuple[str, str], ...] = (
    (r"neoverse-([nv][123])", r"neoverse-\1"),
    (r"graviton2|ampere altra", "neoverse-n1"),
    (r"graviton3", "neoverse-v1"),
    (r"graviton4", "neoverse-v2"),
    (r"ampereone|ampere-1", "ampere-one"),
    (r"cortex", "cortex"),
    (r"epyc-rome", "zen2"),
    (r"epyc-milan", "zen3"),
    (r"epyc-genoa", "zen4"),
    (r"epyc-turin", "zen5"),
    (r"epyc 7\w\w([123])", r"zen\1"),
    (r"epyc [489]\w\w([45])", r"zen\1"),
    (r"epyc", "epyc"),
    (r"sandy ?bridge", "sandy-bridge"),
    (r"ivy ?bridge", "ivy-bridge"),
    (r"haswell|e[57]-\d{4}\w? v3", "haswell"),
    (r"broadwell|e[57]-\d{4}\w? v4", "broadwell"),
    (r"cascade ?lake", "cascade-lake"),
    (r"cooper ?lake", "cooper-lake"),
    (r"ice ?lake|e-23\d\d", "ice-lake"),
    (r"sapphire ?rapids", "sapphire-rapids"),
    (r"emerald ?rapids", "emerald-rapids"),
    (r"granite ?rapids", "granite-rapids"),
    (r"skylake|e3-\d{4}\w? v[56]|e-2[12]\d\d", "skylake"),
    (r"e[57]-\d{4}\w? v2", "ivy-bridge"),
    (r"e[57]-\d{4}", "sandy-bridge"),
    (r"xeon 6[79]\d\dp", "granite-rapids"),
    (r"(?:platinum|gold|silver|bronze) \d1\d\d", "skylake"),
    (r"(?:platinum|gold|silver|bronze) \d2\d\d|w-32\d\d", "cascade-lake"),
    (r"(?:platinum|gold|silver|bronze) \d3\d\dh", "cooper-lake"),
    (r"(?:platinum|gold|silver|bronze) \d3\d\d", "ice-lake"),
    (r"(?:platinum|gold|silver|bronze) \d4\d\d", "sapphire-rapids"),
    (r"(?:platinum|gold|silver|bronze) \d5\d\d", "emerald-rapids"),
    # One vendor prints the clock alone; its documentation names the platform of each.
    (r"xeon cpu @ 2\.00ghz", "skylake"),
    (r"xeon cpu @ 2\.20ghz", "broadwell"),
    (r"xeon cpu @ 2\.30ghz", "haswell"),
    (r"xeon cpu @ 2\.60ghz", "ice-lake"),
    (r"xeon cpu @ (?:2\.80|3\.10)ghz", "cascade-lake"),
)
# QEMU's generic model names; with Hyper-V's interface beside them the topology is made up.
_GENERIC = re.compile(r"epyc-[a-z]|(?:core|xeon) processor \(")


def amdahl_speedup(parallel: ArrayLike, cores: ArrayLike) -> Array:
    """Speed-up on `cores` processors of which a share `parallel` of the work can use all.

    F1, reference 1.1. Both (n,), parallel in [0, 1]; returns (n,).
    """
    parallel = np.asarray(parallel, dtype=float)
    return 1.0 / ((1.0 - parallel) + parallel / np.asarray(cores, dtype=float))


def gustafson_speedup(serial: ArrayLike, cores: ArrayLike) -> Array:
    """Scaled speed-up n - alpha (n - 1) for a serial share alpha.

    F2, reference 1.1 with erratum E1: the reference's second form swaps the shares.
    """
    cores = np.asarray(cores, dtype=float)
    return cores - np.asarray(serial, dtype=float) * (cores - 1.0)


def usl_capacity(n: ArrayLike, sigma: ArrayLike, kappa: ArrayLike) -> Array:
    """C(n) = n / (1 + sigma (n - 1) + kappa n (n - 1)): throughput of n processors in units of one.

    Universal scalability law (Gunther 2007): sigma is contention, kappa coherency, both >= 0.
    With kappa = 0 it is Amdahl's law of a serial share sigma. All (n,), n >= 1.
    """
    n = np.asarray(n, dtype=float)
    sigma, kappa = np.asarray(sigma, dtype=float), np.asarray(kappa, dtype=float)
    return n / (1.0 + (n - 1.0) * (sigma + kappa * n))


def smt_capacity(threads: ArrayLike, physical_cores: ArrayLike, smt_gain: ArrayLike) -> Array:
    """Cores' worth of `threads` busy threads: 1 each up to physical_cores, smt_gain each beyond.

    A scheduler fills idle cores before second threads. All (n,), in cores.
    """
    threads = np.asarray(threads, dtype=float)
    alone = np.minimum(threads, physical_cores)
    return alone + np.asarray(smt_gain, dtype=float) * (threads - alone)


def capacity(
    threads: ArrayLike,
    physical_cores: ArrayLike,
    smt_gain: ArrayLike,
    sigma: ArrayLike,
    kappa: ArrayLike,
) -> Array:
    """Throughput of `threads` threads in units of one: the law over the cores they are worth."""
    return usl_capacity(smt_capacity(threads, physical_cores, smt_gain), sigma, kappa)


def throughput_at(
    threads: ArrayLike,
    measured_threads: ArrayLike,
    measured: ArrayLike,
    physical_cores: ArrayLike,
    smt_gain: ArrayLike,
    sigma: ArrayLike,
    kappa: ArrayLike,
) -> Array:
    """Throughput at `threads` (n, k) of n machines, each measured at a few threads (n, m).

    The rate of one thread is calibrated on the measured point of most threads, which has most of
    the machine's own decline in it; the law carries it on. measured is nan where a machine has
    fewer than m points (nan where it has none); the others are (n,). In the unit of `measured`.
    """
    at, seen = np.broadcast_arrays(np.atleast_2d(measured_threads), np.atleast_2d(measured))
    constants = [
        np.asarray(c, dtype=float)[..., None] for c in (physical_cores, smt_gain, sigma, kappa)
    ]
    last = np.argmax(np.where(np.isnan(seen), -np.inf, at), axis=-1)[:, None]
    rate = np.take_along_axis(seen, last, -1) / capacity(
        np.take_along_axis(at, last, -1), *constants
    )
    return rate * capacity(threads, *constants)


def scale_throughput(
    value: ArrayLike,
    from_cores: ArrayLike,
    to_cores: ArrayLike,
    threads_per_core: ArrayLike,
    family: Sequence[str] | str = DEFAULT,
) -> Array:
    """Throughput of a machine of to_cores, of `value` on one of from_cores, all of them busy.

    Cores are those the system shows (vCPUs), of which threads_per_core share a physical one. For
    work that is parallel throughout; family as of `family_of`, one or n of them. All (n,). What a
    second thread gains cancels where both sizes fill their cores.
    """
    gain, sigma, kappa = priors(family)

    def full(cores: ArrayLike) -> Array:
        physical = np.ceil(np.asarray(cores, dtype=float) / threads_per_core)
        return capacity(cores, physical, gain, sigma, kappa)

    return np.asarray(value, dtype=float) * full(to_cores) / full(from_cores)


# Whether the work stays as it is on more cores, or grows with them.
LAWS = ("fixed", "scaled")


def workload_speedup(
    parallel: ArrayLike,
    cores: ArrayLike,
    threads_per_core: ArrayLike = 2.0,
    family: str = DEFAULT,
    law: str = "fixed",
) -> Array:
    """Throughput on `cores` in units of one core's, for work of which a share `parallel` can use
    all: over the capacity that the cores really have, by Amdahl's law (F1) for work of a fixed
    size, by Gustafson's (F2) for work that is scaled with them.

    Cores are those the system shows (vCPUs), of which threads_per_core share a physical one.
    Raises ValueError for a law that is none of LAWS.
    """
    whole = scale_throughput(1.0, 1.0, cores, threads_per_core, family)
    if law not in LAWS:
        raise ValueError(f"no law of speed-up {law!r}; one of {', '.join(LAWS)}")
    if law == "scaled":
        return gustafson_speedup(1.0 - np.asarray(parallel, dtype=float), whole)
    return amdahl_speedup(parallel, whole)


def family_of(cpu_model: str, hypervisor: str = "") -> str:
    """The processor family of a model name as the kernel prints it; `default` when unknown.

    hypervisor is what the guest is told of it, as lscpu prints it.
    """
    name = cpu_model.lower().replace("(r)", "")
    if hypervisor == "Microsoft" and _GENERIC.search(name):
        return "floating-amd" if "epyc" in name else "floating-intel"
    for pattern, family in _PATTERNS:
        found = re.search(pattern, name)
        if found:
            return found.expand(family)
    return DEFAULT


@dataclass(frozen=True)
class Scaling:
    """What is measured of one family, lineage or of all: its constants and of how many machines."""

    name: str
    constants: Mapping[str, Constant]
    instances: Mapping[str, int]


@cache
def scalings() -> Mapping[str, Scaling]:
    """The shipped constants by name of family, lineage, or `default`, read once."""
    data = read_toml("scaling.toml")
    source = data.pop("source")
    return MappingProxyType({name: _scaling(name, entry, source) for name, entry in data.items()})


def _scaling(name: str, entry: Mapping[str, list], source: str) -> Scaling:
    if name not in {*LINEAGES, *LINEAGES.values(), DEFAULT} or set(entry) - set(QUANTITIES):
        raise ValueError(f"scaling.toml: no family or quantity as in {name}")
    constants = {}
    for quantity, (value, low, high, _) in entry.items():
        if not 0.0 <= low <= high <= 1.0:
            raise ValueError(f"scaling.toml, {name}: {quantity} outside [0, 1]")
        constants[quantity] = Constant(value, low, high, source)
    counts = {quantity: row[3] for quantity, row in entry.items()}
    return Scaling(name, MappingProxyType(constants), MappingProxyType(counts))


def prior(family: str, quantity: str) -> Constant:
    """A constant of a family: its own, else its lineage's, else that of all machines."""
    for name in (family, LINEAGES.get(family, DEFAULT), DEFAULT):
        entry = scalings().get(name)
        if entry is not None and quantity in entry.constants:
            return entry.constants[quantity]
    raise KeyError(quantity)


def priors(family: Sequence[str] | str) -> tuple[Array, Array, Array]:
    """smt_gain, sigma and kappa of a family (scalars), or of n families (n,)."""
    names = np.asarray(family)
    gain, sigma, kappa = (
        np.array([prior(str(f), q).value for f in names.ravel()]).reshape(names.shape)
        for q in QUANTITIES
    )
    return gain, sigma, kappa
