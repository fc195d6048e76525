"""The reference pages, written from the command line and the schema: `python -m tests.docs.reference` brings them up to date."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from planner.config.vocabulary import Entry, every_path, look_up
from planner.config.written import flow
from tests.docs.codes import ROOT
from wavelift.cli.app import app

FOLDER = ROOT / "docs" / "reference"
COMMANDS = FOLDER / "commands.md"
ESTATE = FOLDER / "estate.md"
_WRITTEN = "<!-- written by `python -m tests.docs.reference`; change the {what}, not this page -->"


def commands_page() -> str:
    """Every command with its arguments and options, in the order of `wavelift --help`."""
    lines = ["# Commands", "", _WRITTEN.format(what="product's texts"), ""]
    lines += ["Each command says the same with `--help`. Exit codes: [README](../../README.md#exit-codes).", ""]
    for name, command in leaves(get_command(app)):
        lines += _command(name, command)
    return "\n".join(lines).rstrip("\n") + "\n"


def leaves(group: Any, above: str = "wavelift") -> Iterator[tuple[str, Any]]:
    """("wavelift state list", its command) of every command."""
    for name, command in group.commands.items():
        if getattr(command, "commands", None):
            yield from leaves(command, f"{above} {name}")
        else:
            yield f"{above} {name}", command


def _command(name: str, command: Any) -> list[str]:
    context = command.context_class(command, info_name=name)
    usage = " ".join([name, *command.collect_usage_pieces(context)]).translate({ord("{"): "", ord("}"): ""}).replace("[[", "[")
    usage = usage.replace("]]", "]")
    paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
    lines = [f"## {name}", "", *("\n\n".join(" ".join(p.split()) for p in paragraphs)).splitlines(), "", f"`{usage}`", ""]
    records = [found for parameter in command.params if (found := parameter.get_help_record(context))]
    if records:
        lines += ["| | |", "|---|---|"]
        lines += [f"| `{_cell(left)}` | {_cell(_prose(' '.join(right.split())))} |" for left, right in records]
        lines.append("")
    return lines


def estate_page() -> str:
    """Every key of the files, by place: what it is, its default, an example."""
    lines = ["# The estate's files", "", _WRITTEN.format(what="schema")]
    lines += [
        "",
        "All that may be written in `*.yaml` and `waves/*.yaml`; files are read as one. A name in angle brackets is yours.",
        "`wavelift schema PLACE` says the same of one place, with the levels that a value falls through. The schema itself is",
        "[schemas/estate-1.schema.json](../../schemas/estate-1.schema.json); how to work with the files: [Writing an",
        "estate](../editing.md).",
        "",
    ]
    section = ""
    for path in sorted(every_path(), key=_order):
        if not path:
            continue
        top, _, below = path.partition(".")
        entry = look_up(path.replace("<number>", "0"))
        if top != section:
            section = top
            lines += ["", f"## {top}", "", _prose(entry.description or entry.title), ""]
            lines += [f"{_facts(entry)}", ""] if _facts(entry) else []
            lines += ["| key | | default | example |", "|---|---|---|---|"] if entry.keys or entry.names else []
        if below:
            lines.append(_row(below, entry))
    return "\n".join(lines).rstrip("\n") + "\n"


def _order(path: str) -> tuple[int, tuple[int, ...]]:
    """Sections as the schema has them, and in each what belongs together side by side: by the path's parents."""
    known = _numbers()
    parts = path.split(".")
    return (known[parts[0]], tuple(known[".".join(parts[: n + 1])] for n in range(len(parts)))) if path else (-1, ())


def _numbers() -> dict[str, int]:
    return {path: number for number, path in enumerate(every_path())}


def _row(key: str, entry: Entry) -> str:
    about = _prose(entry.description or entry.title)
    if entry.required:
        about = f"**Required.** {about}"
    if facts := _facts(entry):
        about += f" *{facts}*"
    default = f"`{_cell(flow(entry.default))}`" if entry.default is not None else _prose(entry.absent)
    example = f"`{_cell(flow(entry.examples[0]))}`" if entry.examples else ""
    return f"| `{key}` | {_cell(about)} | {_cell(default)} | {_cell(example)} |"


def _facts(entry: Entry) -> str:
    if entry.allowed:
        return "one of " + ", ".join(str(value) for value in entry.allowed)
    return "" if set(entry.kinds) <= {"a mapping", "a mapping of names"} else " or ".join(entry.kinds)


def _prose(text: str) -> str:
    """A sentence in Markdown: no tags, no emphasis; what stands in backticks stays."""
    parts = text.split("`")
    parts[::2] = [part.replace("<", "&lt;").replace("*", "\\*") for part in parts[::2]]
    return "`".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\\\\|", "\\|").replace("\n", " ")


def write() -> None:
    FOLDER.mkdir(exist_ok=True)
    COMMANDS.write_text(commands_page())
    ESTATE.write_text(estate_page())


if __name__ == "__main__":
    write()
