"""`wavelift show`: a plan file in words, without estate, state, provider or network."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Annotated

import typer

from wavelift.cli.options import AsJson, Verbose


def show(
    plan_file: Annotated[Path, typer.Argument(metavar="PLAN", help="A file of `plan` or `destroy --out`.", show_default=False)],
    json: AsJson = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="For a pull request: one comment of at most 65,536 characters.")
    ] = False,
    artifact: Annotated[
        str, typer.Option("--artifact", metavar="TEXT", help="With --markdown: where to find what does not fit, in your words.")
    ] = "",
    forecast: Annotated[
        Path | None,
        typer.Option("--forecast", metavar="FILE", help="With --markdown: the file of `plan --forecast`, shown too."),
    ] = None,
    verbose: Verbose = False,
) -> None:
    """Say what a plan file would do: as text, as Markdown for a pull request, or as JSON."""
    gc.disable()  # all that is made here is needed to the end
    from planner.explain import markdown as as_markdown
    from planner.explain import text, to_json
    from planner.explain.markdown import REST, Shown
    from wavelift.applying.planio import moment, read, says_destroy, text_of

    if says_destroy(plan_file):
        from wavelift.cli.showdestroy import show as show_destroy

        show_destroy(plan_file, json, markdown)
        return
    file = read(plan_file)
    if json:
        import json as jsons

        about = {"digest": file.digest, "valid_until": moment(file.valid_until, iso=True)}
        typer.echo(jsons.dumps(to_json(file.plan, about), indent=2, ensure_ascii=False))
    elif markdown:
        told, until = text_of(forecast) if forecast else "", moment(file.valid_until, iso=True)
        shown = Shown(file.digest, moment(file.valid_until), artifact or REST, told, until)
        typer.echo(as_markdown(file.plan, shown), nl=False)
    else:
        typer.echo(text(file.plan, verbose), nl=False)
        typer.echo(f"sha256 {file.digest}, valid until {moment(file.valid_until)}.")
