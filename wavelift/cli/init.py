"""`wavelift init`: make a folder ready: starter files, the editor's schema, and the lock that pins machines to VMs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wavelift.cli.options import OVERLAY, Folder
from wavelift.problems import ERROR, UserProblem

if TYPE_CHECKING:
    from wavelift.workspace import Workspace

SCHEMA = ".wavelift/estate-1.schema.json"


def init(
    estate: Folder = Path(),
    lab: Annotated[Path | None, typer.Option("--lab", help="Write lab.yaml: how to reach the lab in this folder.")] = None,
    region: Annotated[str, typer.Option(help="With --lab: the project's region.")] = "koreacentral",
    group: Annotated[str, typer.Option(help="With --lab: the project's resource group.")] = "rg-wavelift",
    bootstrap: Annotated[
        bool, typer.Option("--bootstrap", help="Make or adopt the storage account that `state.azure_blob` names.")
    ] = False,
    from_vcenter: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER|PATTERN|tag:CATEGORY/NAME|all",
            help="Write waves for the VMs of a folder, of a pattern of paths (*/erp-*), with a tag, or for all.",
        ),
    ] = None,
    source: Annotated[str | None, typer.Option(help="With --from-vcenter: which source, where there are several.")] = None,
) -> None:
    """Write what is missing; what is there stays as it is. Needs no Azure but for --bootstrap; pinning needs vCenter."""
    from planner.config.files import is_lock
    from schemas import load
    from wavelift.workspace import Workspace

    estate.mkdir(parents=True, exist_ok=True)
    if lab is not None:
        from wavelift.labs.connection import write_connection
        from wavelift.labs.lab import Lab

        typer.echo(f"wrote {write_connection(estate, Lab(lab).known, region, group)}")
    _schema(estate, load("estate-1"))
    if from_vcenter is not None:
        from wavelift.inventory.generating import generate

        if os.environ.get(OVERLAY):
            raise UserProblem("--from-vcenter writes the estate's own files; run it without an overlay. Nothing was written.")
        generate(estate, from_vcenter, source, typer.echo)
        return
    if not [f for f in estate.glob("*.y*ml") if f.name != "lab.yaml" and not is_lock(f.name)]:
        (estate / "estate.yaml").write_text(HEAD + (CONNECTION if lab is None else "") + REST)
        typer.echo(f"wrote {estate / 'estate.yaml'}: fill in what is in angle brackets, then run `wavelift init` again")
        return
    workspace = Workspace.open(estate)
    if bootstrap:
        _bootstrap(workspace)
    _pin(workspace)


def _bootstrap(workspace: Workspace) -> None:
    from providers.azure.artifacts.state import bootstrap
    from providers.azure.artifacts.waiting import RoleWait
    from wavelift.state.opening import session_of

    blob = workspace.estate.state_blob
    if blob is None:
        raise UserProblem(
            "there is nothing to make for a state in a file. A team's state is written "
            "`state: {azure_blob: {account: …, container: …}}`. Nothing was changed."
        )
    endpoint = bootstrap(session_of(workspace.estate.azure, "engine"), blob, RoleWait(), typer.echo)
    typer.echo(f"the state is {endpoint.rstrip('/')}/{blob.container}/{blob.key}")


def _schema(folder: Path, schema: object) -> None:
    import json

    path = folder / SCHEMA
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(schema, indent=2) + "\n")
    ignore = path.parent / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")


def _pin(workspace: Workspace) -> None:
    """Resolve every machine and write the lock; all that cannot be resolved is said at once."""
    from planner.config import LockedMachine
    from planner.desired.resolve import resolve_machines
    from wavelift.diagnostics import shown
    from wavelift.wiring import Wiring

    with Wiring(workspace, "plan") as wiring:
        found = resolve_machines(workspace.estate, wiring.inventory(), workspace.locked)
    if found.diagnostics:
        typer.echo(shown(found.diagnostics), err=True)
        raise typer.Exit(ERROR)
    machines = {n: m for n, m in workspace.lock.machines.items() if n in workspace.estate.machines}
    for name in found.unpinned:
        vm = found.vms[name]
        machines[name] = LockedMachine(vm.uuid, workspace.estate.machines[name].source, vm.path)
    workspace.write_lock(machines)
    count = len(found.unpinned)
    typer.echo(f"pinned {count} machine{'s' if count != 1 else ''} in {workspace.folder / workspace.estate.lock_file}; commit it")


HEAD = """\
# yaml-language-server: $schema=./.wavelift/estate-1.schema.json
estate: {name: my-estate, schema: 1, time_zone: Etc/UTC}
"""
CONNECTION = """\
azure:
  tenant: <tenant id>
  project: {subscription: <subscription id>, region: <region>, resource_group: rg-wavelift}
sources:
  main: {vcenter: <vcenter host name>, tls: {ca: certs/ca.pem}, login: env:VCENTER_LOGIN}
"""
REST = """\
appliances:
  gw-1: {role: primary, source: <name under sources>}
targets:
  first:
    region: <region>
    resource_group: <resource group>
    vnet: <virtual network>
    test_vnet: <isolated virtual network>
    subnets: {<port group>: <subnet>}
waves:
  pilot:
    target: first
    phase: replicate
    machines:
      <vm name>: Standard_D2s_v5
"""
