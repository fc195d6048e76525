"""Look at everything and plan: the one place that joins files, state, inventory, engine records and clouds into a `Plan`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from planner.artifact import ENGINE_MADE, Kind
from planner.config.places import located
from planner.desired import Desired, build
from planner.drift.find import unchecked
from planner.drift.items import observed as items_moved
from planner.drift.items import versions
from planner.engine import Damaged, EngineReader
from planner.estate import Diagnostic, Phase
from planner.garbage import paused_gc
from planner.holds import current
from planner.inventory import Inventory
from planner.made import unknown
from planner.plan import Plan, World, plan, with_issues
from planner.plan.artifacts import as_recorded
from planner.plan.gates import way_back_gate
from planner.plan.life import Stage, stage
from planner.plan.scope import EVERYTHING, Scope
from planner.plan.within import Within
from planner.planfile.envelope import distinct
from planner.ports import ArtifactReader, Observed, ResourceRef
from planner.refresh import absorb
from planner.state import State
from planner.steps import Adopt, Create, Delete, Update
from replication.model.errors import Denied
from replication.model.item import Item, Order, OrderKind
from replication.model.record import Life, Record
from replication.model.status import ORDER_GONE, RECORD_GONE
from wavelift.planning.access import Privileges, Seat, check_access, check_privileges, rights, unreadable
from wavelift.planning.checks import check
from wavelift.planning.points import with_lost_points
from wavelift.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Looked:
    """What planning was made from, for whoever goes on with it."""

    plan: Plan
    desired: Desired
    recorded: State
    """As it was read."""
    state: State
    """Refreshed: with the engine's outcomes in it."""
    records: dict[str, Record]
    orders: dict[str, Order] = field(default_factory=dict)
    """By machine: those whose outcome is new to the state."""
    seen: Mapping[str, Observed | None] = field(default_factory=dict)
    """By address: what was looked for outside, and found."""
    free: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """(source, datastore) -> bytes that were free when the inventory was read."""
    rights: str = ""
    """Whose rights were checked, in words; empty when nobody's were."""


def gateways(state: State) -> dict[str, str]:
    """Region -> blob endpoint of its gateway store, where its container is recorded too.

    The container comes last (account, role, container): before it nothing can have been written, and an apply that was cut
    off in between must not be asked to read what its role does not let it read yet.
    """
    return {
        address.partition(".")[2]: str(recorded.attributes["blob_endpoint"])
        for address, recorded in state.artifacts.items()
        if recorded.kind is Kind.GATEWAY_STORE
        and "blob_endpoint" in recorded.attributes
        and f"{Kind.CONTAINER}.{address}" in state.artifacts
    }


def read_records(engine: EngineReader, state: State) -> dict[str, Record]:
    """Instance uuid -> record, over all regions; stand-ins for those that are gone."""
    out: dict[str, Record] = {}
    for account in gateways(state).values():
        out.update(engine.records(account))
    return {**out, **stand_ins(engine, state, out)}


def refreshed(engine: EngineReader, state: State) -> tuple[State, dict[str, Record]]:
    """The state with what the engine has done since, and the records that say so. Nothing is written."""
    records = read_records(engine, state)
    return absorb(state, records, read_orders(engine, state, records)), records


def stand_ins(engine: EngineReader, state: State, records: Mapping[str, Record]) -> dict[str, Record]:
    """What plan and drift go by instead of records that are gone, and of those that wait for an order that is gone."""
    return {**lost_records(engine, state, records), **without_order(engine, state, records)}


def without_order(engine: EngineReader, state: State, records: Mapping[str, Record]) -> dict[str, Record]:
    """Records of machines whose last order was deleted before the engine took it up: as if it had its outcome, so that the
    next one has a number of its own. An order that the engine has begun needs its document no more than that."""
    stores, out = gateways(state), {}
    for uuid, machine in state.machines.items():
        record, last = records.get(uuid), machine.orders
        if record is None or record.replication != machine.replication:
            continue
        seen = max(record.orders_done, record.order.number if record.order else 0)
        account = stores.get(machine.region)
        if account is not None and seen < last and engine.order(account, uuid, last) is None:
            out[uuid] = replace(record, orders_done=last, problem=ORDER_GONE)
    return out


