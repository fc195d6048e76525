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
    asked = {workspace.locked[n]: m for n, m in workspace.estate.machines.items() if m.wave in waves and n in workspace.locked}
    found: dict[str, Cut] = {}
    for region, account in gateways(state).items():
        here = [uuid for uuid in asked if uuid in state.machines and state.machines[uuid].region == region]
        records = wiring.engine.records(account, here)
        moving = {u: r.order.number for u, r in records.items() if r.order is not None and r.order.kind is OrderKind.MIGRATE}
        statuses = wiring.engine.statuses(account, moving)
        for uuid, order in wiring.engine.orders(account, moving).items():
            found[uuid] = Cut(asked[uuid].name, asked[uuid].wave, records[uuid], order, statuses.get(uuid))
    return [found[uuid] for uuid in asked if uuid in found]


def others_off(workspace: Workspace, wiring: Wiring, name: str) -> tuple[str, ...]:
    """Machines of this one's wave that a cut-over which is not at its end has powered off, too."""
    asked = workspace.estate.machines.get(name)
    cuts = read(workspace, wiring, {asked.wave}) if asked is not None else []
    return tuple(
        cut.name
        for cut in cuts
        if cut.name != name and cut.progress.outcome is None and "power_off_asked" in cut.progress.facts
    )
