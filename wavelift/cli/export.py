"""`wavelift export` and `wavelift import`: policies in the forms of other tools, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wavelift.cli.options import Folder
from wavelift.cli.terraform import export_terraform
from wavelift.problems import UserProblem

exports = typer.Typer(help="Write what the estate says in the forms of other tools.", no_args_is_help=True)
imports = typer.Typer(help="Print as YAML what other tools' files say.", no_args_is_help=True)


@exports.callback()
def _exports() -> None:
    """Write what the estate says in the forms of other tools."""


@imports.callback()
def _imports() -> None:
    """Print as YAML what other tools' files say."""


exports.command("terraform")(export_terraform)


@exports.command("appliance-config")
def export_appliance(
    estate: Folder = Path(),
    appliance: Annotated[str | None, typer.Option(help="Only this one; without it every appliance of the estate.")] = None,
    out: Annotated[Path | None, typer.Option(help="A folder for the files, one below it for each appliance.")] = None,
) -> None:
    """Blackout windows, host buffer and throttle as Azure Migrate's appliance takes them: GatewayDataWorker.json and
    New-NetQosPolicy commands. What these cannot carry is said on standard error, line by line of the estate."""
    from planner.wording import did_you_mean
    from wavelift.applianceconfig import exported
    from wavelift.diagnostics import shown
    from wavelift.workspace import Workspace

    workspace = Workspace.open(estate)
    known = workspace.estate.appliances
    if appliance is not None and appliance not in known:
        raise UserProblem(f"There is no appliance `{appliance}` in {estate}.{did_you_mean(appliance, known)}")
    found = [exported(workspace.estate, one) for name, one in known.items() if appliance in (None, name)]
    losses = tuple(dict.fromkeys(loss for one in found for loss in one.losses))
    if losses:
        typer.echo(shown(losses), err=True)
    for one in found:
        for name, text in one.files.items():
            if out is None:
                typer.echo(f"# {one.appliance}/{name}\n{text}", nl=False)
                continue
            path = out / one.appliance / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
            typer.echo(f"wrote {path}")


@imports.command("appliance-config")
def import_appliance(
    file: Annotated[Path, typer.Argument(help="GatewayDataWorker.json, or a script with New-NetQosPolicy.")],
    name: Annotated[str, typer.Option(help="Name of the policies that are printed.")] = "imported",
) -> None:
    """Print the policies that an appliance's file holds, to be put into the estate; nothing is changed."""
    import re

    from wavelift.applianceconfig import imported

    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", name):
        raise UserProblem(f"`{name}` cannot be a policy's name: letters, digits, - and _, starting with a letter or digit.")
    try:
        data = file.read_bytes()
    except OSError as error:
        raise UserProblem(f"{file} cannot be read: {error.strerror or error}") from error
    text, remarks = imported(data, name, str(file))
    for remark in remarks:
        typer.echo(remark, err=True)
    typer.echo(text, nl=False)
