"""`wavelift export terraform`: import blocks and resources of what was migrated."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wavelift.cli.options import Folder


def export_terraform(
    out: Annotated[Path, typer.Option("--out", help="Folder for the files.")],
    machine: Annotated[list[str] | None, typer.Argument(help="Machines, by their names in the estate.")] = None,
    wave: Annotated[str | None, typer.Option(help="All migrated machines of this wave.")] = None,
    released: Annotated[bool, typer.Option("--released", help="All machines that were released.")] = False,
    estate: Folder = Path(),
) -> None:
    """Write import blocks and azurerm resources for the VMs, disks and NICs that a migration made. Reads Azure, changes
    nothing; what azurerm cannot say stands in comments."""
    from wavelift.reports.terraform import export, write
    from wavelift.wiring import Wiring
    from wavelift.workspace import Workspace

    with Wiring(Workspace.open(estate), "plan") as wiring:
        files = export(wiring, tuple(machine or ()), wave, released, lambda text: typer.echo(text, err=True))
    write(out, files, typer.echo)
    typer.echo(f"Next: `terraform init` and `terraform plan` in {out}: it must show imports and nothing else.")
