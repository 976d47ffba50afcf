"""Figures as a person reads them."""

from __future__ import annotations


def shown(value: float | None) -> str:
    """A figure with three digits that matter."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
