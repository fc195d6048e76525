"""What was forecast before it happened, beside what happened: initial replications and downtimes of the demo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from planner.estate import ShutdownPolicy
from replication.engine.orders.forecast import AZURE, GUEST
from replication.model.record import CycleKind
from wavelift.demo.proof import evidence_of
from wavelift.forecasting.make import predicted
from wavelift.planning.look import gateways, read_records
from wavelift.wiring import Wiring
from wavelift.workspace import Workspace

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True, slots=True)
class Compared:
    """Seconds; None where nothing was forecast or measured."""

    machine: str
    initial_forecast: float | None
    initial: float | None
    p50: float | None
    p90: float | None
    downtime: float | None
    assumed: str = ""
    """What in the forecast of the downtime nobody had measured, in words; empty when everything was."""


def initial_seconds(document: Mapping[str, Any]) -> dict[str, float]:
    """Machine -> seconds of its initial replication, from `forecast --json`."""
    return {s["machine"]: s["ends"] - s["begins"] for s in document["starts"] if s["ends"] is not None}


def expected_downtimes(estate: Path) -> dict[str, tuple[float, float, str]]:
    """Machine -> downtime p50 and p90, as the engine would say now, and what in them is assumed."""
    workspace = Workspace.open(estate)
    with Wiring(workspace, "plan") as wiring:
        state = workspace.view().state
        records = read_records(wiring.engine, state)
    out = {}
    for uuid, known in state.machines.items():
        machine = workspace.estate.machines.get(known.name)
        told = predicted(records.get(uuid), machine.cutover) if machine is not None else None
        if machine is not None and told is not None:
            out[known.name] = (told.p50, told.p90, assumed(records[uuid].measured, machine.cutover.shutdown))
    return out


def assumed(measured: Mapping[str, float], shutdown: ShutdownPolicy) -> str:
    guest = min(GUEST, shutdown.wait)
    parts = [] if "azure" in measured else [f"{AZURE:g} s for Azure"]
    parts += [f"{guest:g} s for the shutdown"] if shutdown.mode == "guest" and "shutdown" not in measured else []
    return " and ".join(parts)


def compared(
    estate: Path,
    initial: Mapping[str, float],
    expected: Mapping[str, tuple[float, float, str]],
    downtime: Mapping[str, float],
) -> list[Compared]:
    """Every machine of the state. Must be asked while the evidence is there."""
    workspace = Workspace.open(estate)
    out = []
    with Wiring(workspace, "plan") as wiring:
        state = workspace.view().state
        for uuid, known in state.machines.items():
            cycles = evidence_of(wiring, gateways(state)[known.region], uuid, known.replication)
            took = next((e.completed - e.started for e in cycles if e.kind is CycleKind.INITIAL), None)
            p50, p90, assumed = expected.get(known.name, (None, None, ""))
            out.append(Compared(known.name, initial.get(known.name), took, p50, p90, downtime.get(known.name), assumed))
    return out


def table(found: list[Compared]) -> Table:
    from rich.table import Table

    out = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("machine", "initial, forecast", "happened", "downtime p50 / p90, forecast", "happened", ""):
        out.add_column(column, justify="left" if column in ("machine", "") else "right")
    for one in found:
        down = f"{one.p50:.1f} / {one.p90:.1f} s" if one.p50 is not None and one.p90 is not None else "unknown"
        late = one.downtime is not None and one.p90 is not None and one.downtime > one.p90
        out.add_row(
            *(one.machine, _seconds(one.initial_forecast), _seconds(one.initial), down, _seconds(one.downtime)),
            "longer than p90" if late else f"assumed: {one.assumed}" if one.assumed else "",
        )
    return out


def _seconds(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.1f} s"
