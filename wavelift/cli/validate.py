"""`wavelift validate`: read the files, say everything that is wrong with them; touches nothing outside."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wavelift.cli.options import AsJson, Folder, Told
from wavelift.problems import OK, code_for

if TYPE_CHECKING:
    from planner.estate import Loaded


def validate(
    estate: Folder = Path(),
    json: AsJson = False,
    form: Annotated[
        Told, typer.Option("--format", help="How to tell problems; sarif and github are shown beside a pull request's lines.")
    ] = Told.TEXT,
) -> None:
    """Check the estate's files: schema, names, references, circles. All problems at once, each with its line."""
    from planner.config import load, read_lock
    from planner.guards import broken_in_files
    from wavelift.cli.console import Console
    from wavelift.reporting import told

    console = Console()
    console.soon("reading the files")
    loaded = load(estate)
    _, complaints = read_lock(estate, loaded.estate.lock_file) if loaded.estate is not None else read_lock(estate)
    found = (*loaded.diagnostics, *complaints, *(broken_in_files(loaded.estate) if loaded.estate is not None else ()))
    console.clear()
    errors = sum(d.severity == "error" for d in found)
    form = Told.JSON if json else form
    if form is Told.TEXT:
        if found:
            typer.echo(told(found, "text", estate), err=bool(errors))
        _sum_up(loaded, errors, estate)
    else:
        typer.echo(told(found, form.value, estate), nl=False)
    code = code_for(d for d in found if d.severity == "error")
    if code != OK:
        raise typer.Exit(code)


def _sum_up(loaded: Loaded, errors: int, folder: Path) -> None:
    if loaded.estate is not None and not errors:
        waves, machines = len(loaded.estate.waves), len(loaded.estate.machines)
        typer.echo(f"Valid: estate {loaded.estate.name}, {waves} waves, {machines} machines.")
    else:
        typer.echo(f"{errors} problem{'s' if errors != 1 else ''} in {folder}.", err=True)
        typer.echo("More about a code: wavelift explain-error CODE", err=True)
