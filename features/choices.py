"""Which options a runtime can have, and why not: each alone, and one beside another."""

from __future__ import annotations

from collections.abc import Mapping

from features.mechanisms import Pair
from features.vocabulary import vocabulary


def refusals(runtime: str, given: Mapping[str, str]) -> dict[str, str]:
    """Key -> why the runtime cannot have the option given for it.

    Runtime, keys and values are words of the vocabulary. Pairs are told once each option alone
    is one that the runtime can have.
    """
    words = vocabulary()
    allowed = words.runtimes[runtime].allowed
    found = {}
    for key, value in given.items():
        if value not in allowed[key]:
            needs = words.mechanisms[key].options[value].needs
            can = f"it can have {', '.join(allowed[key])}"
            found[key] = f"{_cannot(runtime, key, value)}: it needs {needs}; {can}"
    if found:
        return found
    in_force = {**words.runtimes[runtime].preset, **given}
    for pair in words.pairs:
        if pair.broken_by(in_force):
            key, said = _conflict(runtime, pair, given, in_force)
            found.setdefault(key, f"{said}: {pair.reason}")
    return found


def settled(runtime: str, given: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The options that the runtime takes, and key -> why for those that it does not.

    Of two that cannot stand together the one given later goes, and never the runtime's own way.
    """
    words = vocabulary()
    allowed = words.runtimes[runtime].allowed
    kept = {key: value for key, value in given.items() if value in allowed[key]}
    dropped = {k: _cannot(runtime, k, v) for k, v in given.items() if k not in kept}
    # Each turn takes an option away, and a preset alone breaks no rule.
    while True:
        in_force = {**words.runtimes[runtime].preset, **kept}
        broken = next((pair for pair in words.pairs if pair.broken_by(in_force)), None)
        if broken is None:
            return kept, dropped
        key, said = _conflict(runtime, broken, kept, in_force)
        dropped[key] = f"{said} ({broken.reason})"
        del kept[key]


def _conflict(
    runtime: str, pair: Pair, given: Mapping[str, str], in_force: Mapping[str, str]
) -> tuple[str, str]:
    """The later given option of a broken pair, and what it cannot stand beside."""
    key = [k for k in given if k in (pair.key, pair.other)][-1]
    beside = pair.other if key == pair.key else pair.key
    said = _cannot(runtime, key, in_force[key])
    return key, f"{said} with {beside}={in_force[beside]}"


def _cannot(runtime: str, key: str, value: str) -> str:
    return f"{runtime} cannot have {key}={value}"
