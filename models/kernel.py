"""The additive kernel of the residual: names in a hierarchy, RBFs over mechanisms, operating
point and the prior's parts, and what the measurements of one source share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from features.encoder import (
    COLUMNS,
    MECHANISM_COLUMNS,
    NAMES,
    PARTS_FROM,
    PARTS_TO,
    POINT_COLUMNS,
    encoded_log_prior,
    names_of,
)
from features.vocabulary import vocabulary

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

_RUNTIME, _FAMILY, _WORKLOAD = (COLUMNS.index(c) for c in NAMES)
_MECHANISMS = slice(COLUMNS.index(MECHANISM_COLUMNS[0]), COLUMNS.index(POINT_COLUMNS[0]))
_NAMED = [_RUNTIME, *range(_MECHANISMS.start, _MECHANISMS.stop)]
_POINTS = slice(COLUMNS.index(POINT_COLUMNS[0]), PARTS_FROM)
_PARTS = slice(PARTS_FROM, PARTS_TO)
# The terms that stay within one source; all other amplitudes carry over to a new one.
_WITHIN = ("source", "source_runtime_resource", "source_local")
# Beyond this log factor two parts differ no more for the kernel than at it.
_PART_LIMIT = 3.0


@dataclass(frozen=True)
class Amplitudes:
    """Standard deviations, in log retained, of the kernel's terms; length scales beside them.

    The first group is what carries over to a new source, the second what stays within one.
    """

    runtime: float = 0.03
    runtime_family: float = 0.05
    runtime_workload: float = 0.3
    mechanisms: float = 0.1
    points: float = 0.15
    parts: float = 0.05
    source: float = 0.15
    source_runtime_resource: float = 0.3
    source_local: float = 0.45
    mechanism_length: float = 2.0
    point_length: float = 2.0
    part_length: float = 1.0

    def scaled(self, general: float, local: float) -> Amplitudes:
        """The same shape with the carried-over and the source terms rescaled."""
        changed = {
            f.name: getattr(self, f.name) * (local if f.name in _WITHIN else general)
            for f in fields(self)
            if not f.name.endswith("_length")
        }
        return replace(self, **changed)

    @cached_property
    def general_variance(self) -> float:
        """The variance of what carries over, of a point with itself."""
        record = self.as_dict()
        names = (k for k in record if k not in _WITHIN and not k.endswith("_length"))
        return sum(record[name] ** 2 for name in names)

    @cached_property
    def local_variance(self) -> float:
        """The variance of what stays within one source, of a point with itself."""
        return sum(getattr(self, name) ** 2 for name in _WITHIN)

    def as_dict(self) -> dict[str, float]:
        """By name, as a document or a tracking parameter holds them."""
        return {f.name: float(getattr(self, f.name)) for f in fields(self)}

    @classmethod
    def from_dict(cls, record: Mapping[str, float]) -> Amplitudes:
        """The inverse of as_dict."""
        return cls(**{f.name: float(record[f.name]) for f in fields(cls)})


@dataclass(frozen=True)
class Points:
    """Latent points (n): their encoding (n, COLUMNS), source and resource codes (n,)."""

    encoding: Array
    source: Codes
    resource: Codes

    def __len__(self) -> int:
        return len(self.encoding)

    @cached_property
    def log_prior(self) -> Array:
        """The log retained (n,) of the reference's prior."""
        return encoded_log_prior(self.encoding)

    def take(self, index: NDArray) -> Points:
        """The points of `index`."""
        return Points(self.encoding[index], self.source[index], self.resource[index])


def _near(a: Array, b: Array, length: float) -> Array:
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1)[None, :] - 2.0 * (a @ b.T)
    near: Array = np.exp(-0.5 * np.maximum(squares, 0.0) / length**2)
    return near


def mechanism_sets(encoding: Array) -> Array:
    """The distinct runtimes with mechanisms (k, COLUMNS) of encoded scenarios; all else is 0."""
    only = np.zeros_like(encoding)
    only[:, _RUNTIME], only[:, _MECHANISMS] = encoding[:, _RUNTIME], encoding[:, _MECHANISMS]
    return np.unique(only, axis=0)


