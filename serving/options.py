"""`nearmetal options`: what can be chosen, who can have it, what it needs and how it shows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from serving.arguments import Json, Runtime


def register(app: typer.Typer) -> None:
    """Add the command; it asks no model."""

    @app.command("options")
    def options_command(
        key: Annotated[str | None, typer.Argument(help="A mechanism; all when left out.")] = None,
        runtime: Runtime = None,
        as_json: Json = False,
    ) -> None:
        """The options of --with: what they are, who can have them, how they show.

        Example: nearmetal options network_path --runtime vm
        """
        document = options_document(key, runtime)
        if as_json:
            print(json.dumps(document))
        else:
            show_options(document)


def options_document(key: str | None = None, runtime: str | None = None) -> dict[str, Any]:
    """The mechanisms and their values: one mechanism of `key`, what `runtime` can have, or all."""
    from features.errors import InvalidInput, Problem, unknown_name
    from features.vocabulary import vocabulary

    words = vocabulary()
    problems: list[Problem] = []
    if key is not None and key not in words.mechanisms:
        # The name of a value is what a user may know of a mechanism.
        keys = [m.key for m in words.mechanisms.values() if key in m.values]
        said = f"{key} is a value of {', '.join(keys)}"
        problems.append(
            Problem("mechanism", said) if keys else unknown_name("mechanism", key, words.mechanisms)
        )
    if runtime is not None and runtime not in words.runtimes:
        problems.append(unknown_name("runtime", runtime, words.runtimes))
    if problems:
        raise InvalidInput(problems)
    asked = words.mechanisms if key is None else (key,)
    runtimes = tuple(words.runtimes) if runtime is None else (runtime,)
    document: dict[str, Any] = {} if runtime is None else {"runtime": runtime}
    return document | {"mechanisms": [_mechanism(name, runtimes) for name in asked]}


def _mechanism(key: str, runtimes: Sequence[str]) -> dict[str, Any]:
    from features.vocabulary import vocabulary

    words = vocabulary()
    mechanism = words.mechanisms[key]
    values = []
    for option in mechanism.options.values():
        having = [r for r in words.runtimes.values() if option.name in r.allowed[key]]
        if not any(r.name in runtimes for r in having):
            continue
        record: dict[str, Any] = {
            "value": option.name,
            "means": option.means,
            "needs": option.needs or None,
            "runtimes": [r.name for r in having],
            "preset_of": [r.name for r in having if r.preset[key] == option.name],
            "effect": None,
            "not_with": _not_with(key, option.name, runtimes),
            "facts": dict(option.facts),
            "facts_source": option.facts_source or None,
        }
        if option.effect is not None:
            effect = option.effect
            record["effect"] = {
                "direction": effect.direction,
                "than": effect.than,
                "runtime": effect.runtime,
                "against": effect.other_runtime,
                "workload": effect.workload,
                "options": dict(effect.options),
                "demands": dict(effect.demands),
                "host": dict(effect.host),
                "constants": effect.end,
            }
        values.append(record)
    return {"key": key, "meaning": mechanism.meaning, "values": values}


def _not_with(key: str, value: str, runtimes: Sequence[str]) -> list[dict[str, str]]:
    """What one of the runtimes can have, but not beside this option, and why."""
    from features.vocabulary import vocabulary

    words = vocabulary()
    allowed = [words.runtimes[name].allowed for name in runtimes]
    found = []
    for pair in words.pairs:
        if key == pair.key and value in pair.values:
            other, excluded = pair.other, pair.excluded
        elif key == pair.other and value in pair.excluded:
            other, excluded = pair.key, pair.values
        else:
            continue
        had = [v for v in excluded if any(value in a[key] and v in a[other] for a in allowed)]
        if had:
            found.append({"option": f"{other}={'|'.join(had)}", "reason": pair.reason})
    return found


def show_options(document: dict[str, Any]) -> None:
    """A table a mechanism, a line a value."""
    from rich.table import Table
    from rich.text import Text

    from serving.render import make_console

    console, runtime = make_console(), document.get("runtime")
    # A runtime's long list is of what can be chosen; what cannot follows in a few lines.
    whole = len(document["mechanisms"]) > 1
    fixed = [m for m in document["mechanisms"] if whole and len(m["values"]) == 1]
    for mechanism in document["mechanisms"]:
        if mechanism in fixed:
            continue
        title = Text.assemble((mechanism["key"], "bold"), f": {mechanism['meaning']}")
        table = Table(title=title, title_justify="left", title_style="", show_lines=True)
        table.add_column("value", no_wrap=True)
        table.add_column("what it is and needs", ratio=5, overflow="fold")
        if runtime is None:
            table.add_column("who can have it", ratio=3)
        table.add_column("how it shows, what else is known", ratio=4)
        for value in mechanism["values"]:
            mark = " *" if runtime in value["preset_of"] else ""
            cells = [value["value"] + mark, "\n".join(_what(value))]
            if runtime is None:
                cells.append(_who(value))
            table.add_row(*cells, "\n".join(_known(value)))
        console.print(table)
    if fixed:
        said = ", ".join(f"{m['key']}={m['values'][0]['value']}" for m in fixed)
        console.print(f"{runtime} always has {said}")
    preset = "a runtime's" if runtime is None else f"{runtime}'s"
    console.print(f"* {preset} preset: what holds without --with KEY=VALUE")


def _what(value: dict[str, Any]) -> list[str]:
    lines = [value["means"]]
    if value["needs"]:
        lines.append(f"needs {value['needs']}")
    reasons: dict[str, list[str]] = {}
    for other in value["not_with"]:
        reasons.setdefault(other["reason"], []).append(other["option"])
    said = {why: ", ".join(o).replace("|", " or ") for why, o in reasons.items()}
    return lines + [f"not with {options}: {why}" for why, options in said.items()]


def _who(value: dict[str, Any]) -> str:
    from features.vocabulary import vocabulary

    names = [n + ("*" if n in value["preset_of"] else "") for n in value["runtimes"]]
    if len(names) == len(vocabulary().runtimes) and len({n[-1] == "*" for n in names}) == 1:
        return "all" + ("*" if names[0].endswith("*") else "")
    return ", ".join(names)


def _known(value: dict[str, Any]) -> list[str]:
    lines = [effect_in_words(value["effect"])] if value["effect"] else []
    if value["facts"]:
        said = [
            f"{name.replace('_', ' ')}: {_shown(fact)}" for name, fact in value["facts"].items()
        ]
        lines += [*said, f"({value['facts_source']})"]
    return lines


def _shown(fact: str | bool | int) -> str:
    if isinstance(fact, bool):
        return "yes" if fact else "no"
    return str(fact)


def effect_in_words(effect: dict[str, Any]) -> str:
    """An effect of the document as a sentence without its end."""
    than = effect["than"]
    if effect["against"] != effect["runtime"]:
        than = f"{effect['against']}'s {than}"
    given = {**effect["options"], **effect["host"]}
    given |= {key: f"{number:g}" for key, number in effect["demands"].items()}
    where = [effect["runtime"], effect["workload"], *(f"{k}={v}" for k, v in given.items())]
    said = f"{effect['direction']} than {than} ({', '.join(where)})"
    if effect["constants"] != "reference":
        said += f", at the {effect['constants']} end of its range"
    return said
