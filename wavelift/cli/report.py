"""`wavelift report`: the signed integrity report of a migrated machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wavelift.cli.breakglass import Machine
from wavelift.cli.options import Folder


def report(
    machine: Machine,
    out: Annotated[Path, typer.Option("--out", help="Folder for the report's own folder.")] = Path("reports"),
    html: Annotated[bool, typer.Option("--html", help="Also as a page for people.")] = False,
    estate: Folder = Path(),
) -> None:
    """Fetch the signed integrity report of a migrated machine, with the block hashes it rests on."""
    from wavelift.reports import fetch
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