def lost_records(engine: EngineReader, state: State, records: Mapping[str, Record]) -> dict[str, Record]:
    """What stands in for the records that are gone though the engine has worked on their machines: by what was recorded.

    The order that stops such a machine makes a new record; from when it was written it stands in the way of nothing.
    """
    missing = {u: m for u, m in state.machines.items() if m.life in ("replicating", "migrated") and u not in records}
    out: dict[str, Record] = {}
    for region, account in gateways(state).items() if missing else ():
        here = [uuid for uuid, machine in missing.items() if machine.region == region]
        for uuid, said in engine.statuses(account, here).items():
            machine = missing[uuid]
            if said.cycle == 0 and said.problem != RECORD_GONE:
                continue
            order = engine.order(account, uuid, machine.orders) if machine.orders else None
            if order is None or (order.kind, order.replication) != (OrderKind.STOP, machine.replication):
                life = Life.MIGRATED if machine.life == "migrated" else Life.DELTA
                gone = Record(uuid, machine.replication, 0, 0, life, 0, orders_done=machine.orders, problem=RECORD_GONE)
                out[uuid] = gone
    return out


def read_items(engine: EngineReader, state: State) -> dict[str, Item | Damaged]:
    """Instance uuid -> item, over all regions."""
    return {uuid: item for account in gateways(state).values() for uuid, item in engine.items(account).items()}


def _changed_items(engine: EngineReader, state: State) -> dict[str, Item | Damaged | None]:
    """One listing a region; read are those alone whose ETag is not the recorded one."""
    known = versions(state)
    return {uuid: item for account in gateways(state).values() for uuid, item in engine.changed_items(account, known).items()}


def read_orders(engine: EngineReader, state: State, records: dict[str, Record]) -> dict[str, Order]:
    """The orders whose outcome is still to be recorded with what they set: one small read each, once in its life."""
    accounts = gateways(state)
    found = {
        uuid: engine.order(accounts[region], uuid, number)
        for uuid, (region, number) in unknown(state, records).items()
        if region in accounts
    }
    return {uuid: order for uuid, order in found.items() if order is not None}


@paused_gc()
def look(
    workspace: Workspace,
    inventory: Inventory,
    cloud: ArtifactReader,
    engine: EngineReader,
    allow_destroy: int | None = None,
    say: Callable[[str], None] = lambda _: None,
    approvals: frozenset[str] = frozenset(),
    now: float | None = None,
    seat: Seat = "apply",
    vcenter: Privileges | None = None,
    remarked: tuple[Diagnostic, ...] = (),
    scope: Scope = EVERYTHING,
    observe: bool = True,
) -> Looked:
    """Plan to learn which artifacts matter, look at exactly those, and plan again where something was not as recorded.

    The planner is pure and quick; asking the cloud is neither, so it is asked once, by one listing per kind and scope.
    A hold of the files that has ended by `now` (unix time; the clock's where none is given) holds no more.
    `seat`: whose login `cloud` is. `vcenter` is asked
    for that login's privileges; None when there is nobody to ask. `approvals`: what may be taken for approved; `now`: unix
    time, for what waits for a date. `remarked`: what is known of the inventory, as part of the plan's problems.
    `scope`: which part of the plan is wanted. `observe` false: Azure's artifacts are not looked at, and the plan says so.
    """
    recorded = workspace.view().state
    now = time.time() if now is None else now
    workspace = replace(workspace, estate=current(workspace.estate, now))
    say("reading what the engine has done")
    records = _readable(workspace, engine, cloud, recorded)
    orders = read_orders(engine, recorded, records)
    state = absorb(recorded, records, orders)
    finished = _finished(workspace, state, records, now)
    desired = build(workspace.estate, inventory, workspace.locked, finished)
    draft = plan(desired, state, World(machines=records, approvals=approvals, now=now), allow_destroy, scope)
    if not observe:
        return Looked(_unobserved(draft, workspace, remarked, recorded), desired, recorded, state, records, orders, {})
    refs = references(draft, desired, state)
    say(f"looking at {len(refs)} artifacts in Azure")
    strayed = items_moved(state, records, _changed_items(engine, state))
    issues: list[Diagnostic] = []
    checked = ""
    try:
        seen: dict[str, Observed | None] = cloud.observe(refs) if refs else {}
    except Denied:
        # Who may not look lacks what S4 asks for: that is worth more than the first thing that Azure refused to show.
        seen, issues = {}, [d for d in check_access(desired, state, cloud, seat) if d.severity == "error"]
        if not issues:
            raise
    if not issues:
        say("checking sizes, networks and permissions")
        gone = {address for address, there in seen.items() if there is None}
        going = {step.address for step in draft.steps if isinstance(step, Delete)}
        issues = [*check(desired, state, cloud, seat, gone, going), *check_privileges(desired, state, vcenter, seat)]
        checked = rights(desired, cloud, seat, issues)
    blind = [address for address in state.artifacts if (there := seen.get(address)) is not None and not there.readable]
    issues += [Diagnostic("WL340", "not checked", f"{text}.", severity="warning") for text in unchecked(blind)]
    seen = with_lost_points(state, records, {**seen, **strayed}, lambda: read_records(engine, recorded))
    within = Within(scope, desired.estate, state)
    world = World(seen, records, tuple(d for d in (*remarked, *issues) if within.keeps(d)), approvals, now)
    if not desired.renamed and as_recorded(state.artifacts, seen):
        made = with_issues(draft, world.issues)
    else:
        made = plan(desired, state, world, allow_destroy, scope)
    free = {(source.name, store): size for source in inventory.sources.values() for store, size in source.free.items()}
    return Looked(_placed(made, workspace, recorded), desired, recorded, state, records, orders, seen, free, checked)


