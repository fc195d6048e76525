"""Reads the cut-overs of the estate's waves: records and orders of machines that are being cut over, and of their waves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from replication.model.item import OrderKind
from wavelift.watching.night import Cut
from wavelift.wiring import Wiring
from wavelift.workspace import Workspace


def waves_on(rows: Iterable[Mapping[str, Any]]) -> set[str]:
    """Waves in which an engine says that something is being cut over, or that somebody must look at it."""
    return {row["wave"] for row in rows if row.get("order") == OrderKind.MIGRATE.value or row.get("needs")}


def read(workspace: Workspace, wiring: Wiring, waves: set[str]) -> list[Cut]:
    """Every machine of these waves whose last order is a migration, as its engine has journalled it."""
    from wavelift.planning.look import gateways

    if not waves:
        return []
    state = workspace.view().state
    accounts, known = gateways(state), state.machines
    found: list[Cut] = []
    statuses = {a: wiring.engine.statuses(a) for a in accounts.values()}
    for name, asked in workspace.estate.machines.items():
        uuid = workspace.locked.get(name)
        machine = known.get(uuid) if uuid is not None and asked.wave in waves else None
        account = accounts.get(machine.region) if machine is not None else None
        if machine is None or account is None:
            continue
        record = wiring.engine.record(account, machine.uuid)
        if record is None or record.order is None or record.order.kind is not OrderKind.MIGRATE:
            continue
        order = wiring.engine.order(account, machine.uuid, record.order.number)
        if order is not None:
            found.append(Cut(name, asked.wave, record, order, statuses[account].get(machine.uuid)))
    return found


def others_off(workspace: Workspace, wiring: Wiring, name: str) -> tuple[str, ...]:
    """Machines of this one's wave that a cut-over which is not at its end has powered off, too."""
    asked = workspace.estate.machines.get(name)
    cuts = read(workspace, wiring, {asked.wave}) if asked is not None else []
    return tuple(
        cut.name
        for cut in cuts
        if cut.name != name and cut.progress.outcome is None and "power_off_asked" in cut.progress.facts
    )
