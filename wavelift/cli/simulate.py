"""`wavelift simulate`: a week of the schedule in seconds, without data: will it fit, what will wait, and for what."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from wavelift.cli.options import AsJson, Folder
from wavelift.problems import UserProblem

if TYPE_CHECKING:
    from replication.simulate import Assumptions, Fleet
    from wavelift.workspace import Workspace


def simulate(
    estate: Folder = Path(),
    days: Annotated[float, typer.Option(min=0.01, max=366, help="How long.")] = 7,
    start: Annotated[
        str | None, typer.Option(metavar="TIME", help="2027-03-12T00:00 by the estate's clocks; without it, today's midnight.")
    ] = None,
    migrate: Annotated[
        list[str] | None, typer.Option(metavar="WAVE@TIME", help="Ask then that a wave (or a machine) migrates; repeatable.")
    ] = None,
    machines: Annotated[
        int | None, typer.Option(min=1, max=5000, help="A made-up fleet of so many machines instead of the estate.")
    ] = None,
    inventory: Annotated[
        Path | None, typer.Option(help="A recorded inventory (JSON) instead of asking vCenter.", exists=True, dir_okay=False)
    ] = None,
    seed: Annotated[int, typer.Option(help="Of what is made up: which machines are busy.")] = 1,
    used: Annotated[float, typer.Option(min=1, max=100, help="Percent of a disk's capacity that holds data.")] = 50,
    churn: Annotated[float, typer.Option(min=0, max=1000, help="Percent of a machine's data written a day, on average.")] = 5,
    hot: Annotated[float, typer.Option(min=0, max=100, help="Percent of its data that is ever written to.")] = 25,
    link: Annotated[
        float, typer.Option(min=0, help="Mbit/s of the line to Azure, all appliances together; 0: no limit.")
    ] = 10000,
    appliance: Annotated[float, typer.Option(min=0, help="Mbit/s that one appliance can seal and send; 0: no limit.")] = 4000,
    host: Annotated[float, typer.Option(min=0, help="Mbit/s that one ESXi host can be read with; 0: no limit.")] = 2000,
    disk: Annotated[float, typer.Option(min=0, help="Mbit/s of one disk; 0: no limit.")] = 400,
    json: AsJson = False,
) -> None:
    """Run the schedule with a clock that jumps: use of the scarce slots, lag, queues, what is held and why. Changes nothing."""
    from replication.simulate import DAY, MBIT, Assumptions, Simulation, made_up, report, text
    from wavelift.forecasting.simulating import migration, moment

    if machines is not None:
        zone = "UTC"
        begin = moment(start, zone) if start else _midnight(zone)
        fleet = made_up(machines, seed, begin, churn / 100)
    else:
        from wavelift.workspace import Workspace

        workspace = Workspace.open(estate)
        zone = workspace.estate.time_zone
        begin = moment(start, zone) if start else _midnight(zone)
        fleet = _of_estate(workspace, inventory, begin, used / 100, churn / 100, seed)
    assumed = Assumptions(
        link=link * MBIT or None,
        appliance=appliance * MBIT or None,
        host=host * MBIT or None,
        disk=disk * MBIT or None,
        hot=hot / 100,
    )
    orders = [migration(one, fleet, zone, begin, begin + days * DAY) for one in migrate or ()]
    simulation = Simulation(fleet, begin, orders, assumed)
    simulation.run(begin + days * DAY)
    found = report(simulation)
    told = _assumptions(fleet, assumed, zone, begin, seed, None if machines is not None else used, churn)
    if json:
        import json as jsons

        typer.echo(jsons.dumps({"assumed": told, **found.to_json()}, indent=2, ensure_ascii=False))
        return
    typer.echo("Assumed (see --help to change it): " + "; ".join(f"{what} {value}" for what, value in told.items()) + ".")
    typer.echo("No cycle fails, nothing is compressed, every machine begins with its initial replication.\n")
    typer.echo(text(found), nl=False)


def _midnight(zone: str) -> float:
    now = datetime.now(ZoneInfo(zone))
    return now.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()


def _of_estate(workspace: Workspace, recorded: Path | None, begin: float, used: float, churn: float, seed: int) -> Fleet:
    from planner.inventory import loads
    from wavelift.forecasting.simulating import fleet_of
    from wavelift.wiring import Wiring

    if recorded is not None:
        try:
            inventory = loads(recorded.read_text())
        except (ValueError, OSError) as error:
            raise UserProblem(f"{recorded}: {error}") from error
    else:
        with Wiring(workspace, "plan") as wiring:
            inventory = wiring.inventory()
    return fleet_of(workspace.estate, inventory, workspace.locked, begin, used, churn, seed)


def _assumptions(
    fleet: Fleet, assumed: Assumptions, zone: str, begin: float, seed: int, used: float | None, churn: float
) -> dict[str, str]:
    from replication.simulate import GIB, MBIT

    def rate(bytes_per_s: float | None) -> str:
        return f"{bytes_per_s / MBIT:g} Mbit/s" if bytes_per_s else "unlimited"

    when = datetime.fromtimestamp(begin, ZoneInfo(zone))
    size = sum(m.used for m in fleet.machines) / GIB
    return {
        "start": f"{when:%Y-%m-%dT%H:%M} {zone}",
        "data": f"{size:,.0f} GiB" + (f" ({used:g} % of capacity)" if used is not None else " (made up)"),
        "churn": f"{churn:g} % a day on average, uneven among machines (seed {seed})",
        "written to": f"{assumed.hot:.0%} of the data",
        "link": rate(assumed.link),
        "appliance": rate(assumed.appliance),
        "host": rate(assumed.host),
        "disk": rate(assumed.disk),
        "snapshot and consolidation": f"{timedelta(seconds=assumed.settle)}",
        "shutdown": f"{timedelta(seconds=assumed.shutdown)}",
    }