def mechanism_columns(encoding: Array) -> Array:
    """Runtime and mechanisms (n, ...) of encoded scenarios, which are of names alone."""
    return np.ascontiguousarray(encoding[:, _NAMED])


def near_mechanisms(a: Array, b: Array, length: float) -> Array:
    """How near the mechanisms of encoded scenarios a (n, ...) and b (m, ...) are: (n, m), 1 the
    same, by the kernel's law of that length; 0 from one runtime to another."""
    same = _equal(a[:, _RUNTIME], b[:, _RUNTIME])
    # By differences: the same mechanisms are as near as can be, to the last digit.
    apart = a[:, None, _MECHANISMS] - b[None, :, _MECHANISMS]
    near: Array = np.exp(-0.5 * np.square(apart).sum(axis=2) / length**2)
    return near * same


def _equal(a: NDArray, b: NDArray) -> NDArray[np.bool_]:
    return a[:, None] == b[None, :]


@cache
def _workload_likeness() -> Array:
    """Gram matrix (w, w) of the workloads: a leaf is itself, a family an even mix of leaves."""
    names = names_of("workload")
    words = vocabulary().workloads
    places = np.eye(len(names))
    for i, name in enumerate(names):
        leaves = [j for j, n in enumerate(names) if n in words and words[n].family == name != n]
        if leaves:
            places[i] = places[leaves].sum(axis=0) / np.sqrt(len(leaves))
    return places @ places.T


# Where the prior sees no loss at all, this share of a source's own amplitude is left.
_LEAST_STAKE = 0.3


def _stake(log_prior: Array) -> Array:
    """How far sources may differ (n,), as a share: little where the prior sees hardly any loss,
    by all of their amplitude from a factor e on."""
    stake: Array = np.minimum(np.maximum(np.sqrt(np.abs(log_prior)), _LEAST_STAKE), 1.0)
    return stake


class _Between:
    """Two sets of points, n and m of them: what the kernel's terms are made of, each (n, m)."""

    def __init__(self, a: Points, b: Points, lengths: Amplitudes) -> None:
        self.a, self.b, self.lengths = a, b, lengths

    @cached_property
    def alive(self) -> Array:
        """A native scenario keeps 1 by definition: every term is zero there."""
        mine, other = (p.encoding[:, _RUNTIME] > 0 for p in (self.a, self.b))
        return (mine[:, None] & other[None, :]).astype(float)

    @cached_property
    def stake(self) -> Array:
        return _stake(self.a.log_prior)[:, None] * _stake(self.b.log_prior)[None, :]

    @cached_property
    def runtime(self) -> Array:
        same: Array = self._same(_RUNTIME) * self.alive
        return same

    @cached_property
    def family(self) -> NDArray[np.bool_]:
        return self._same(_FAMILY)

    @cached_property
    def workload(self) -> Array:
        mine, other = (p.encoding[:, _WORKLOAD].astype(int) for p in (self.a, self.b))
        return _workload_likeness()[mine[:, None], other[None, :]]

    @cached_property
    def near_mechanisms(self) -> Array:
        mine, other = self.a.encoding[:, _MECHANISMS], self.b.encoding[:, _MECHANISMS]
        return _near(mine, other, self.lengths.mechanism_length)

    @cached_property
    def near_points(self) -> Array:
        mine, other = self.a.encoding[:, _POINTS], self.b.encoding[:, _POINTS]
        return _near(mine, other, self.lengths.point_length)

    @cached_property
    def near_parts(self) -> Array:
        mine, other = (
            np.clip(p.encoding[:, _PARTS], -_PART_LIMIT, _PART_LIMIT) for p in (self.a, self.b)
        )
        return _near(mine, other, self.lengths.part_length)

    @cached_property
    def source(self) -> NDArray[np.bool_]:
        return _equal(self.a.source, self.b.source) & (self.a.source >= 0)[:, None]

    @cached_property
    def resource(self) -> NDArray[np.bool_]:
        return _equal(self.a.resource, self.b.resource)

    def _same(self, column: int) -> NDArray[np.bool_]:
        return _equal(self.a.encoding[:, column], self.b.encoding[:, column])