def _placed(made: Plan, workspace: Workspace, recorded: State) -> Plan:
    """The plan with its problems at their lines, and with a digest that no plan of this state had before."""
    folder = workspace.folder
    made = replace(made, errors=located(made.errors, folder), warnings=located(made.warnings, folder))
    return distinct(made, recorded.plans)


def _unobserved(draft: Plan, workspace: Workspace, remarked: tuple[Diagnostic, ...], recorded: State) -> Plan:
    """The draft as the plan, with what that leaves out among what is not checked."""
    text = (
        "`--no-refresh`: Azure was not looked at. What was changed there since the last apply is not seen, and sizes, networks "
        "and permissions were not checked. Apply looks."
    )
    issues = (*remarked, Diagnostic("WL340", "not checked", text, severity="warning"))
    return _placed(with_issues(draft, issues), workspace, recorded)


def _readable(workspace: Workspace, engine: EngineReader, cloud: ArtifactReader, state: State) -> dict[str, Record]:
    """The engine's records. Nobody can plan without them: who may not read them is told which role lacks, and where."""
    out: dict[str, Record] = {}
    for region, account in gateways(state).items():
        try:
            out.update(engine.records(account))
        except Denied as error:
            store = state.artifacts[f"{Kind.GATEWAY_STORE}.{region}"].id
            declared = workspace.estate.azure.identities.plan
            raise unreadable(error, cloud.principal(), declared, region, store) from error
    return {**out, **stand_ins(engine, state, out)}


def _finished(workspace: Workspace, state: State, records: dict[str, Record], when: float | None) -> set[str]:
    """Machines that will not replicate any more once this plan is applied: completed, or migrated and to be completed."""
    out = set()
    for uuid, known in state.machines.items():
        now = stage(known, records.get(uuid))
        asked = workspace.estate.machines.get(known.name)
        ends = asked is not None and asked.phase is Phase.COMPLETE and asked.hold is None
        if ends and asked is not None:
            ends = way_back_gate(asked, records.get(uuid), when, workspace.estate.time_zone) is None
        if now is Stage.COMPLETED or (now is Stage.MIGRATED and ends):
            out.add(uuid)
    return out


def references(draft: Plan, desired: Desired, state: State) -> list[ResourceRef]:
    """Everything recorded, everything shared, everything that the draft would make: it may be there already."""
    wanted: dict[str, ResourceRef] = {}

    def want(address: str, kind: Kind, arm_id: str) -> None:
        if kind not in (Kind.TRACKING, Kind.REPLICATION):
            wanted[address] = ResourceRef(address, kind, arm_id)

    for artifact in desired.shared:
        want(artifact.address, artifact.kind, artifact.id)
    for step in draft.steps:
        if isinstance(step, Create | Update | Adopt):
            want(step.address, step.kind, step.id)
    for recorded in state.artifacts.values():
        if recorded.kind in ENGINE_MADE or recorded.address not in wanted:
            want(recorded.address, recorded.kind, recorded.id)
    return list(wanted.values())
