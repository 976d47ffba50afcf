"""The additive kernel of the residual: names in a hierarchy, RBFs over mechanisms, operating
point and the prior's parts, and what the measurements of one source share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache

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

    def take(self, index: NDArray) -> Points:
        """The points of `index`."""
        return Points(self.encoding[index], self.source[index], self.resource[index])


def _squared_distance(a: Array, b: Array) -> Array:
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1)[None, :] - 2.0 * (a @ b.T)
    return np.maximum(squares, 0.0)


def mechanism_sets(encoding: Array) -> Array:
    """The distinct runtimes with mechanisms (k, COLUMNS) of encoded scenarios; all else is 0."""
    only = np.zeros_like(encoding)
    only[:, _RUNTIME], only[:, _MECHANISMS] = encoding[:, _RUNTIME], encoding[:, _MECHANISMS]
    return np.unique(only, axis=0)


def mechanism_distance(a: Array, b: Array) -> Array:
    """Between the mechanisms of encoded scenarios a (n, ...) and b (m, ...): (n, m), in units of
    the encoding; infinite from one runtime to another."""
    squares = _squared_distance(a[:, _MECHANISMS], b[:, _MECHANISMS])
    return np.where(_equal(a[:, _RUNTIME], b[:, _RUNTIME]), np.sqrt(squares), np.inf)


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


def _stake(encoding: Array) -> Array:
    """How far sources may differ (n,), as a share: little where the prior sees hardly any loss,
    by all of their amplitude from a factor e on."""
    loss = np.abs(encoded_log_prior(encoding))
    return np.clip(np.sqrt(loss), _LEAST_STAKE, 1.0)


@dataclass(frozen=True)
class Terms:
    """The kernel's terms between two sets of points before their amplitudes: each (n, m)."""

    general: Mapping[str, Array]
    local: Mapping[str, Array]


def kernel_terms(a: Points, b: Points, lengths: Amplitudes) -> Terms:
    """Each term of the kernel between points a (n) and b (m), of unit amplitude.

    A native scenario keeps 1 by definition: its residual is zero, so every term is zero there.
    """
    ea, eb = a.encoding, b.encoding
    alive = ((ea[:, _RUNTIME] > 0)[:, None] & (eb[:, _RUNTIME] > 0)[None, :]).astype(float)
    stake = _stake(ea)[:, None] * _stake(eb)[None, :]
    runtime = _equal(ea[:, _RUNTIME], eb[:, _RUNTIME]) * alive
    family = _equal(ea[:, _FAMILY], eb[:, _FAMILY])
    alike = _workload_likeness()
    codes_a, codes_b = ea[:, _WORKLOAD].astype(int), eb[:, _WORKLOAD].astype(int)
    workload = alike[codes_a[:, None], codes_b[None, :]]
    parts_a = np.clip(ea[:, _PARTS], -_PART_LIMIT, _PART_LIMIT)
    parts_b = np.clip(eb[:, _PARTS], -_PART_LIMIT, _PART_LIMIT)
    near_mechanisms = np.exp(
        -0.5
        * _squared_distance(ea[:, _MECHANISMS], eb[:, _MECHANISMS])
        / lengths.mechanism_length**2
    )
    near_points = np.exp(
        -0.5 * _squared_distance(ea[:, _POINTS], eb[:, _POINTS]) / lengths.point_length**2
    )
    near_parts = np.exp(-0.5 * _squared_distance(parts_a, parts_b) / lengths.part_length**2)
    source = _equal(a.source, b.source) & (a.source >= 0)[:, None]
    resource = _equal(a.resource, b.resource)
    near = near_mechanisms * near_points * (0.5 + 0.5 * workload)
    return Terms(
        general={
            "runtime": runtime,
            "runtime_family": runtime * family,
            "runtime_workload": runtime * workload,
            "mechanisms": near_mechanisms * family * alive,
            "points": near_points * near_mechanisms * workload * alive,
            "parts": near_parts * alive,
        },
        local={
            "source": source * alive * stake,
            "source_runtime_resource": source * runtime * resource * stake,
            "source_local": source * near * alive * stake,
        },
    )


def combine(terms: Terms, amplitudes: Amplitudes) -> tuple[Array, Array]:
    """The carried-over kernel and the whole one, both (n, m)."""
    general = sum(getattr(amplitudes, k) ** 2 * v for k, v in terms.general.items())
    local = sum(getattr(amplitudes, k) ** 2 * v for k, v in terms.local.items())
    return general, general + local


def self_variance(encoding: Array, amplitudes: Amplitudes) -> tuple[Array, Array]:
    """The carried-over and the whole variance (n,) of points with themselves."""
    alive = (encoding[:, _RUNTIME] > 0).astype(float)
    record = amplitudes.as_dict()
    local = sum(record[k] ** 2 for k in _WITHIN) * _stake(encoding) ** 2
    general = sum(v**2 for k, v in record.items() if k not in _WITHIN and not k.endswith("_length"))
    return alive * general, alive * (general + local)
