"""`wavelift fmt`: one layout for all estates; comments stay and meaning never changes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wavelift.cli.options import Folder
from wavelift.problems import CHANGES, ERROR, UserProblem

if TYPE_CHECKING:
    from planner.estate import Diagnostic

STDIN = Path("-")


def fmt(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILES]", help="Files or folders; `-` is standard input.")
    ] = None,
    estate: Folder = Path(),
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit with 2 when a file would change.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Show what would change, and write nothing.")] = False,
) -> None:
    """Lay the files out: indents, spaces, order of top-level keys. Comments, quotes and meaning stay."""
    from planner.config.formatting import Formatted, formatted

    refused: list[Diagnostic] = []
    changed = 0
    for path in _chosen(files or [estate, *_overlay()]):
        text = _read(path)
        made = formatted("standard input" if path == STDIN else str(path), text)
        if not isinstance(made, Formatted):
            refused += made.diagnostics
            continue
        if path == STDIN and not check and not diff:
            sys.stdout.write(made.text)
        if made.text == text:
            continue
        changed += 1
        if diff:
            sys.stdout.write(_diff(path, text, made.text))
        elif path != STDIN or check:
            typer.echo(str(path))
        if not check and not diff and path != STDIN:
            _write(path, made.text)
    if refused:
        from wavelift.diagnostics import shown

        typer.echo(shown(tuple(refused)), err=True)
        raise typer.Exit(ERROR)
    if changed and check:
        raise typer.Exit(CHANGES)


def _chosen(paths: list[Path]) -> list[Path]:
    """The paths, for a folder the files of its estate."""
    return [file for path in paths for file in (_estate(path) if path.is_dir() else [path])]


def _overlay() -> list[Path]:
    """The overlay that this estate is taken with, where there is one: it is a file of it."""
    import os

    from planner.config.overlay import VARIABLE

    name = os.environ.get(VARIABLE, "")
    return [Path(name)] if name else []


def _estate(folder: Path) -> list[Path]:
    from planner.config.collect import Problems
    from planner.config.files import find

    problems = Problems()
    found = find(folder, problems)
    if not found:
        raise UserProblem("\n".join(d.detail for d in problems.found))
    return found


def _read(path: Path) -> str:
    """The text with its line breaks as they are."""
    try:
        data = sys.stdin.buffer.read() if path == STDIN else path.read_bytes()
        return data.decode()
    except OSError as error:
        raise UserProblem(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UserProblem(f"{path}: byte {error.start + 1} is no UTF-8 text. Save the file as UTF-8.") from error


def _write(path: Path, text: str) -> None:
    """In one step, so that nobody ever reads half a file; what a link leads to is written, with its permissions."""
    import os
    import tempfile

    place = path.resolve()
    handle, name = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(text.encode())
            os.fchmod(out.fileno(), place.stat().st_mode & 0o7777)
        os.replace(name, place)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise UserProblem(f"{path} cannot be written: {error.strerror}.") from error


def _diff(path: Path, before: str, after: str) -> str:
    import difflib

    lines = difflib.unified_diff(before.splitlines(True), after.splitlines(True), f"{path}", f"{path} (formatted)")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