_Term = Callable[[_Between], Array]
_GENERAL: Mapping[str, _Term] = {
    "runtime": lambda x: x.runtime,
    "runtime_family": lambda x: x.runtime * x.family,
    "runtime_workload": lambda x: x.runtime * x.workload,
    "mechanisms": lambda x: x.near_mechanisms * x.family * x.alive,
    "points": lambda x: x.near_points * x.near_mechanisms * x.workload * x.alive,
    "parts": lambda x: x.near_parts * x.alive,
}
_LOCAL: Mapping[str, _Term] = {
    "source": lambda x: x.source * x.alive * x.stake,
    "source_runtime_resource": lambda x: x.source * x.runtime * x.resource * x.stake,
    "source_local": lambda x: (
        x.source
        * (x.near_mechanisms * x.near_points * (0.5 + 0.5 * x.workload))
        * x.alive
        * x.stake
    ),
}


@dataclass(frozen=True)
class Terms:
    """The kernel's terms between two sets of points before their amplitudes: each (n, m)."""

    general: Mapping[str, Array]
    local: Mapping[str, Array]


def kernel_terms(a: Points, b: Points, lengths: Amplitudes) -> Terms:
    """Each term of the kernel between points a (n) and b (m), of unit amplitude."""
    between = _Between(a, b, lengths)
    return Terms(
        {name: term(between) for name, term in _GENERAL.items()},
        {name: term(between) for name, term in _LOCAL.items()},
    )


def kernel(a: Points, b: Points, amplitudes: Amplitudes, *, within: bool = True) -> Array:
    """The kernel (n, m) between points a and b: all of it, or what carries over to another
    source. Terms without amplitude are not worked out."""
    return _summed(a, b, amplitudes, {**_GENERAL, **_LOCAL} if within else _GENERAL)


def within_kernel(a: Points, b: Points, amplitudes: Amplitudes) -> Array:
    """What of the kernel (n, m) between points a and b stays within their source."""
    return _summed(a, b, amplitudes, _LOCAL)


def _summed(a: Points, b: Points, amplitudes: Amplitudes, terms: Mapping[str, _Term]) -> Array:
    between = _Between(a, b, amplitudes)
    found = np.zeros((len(a), len(b)))
    for name, term in terms.items():
        amplitude = getattr(amplitudes, name)
        if amplitude:
            found += amplitude**2 * term(between)
    return found


def carried_columns(amplitudes: Amplitudes) -> NDArray[np.int64]:
    """The columns of the encoding that what carries over depends on."""
    columns = [_RUNTIME, _FAMILY, _WORKLOAD]
    everything = np.arange(len(COLUMNS))
    if amplitudes.mechanisms or amplitudes.points:
        columns += list(everything[_MECHANISMS])
    if amplitudes.points:
        columns += list(everything[_POINTS])
    if amplitudes.parts:
        columns += list(everything[_PARTS])
    return np.array(columns)


def combine(terms: Terms, amplitudes: Amplitudes) -> tuple[Array, Array]:
    """The carried-over kernel and the whole one, both (n, m)."""
    general = sum(getattr(amplitudes, k) ** 2 * v for k, v in terms.general.items())
    local = sum(getattr(amplitudes, k) ** 2 * v for k, v in terms.local.items())
    return general, general + local


def self_variance(encoding: Array, amplitudes: Amplitudes) -> tuple[Array, Array]:
    """The carried-over and the whole variance (n,) of points with themselves."""
    points = Points(encoding, np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
    general: Array = (encoding[:, _RUNTIME] > 0) * np.float64(amplitudes.general_variance)
    return general, general + within_variance(points, amplitudes)


def within_variance(points: Points, amplitudes: Amplitudes) -> Array:
    """The variance (n,) of points with themselves that stays within their source."""
    alive = points.encoding[:, _RUNTIME] > 0
    variance: Array = alive * (amplitudes.local_variance * _stake(points.log_prior) ** 2)
    return variance
