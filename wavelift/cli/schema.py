"""`wavelift schema`: the vocabulary of the files, one place at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from wavelift.cli.options import AsJson
from wavelift.problems import UserProblem

if TYPE_CHECKING:
    from planner.config.vocabulary import Entry

WIDTH = 100


def schema(
    path: Annotated[
        str, typer.Argument(metavar="[PATH]", help="A place: waves.machines.size; without one, the top-level keys.")
    ] = "",
    json: AsJson = False,
) -> None:
    """Say what may be written at a place of the files: kind, meaning, default, examples, levels, keys."""
    from planner.config.vocabulary import UnknownPlace, look_up

    try:
        entry = look_up(path)
    except UnknownPlace as error:
        raise UserProblem(str(error)) from error
    if json:
        import json as jsons
        from dataclasses import asdict

        typer.echo(jsons.dumps(asdict(entry), indent=2, ensure_ascii=False))
    else:
        typer.echo(text(entry), nl=False)


def text(entry: Entry) -> str:
    """One place for a terminal."""
    from planner.config.written import flow

    lines = [f"{entry.path}: {entry.title}" if entry.path else entry.title]
    lines += _wrapped(entry.description, "  ")
    rows: list[tuple[str, list[str]]] = [("kind", [" or ".join(entry.kinds) + (", required" if entry.required else "")])]
    if entry.allowed:
        rows.append(("allowed", [", ".join(entry.allowed)]))
    elif entry.form and len(entry.form) <= WIDTH:
        rows.append(("form", [entry.form]))
    if entry.default is not None:
        rows.append(("default", [flow(entry.default)]))
    elif entry.absent:
        rows.append(("without it", [entry.absent]))
    if entry.examples:
        rows.append(("examples", [flow(example) for example in entry.examples]))
    if entry.names:
        rows.append(("names", [entry.names]))
    if entry.levels:
        rows.append((_rule(entry), list(entry.levels)))
    if entry.places:
        rows.append(("also at", list(entry.places)))
    lines.append("")
    for word, values in rows:
        lines += [f"  {word if number == 0 else '':<11} {value}" for number, value in enumerate(values)]
    if entry.keys:
        lines += ["", "  keys"]
        wide = max(len(key.name) for key in entry.keys)
        for key in entry.keys:
            mark = "*" if key.required else " "
            lines += _wrapped(key.description, " " * (wide + 7), f"  {mark} {key.name:<{wide}}   ")
        if any(key.required for key in entry.keys):
            lines += ["", "  * must be given"]
    if entry.note:
        lines += ["", entry.note]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _rule(entry: Entry) -> str:
    from planner.config.vocabulary import ADDING

    return "all count" if entry.path.rpartition(".")[2] in ADDING else "last wins"


def _wrapped(words: str, indent: str, first: str | None = None) -> list[str]:
    import textwrap

    return textwrap.wrap(words, WIDTH, initial_indent=indent if first is None else first, subsequent_indent=indent) or [
        (first or indent).rstrip()
    ]

