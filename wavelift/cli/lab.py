"""`wavelift lab`: a datacenter and a cloud on this machine, for trying and for tests."""

from __future__ import annotations

import json as jsons
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from wavelift.cli.options import AsJson, Folder

app = typer.Typer(help="A simulated vCenter and Azure on this machine, for the real client libraries.", no_args_is_help=True)

Dir = Annotated[Path, typer.Option("--dir", help="The lab's folder; everything it keeps is below it.")]
DEFAULT = Path(".lab")


class Pattern(StrEnum):
    SEQUENTIAL = "sequential"
    RANDOM = "random"
    EVERY_OTHER = "every-other-sector"
    REWRITE = "rewrite"


@app.command()
def start(
    dir: Dir = DEFAULT,
    inventory: Annotated[
        Path | None, typer.Option(help="YAML file with datacenters, hosts, datastores, networks, VMs.", exists=True)
    ] = None,
    vms: Annotated[int | None, typer.Option(min=1, help="Make so many VMs instead of reading a file.")] = None,
    hosts: Annotated[int, typer.Option(min=1, help="With --vms: ESXi hosts.")] = 2,
    disks: Annotated[int, typer.Option(min=1, help="With --vms: disks of each VM.")] = 1,
    disk_gib: Annotated[float, typer.Option(help="With --vms: size of each disk.")] = 10,
) -> None:
    """Start the lab, or what of it does not run. It goes on until `lab stop`."""
    from wavelift.labs.lab import Lab

    lab = Lab(dir)
    options: list[str] = []
    if inventory is not None:
        options = ["--inventory", str(inventory.absolute())]
    elif vms is not None:
        options = ["--vms", str(vms), "--hosts", str(hosts), "--disks", str(disks), "--disk-gib", str(disk_gib)]
    lab.start(options, [])
    known = lab.known
    typer.echo(f"vCenter  https://{known['vcenter']['host']}:{known['vcenter']['port']}  (user {known['vcenter']['user']})")
    typer.echo(f"Azure    {known['azure']['arm']}  (subscription {known['azure']['subscriptions'][0]})")
    typer.echo(f"CA       {known['ca']}")
    typer.echo(
        f"Next: `wavelift init --lab {dir}` in an estate's folder writes how to reach it; `wavelift lab stop` ends it."
    )


@app.command()
def stop(dir: Dir = DEFAULT) -> None:
    """Stop the lab's processes. What it holds stays in its folder."""
    from wavelift.labs.lab import Lab

    stopped = Lab(dir).stop()
    typer.echo(f"Stopped {len(stopped)} process{'es' if len(stopped) != 1 else ''}." if stopped else "Nothing was running.")


@app.command()
def status(dir: Dir = DEFAULT, json: AsJson = False) -> None:
    """What the lab holds: where each source disk and managed disk lies as a plain raw file."""
    from wavelift.labs.lab import SERVICES, Lab

    lab = Lab(dir)
    known, running = lab.known, lab.running()
    found: dict[str, Any] = {"folder": str(lab.folder), "ca": known["ca"], "running": running}
    for service in SERVICES:
        if service in running:
            found[service] = lab.control(service, "GET", "status")
    if json:
        typer.echo(jsons.dumps(found, indent=2))
        return
    for service in SERVICES:
        typer.echo(f"{service}: " + (f"process {running[service]}" if service in running else "not running"))
    for name, vm in found.get("vcenter", {}).get("vms", {}).items():
        typer.echo(f"  {name} {vm['power']}, {len(vm['snapshots'])} snapshots")
        for disk in vm["disks"]:
            typer.echo(f"    {disk['label']}  {disk['path']}")
    for name, disk in found.get("azure", {}).get("disks", {}).items():
        typer.echo(f"  {name.rsplit('/', 1)[-1]} {disk['state']}  {disk['path'] or ''}")


@app.command()
def networks(estate: Folder = Path()) -> None:
    """Make the virtual networks that the estate's targets name: on a lab there is no platform team that has done it."""
    from wavelift.labs.landing import make_networks
    from wavelift.problems import UserProblem
    from wavelift.wiring import Wiring
    from wavelift.workspace import Workspace

    workspace = Workspace.open(estate)
    if workspace.estate.azure.endpoint is None:
        raise UserProblem(
            "this estate is in the public cloud, where networks are the landing zone's; this command is for labs"
        )
    with Wiring(workspace, "engine") as wiring:
        for made in make_networks(wiring):
            typer.echo(f"made {made}")


@app.command()
def write(
    vm: Annotated[str, typer.Argument(help="The VM whose guest writes.")],
    dir: Dir = DEFAULT,
    pattern: Annotated[Pattern, typer.Option(help="How the writes lie on the disk.")] = Pattern.SEQUENTIAL,
    mib: Annotated[float, typer.Option(min=0, help="How much is written.")] = 16,
    disk: Annotated[str | None, typer.Option(help="Device key or label; the first disk by default.")] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same writes.")] = 0,
    rate: Annotated[float | None, typer.Option(help="Go on and on at so many MiB/s until --stop.")] = None,
    stop: Annotated[bool, typer.Option("--stop", help="End the writing that --rate began.")] = False,
) -> None:
    """Let a guest write to its disk."""
    from wavelift.labs.lab import Lab

    lab = Lab(dir)
    if stop:
        typer.echo(jsons.dumps(lab.control("vcenter", "DELETE", f"write?vm={vm}")))
        return
    body: dict[str, Any] = {"vm": vm, "pattern": pattern.value, "mib": mib, "seed": seed}
    if disk is not None:
        body["disk"] = int(disk) if disk.isdecimal() else disk
    if rate is not None:
        body["rate"] = rate
    done = lab.control("vcenter", "POST", "write", body)
    if rate is not None:
        typer.echo(f"{vm}: the guest writes {rate:g} MiB/s on {done['disk']} until `wavelift lab write {vm} --stop`.")
    else:
        typer.echo(f"{vm}: the guest wrote {done['bytes'] / 1024 / 1024:.1f} MiB on {done['disk']}.")
