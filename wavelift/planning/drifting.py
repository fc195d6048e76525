"""Look at everything that is recorded and at what carries our tag, and call it drift: the I/O around `planner.drift`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from planner.drift import Drift, Seen, find
from planner.drift.azure import NOT_LOOKED_AT
from planner.drift.source import Vcenter, source_of
from planner.estate import Estate
from planner.inventory import Inventory, SourceInventory
from planner.ports import ResourceRef
from planner.refresh import absorb
from planner.state import OVER, State
from replication.model.errors import PortError
from replication.model.source import SourceFacts
from wavelift.forecasting import seedcost
from wavelift.planning.look import gateways, read_items, read_orders, read_records
from wavelift.planning.points import with_lost_points

if TYPE_CHECKING:
    from wavelift.wiring import Wiring


def look(wiring: Wiring, now: float, say: Callable[[str], None] = lambda _: None) -> Drift:
    """Recorded against observed: one listing per kind and scope in Azure, one pass over each vCenter.

    `now`: unix time. Raises `PortError` when Azure cannot be read; a
    vCenter that cannot be read makes the drift blind on that side, and says so.
    """
    estate, recorded = wiring.workspace.estate, wiring.workspace.view().state
    say("reading what the engine has done")
    # Before everything else: an order that ends while we look still counts as under way, and nothing of it as drift.
    records = read_records(wiring.engine, recorded)
    statuses = {u: s for account in gateways(recorded).values() for u, s in wiring.engine.statuses(account).items()}
    items = read_items(wiring.engine, recorded)
    state = absorb(recorded, records, read_orders(wiring.engine, recorded, records))
    refs = refs_of(state)
    say(f"looking at {len(refs)} artifacts in Azure")
    artifacts = wiring.artifacts.observe(refs) if refs else {}
    artifacts = with_lost_points(state, records, artifacts, lambda: read_records(wiring.engine, recorded))
    # Also with nothing recorded: what carries our tag then is what a lost state leaves behind.
    tagged = wiring.artifacts.tagged(subscriptions(estate))
    vcenter, blind = _vcenter(wiring, state, say)
    cost = tuple(seedcost.lines(estate, state, records, now))
    return find(estate, state, Seen(artifacts, records, statuses, vcenter, tuple(tagged), blind, cost, items), now)


def refs_of(state: State) -> list[ResourceRef]:
    """Every recorded artifact that is a resource."""
    return [ResourceRef(r.address, r.kind, r.id) for r in state.artifacts.values() if r.kind not in NOT_LOOKED_AT]


def subscriptions(estate: Estate) -> list[str]:
    """The project's and the targets'."""
    return list(dict.fromkeys([estate.azure.project_subscription, *(t.subscription for t in estate.targets.values())]))


def _vcenter(wiring: Wiring, state: State, say: Callable[[str], None]) -> tuple[Vcenter, tuple[str, ...]]:
    """Inventory and snapshots of every source that a machine of the state comes from; in words what could not be read."""
    estate = wiring.workspace.estate
    machines: dict[str, list[str]] = {}
    for uuid, machine in state.machines.items():
        if machine.life not in OVER:
            source = source_of(estate, machine, state.artifacts.get(f"replication.{machine.name}"))
            machines.setdefault(source, []).append(uuid)
    sources: dict[str, SourceInventory] = {}
    facts: dict[str, SourceFacts] = {}
    blind: list[str] = []
    for name, uuids in sorted(machines.items()):
        if name not in estate.sources:
            blind.append(f"source {name or '?'} is not in the estate's files: its {len(uuids)} machines were not looked at")
            continue
        say(f"reading the inventory of {name}")
        try:
            inventory = wiring.source(name).inventory()
            facts.update(wiring.source(name).facts(tuple(uuids)))
            sources[name] = inventory
        except PortError as error:
            blind.append(f"vCenter {name} could not be read: {error}")
    paths = {m.instance_uuid: m.vm_name for m in wiring.workspace.lock.machines.values()}
    return Vcenter(Inventory(sources), facts, paths), tuple(blind)
