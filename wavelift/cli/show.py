"""`wavelift show`: a plan file in words, without estate, state, provider or network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wavelift.cli.options import AsJson


def show(
    plan_file: Annotated[Path, typer.Argument(metavar="PLAN", help="A file of `wavelift plan --out`.", show_default=False)],
    json: AsJson = False,
) -> None:
    """Say what a plan file would do: as text, or as JSON."""
    from planner.explain import text, to_json
    from wavelift.planfiles import read

    plan = read(plan_file).plan
    if json:
        import json as jsons

        typer.echo(jsons.dumps(to_json(plan), indent=2, ensure_ascii=False))
    else:
        typer.echo(text(plan), nl=False)
