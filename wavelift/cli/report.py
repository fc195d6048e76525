"""`wavelift report MACHINE`: its signed integrity report; `wavelift report decommission`: which source VMs may go."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from wavelift.cli.breakglass import Machine
from wavelift.cli.options import AsJson, Folder
from wavelift.problems import UserProblem


class _OfAMachine(TyperGroup):
    """`wavelift report web-01` is `wavelift report machine web-01`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        named = next((a for a in args if a in self.commands), None)
        if named is not None:
            at = args.index(named)
            args = [named, *args[:at], *args[at + 1 :]]
        elif args and args != ["--help"]:
            args = ["machine", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_OfAMachine,
    help="A migrated machine's integrity report (`report MACHINE`, with -C, --out, --html); which sources may go.",
    no_args_is_help=True,
)


@app.command("machine")
def report(
    machine: Machine,
    out: Annotated[Path, typer.Option("--out", help="Folder for the report's own folder.")] = Path("reports"),
    html: Annotated[bool, typer.Option("--html", help="Also as a page for people.")] = False,
    estate: Folder = Path(),
) -> None:
    """Fetch the signed integrity report of a migrated machine, with the block hashes it rests on."""
    from wavelift.reports.integrity import fetch
    from wavelift.wiring import Wiring
    from wavelift.workspace import Workspace

    with Wiring(Workspace.open(estate), "plan") as wiring:
        opened = fetch(wiring, machine, out, html)
    told, made = opened.signed.report, opened.signed.signature
    blocks = sum(disk.blocks for disk in told.disks)
    typer.echo(f"{machine}: {len(told.disks)} disks, {blocks} block hashes, {len(told.cycles)} cycles, in {opened.folder}")
    if made is not None:
        typer.echo(f"signed with {made.fingerprint} (key.pem; keep a copy where this report does not lie)")
    typer.echo(f"check it with: wavelift verify {opened.folder}")


@app.command("decommission")
def decommission(
    estate: Folder = Path(),
    markdown: Annotated[bool, typer.Option("--markdown", help="As Markdown.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="As CSV, for whoever owns the VMs.")] = False,
    json: AsJson = False,
    key: Annotated[str | None, typer.Option(help="The report key that is trusted: a PEM file or its sha256:… .")] = None,
    compare: Annotated[
        bool, typer.Option("--compare-content", help="Read those that may go whole, against their reports; a snapshot each.")
    ] = False,
) -> None:
    """Which source VMs may go, and which not and why. Nothing is deleted; wavelift never deletes a VM of vCenter."""
    import time

    from wavelift.reports import decommissiontext as shown
    from wavelift.reports.decommission import rows
    from wavelift.wiring import Wiring
    from wavelift.workspace import Workspace

    if sum((markdown, csv, json)) > 1:
        raise UserProblem("--markdown, --csv and --json are forms of one answer: choose one")
    form = shown.markdown if markdown else shown.as_csv if csv else shown.as_json if json else shown.text
    with Wiring(Workspace.open(estate), "engine" if compare else "plan") as wiring:
        found = rows(wiring, key, compare, time.time(), lambda said: typer.echo(said, err=True))
    typer.echo(form(found), nl=False)
