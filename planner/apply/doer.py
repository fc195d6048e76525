"""What each step does outside, and what of it is recorded. One `match` over the union; explain has the other."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, assert_never

from planner.artifact import Json, Kind, resolved
from planner.engine import ETAG, EngineWriter, TrackingSwitch
from planner.fence import Fence
from planner.ports import ArtifactProvider, Made, ResourceRef
from planner.state import MachineState, Recorded, digest
from planner.steps import Acknowledge, Adopt, Create, Delete, Forget, Protect, Rename, SendOrder, Step, Update
from planner.store import Session
from planner.store.effects import Effect, Put, PutMachine, Remove, Renamed, Stepped
from planner.store.journal import Doubt
from replication.model.documents import SCHEMA, load_item, load_order
from replication.model.errors import Permanent, PortError


@dataclass(frozen=True, slots=True)
class Outside:
    """Everything that apply may change."""

    artifacts: ArtifactProvider
    engine: EngineWriter
    tracking: TrackingSwitch
    now: Callable[[], float]
    fence: Fence = field(default_factory=Fence)


@dataclass(frozen=True, slots=True)
class Source:
    """Where steps come from: the plan's digest, and what is known of who approved it (approver, pull_request)."""

    plan: str
    by: Mapping[str, str] = field(default_factory=dict)


