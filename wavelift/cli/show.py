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
    verbose: Verbose = False,
) -> None:
    """Say what a plan file would do: as text, as Markdown for a pull request, or as JSON."""
    gc.disable()  # all that is made here is needed to the end
    from wavelift.cli.console import Console

    console = Console()
    console.soon("reading the plan")
    from planner.explain import markdown as as_markdown
    from planner.explain import text, to_json
    from planner.explain.markdown import REST, Shown
    from wavelift.applying.planio import moment, pin, read, says_destroy
    from wavelift.diagnostics import shown

    if says_destroy(plan_file):
        from wavelift.cli.showdestroy import show as show_destroy

        console.clear()
        show_destroy(plan_file, json, markdown)
        return
    file = read(plan_file)
    from wavelift.forecasting import beside
    from wavelift.forecasting.text import to_json as foretold

    found = beside.of_file(file, plan_file)
    until = moment(file.valid_until, zone=found.zone if found else "UTC")
    if json:
        from replication.model.parse import indented

        ends = moment(file.valid_until, iso=True)
        about = {"digest": file.digest, "valid_until": ends, "expect_sha": pin(file), "forecast": found and foretold(found)}
        page = indented(to_json(file.plan, about)) + "\n"
    elif markdown:
        told = (beside.markdown(found), found.rights, beside.cost(found)) if found else ()
        page = as_markdown(file.plan, Shown(pin(file), until, artifact or REST, *told))
    else:
        if file.plan.remarks:
            typer.echo(shown(file.plan.remarks), err=True)
        page = text(file.plan, verbose) + (beside.text(found) if found else "") + f"\nsha256 {pin(file)}, valid until {until}.\n"
    console.clear()
    typer.echo(page, nl=False)
