"""`wavelift validate`: read the files, say everything that is wrong with them; touches nothing outside."""

from __future__ import annotations

from pathlib import Path

import typer

from wavelift.cli.options import AsJson, Folder
from wavelift.problems import ERROR


def validate(estate: Folder = Path(), json: AsJson = False) -> None:
    """Check the estate's files: schema, names, references, circles. All problems at once, each with its line."""
    from planner.config import load, read_lock, to_json
    from wavelift.workspace import shown

    loaded = load(estate)
    _, complaints = read_lock(estate)
    found = (*loaded.diagnostics, *complaints)
    errors = sum(d.severity == "error" for d in found)
    if json:
        import json as jsons

        typer.echo(jsons.dumps({"valid": not errors, "diagnostics": to_json(found)}, indent=2))
    else:
        if found:
            typer.echo(shown(found), err=bool(errors))
        if loaded.estate is not None and not errors:
            waves, machines = len(loaded.estate.waves), len(loaded.estate.machines)
            typer.echo(f"Valid: estate {loaded.estate.name}, {waves} waves, {machines} machines.")
        else:
            typer.echo(f"{errors} problem{'s' if errors != 1 else ''} in {estate}.", err=True)
    if errors:
        raise typer.Exit(ERROR)