class Doer:
    """Does steps of one plan under one session. Called from several threads: what is recorded is guarded."""

    def __init__(self, outside: Outside, session: Session, source: Source, steps: Sequence[Step]) -> None:
        """`steps`: all of the plan's, also those that are done."""
        self._outside = outside
        self._session = session
        self._plan, self._by = source.plan, source.by
        self._numbers = {s.address: number for number, s in enumerate(steps)}
        self._guard = threading.Lock()
        self._doubts: dict[str, Doubt] = {d.address: d for d in session.view.doubts}
        self._known: dict[tuple[str, str], Json] = {
            (r.address, key): value for r in session.state.artifacts.values() for key, value in r.attributes.items()
        }

    def __call__(self, step: Step) -> None:
        """Announce, do, record. A `PortError` is written down as failed and raised."""
        details = {"spec": digest(step.spec)} if isinstance(step, Create | Update) else {}
        self._session.journal.intent(step.address, type(step).__name__, plan=self._plan, **self._by, **details)
        try:
            effects = [*self._effects(step), Stepped(self._plan, self._numbers[step.address], len(self._numbers))]
        except PortError as error:
            self._session.journal.failed(step.address, str(error))
            raise
        self._session.journal.done(step.address, effects)
        with self._guard:
            self._session.record(effects)
            for effect in effects:
                if isinstance(effect, Put):
                    self._known.update({(effect.recorded.address, k): v for k, v in effect.recorded.attributes.items()})

    def _effects(self, step: Step) -> list[Effect]:
        match step:
            case Create() | Update():
                return self._make(step)
            case Adopt():
                made = self._outside.artifacts.update(
                    ResourceRef(step.address, step.kind, step.id), self._resolve(step.spec)
                )
                return [Put(_recorded(step, made))]
            case Delete():
                self._outside.artifacts.delete(ResourceRef(step.address, step.kind, self._exactly(step)))
                return [Remove(step.address)]
            case Forget():
                return [Remove(step.address), *([PutMachine(step.ends)] if step.ends else [])]
            case Rename():
                return [Renamed(step.uuid, step.old, step.machine)]
            case Protect():
                return [PutMachine(dataclasses.replace(self._session.machine(step.uuid), protect=step.on))]
            case SendOrder():
                return self._send(step)
            case Acknowledge():
                by = ", ".join(f"{name.replace('_', ' ')} {said}" for name, said in sorted(self._by.items()) if said)
                why = f"acknowledges {step.reason}" + (f" ({by})" if by else "")
                self._outside.engine.acknowledge(self._gateway(step.region), step.uuid, step.since, step.word, why)
                return []
            case _:
                assert_never(step)

    def _exactly(self, step: Delete) -> str:
        """The id, and of a role for whoever was signed in when it was assigned that principal's: no other's goes with it."""
        with self._guard:
            principal = self._known.get((step.address, "principal"))
        unnamed = step.kind is Kind.ROLE and step.id.count("#") == 1
        return f"{step.id}#{principal}" if unnamed and principal else step.id

    def _make(self, step: Create | Update) -> list[Effect]:
        match step.kind:
            case Kind.TRACKING:
                self._outside.tracking.enable_tracking(str(step.spec["source"]), str(step.spec["vm"]))
                return []
            case Kind.REPLICATION:
                return self._put_item(step)
            case _:
                return [Put(_recorded(step, self._provide(step)))]

    def _provide(self, step: Create | Update) -> Made:
        """Through the provider, with the operation's token in the journal, so that another process can carry on."""
        ref, spec = ResourceRef(step.address, step.kind, step.id), self._resolve(step.spec)
        if isinstance(step, Update):
            return self._outside.artifacts.update(ref, spec)
        doubt = self._doubts.get(step.address)
        if doubt is not None and doubt.token and doubt.details.get("spec") == digest(step.spec):
            return self._outside.artifacts.resume(ref, spec, doubt.token).result()
        operation = self._outside.artifacts.begin(ref, spec)
        if operation.token:
            self._session.journal.token(step.address, operation.token)
        return operation.result()

    def _put_item(self, step: Create | Update) -> list[Effect]:
        document = self._resolve(step.spec)
        item = load_item(_document("item", document))
        etag = {ETAG: self._outside.engine.put_item(self._gateway(item.region), item)}
        effects: list[Effect] = [Put(Recorded(step.address, step.kind, step.id, step.spec, step.deps, etag, step.machine))]
        if isinstance(step, Create) and step.enables is not None:
            effects.append(PutMachine(step.enables))
        return effects

    def _send(self, step: SendOrder) -> list[Effect]:
        document = {**step.document, "plan": self._plan, **self._by, "issued": self._outside.now()}
        order = load_order(_document("order", document))
        self._outside.engine.put_order(self._gateway(step.region), order)
        machine = self._session.machine(step.uuid)
        return [PutMachine(dataclasses.replace(machine, orders=max(machine.orders, step.number)))]

    def _gateway(self, region: str) -> str:
        return str(self._resolve({"$ref": f"{Kind.GATEWAY_STORE}.{region}#blob_endpoint"}))

    def _resolve(self, spec: Json) -> Any:
        with self._guard:
            try:
                return resolved(spec, self._known)
            except KeyError as error:
                address, attribute = error.args[0]
                raise Permanent(
                    f"{address} has no {attribute!r} on record",
                    remedy="run `wavelift plan` again: it looks at what is there and records it",
                ) from error


def _document(kind: str, fields: Mapping[str, Json]) -> bytes:
    """Fields in the form that `replication.model.documents` reads."""
    return json.dumps({"schema": SCHEMA, "kind": kind, "body": dict(fields)}).encode()


def _recorded(step: Create | Update | Adopt, made: Made) -> Recorded:
    return Recorded(step.address, step.kind, made.id, step.spec, step.deps, dict(made.attributes), step.machine)


def settled(session: Session, engine: EngineWriter) -> list[MachineState]:
    """Orders that were announced and have no result: those whose document is there were sent. Their machines, corrected."""
    out = []
    accounts = {
        r.address.partition(".")[2]: str(r.attributes.get("blob_endpoint", ""))
        for r in session.state.artifacts.values()
        if r.kind is Kind.GATEWAY_STORE
    }
    by_name = session.state.by_name()
    for doubt in session.view.doubts:
        if doubt.step != SendOrder.__name__:
            continue
        name, _, rest = doubt.address.removeprefix("order.").partition("/")
        machine, number = by_name.get(name), int(rest.partition("-")[0])
        if machine and machine.orders < number and engine.has_order(accounts[machine.region], machine.uuid, number):
            out.append(dataclasses.replace(machine, orders=number))
    return out
