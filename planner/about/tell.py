"""From a plan, and where there is one the estate behind it, to what is told of one address."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from planner.about.model import About, Link
from planner.artifact import Artifact
from planner.desired import Desired
from planner.estate import Span
from planner.plan.life import stage
from planner.plan.model import Plan
from planner.ports import Observed
from planner.state import MachineState, Recorded, State
from planner.steps import Create, Note, SendOrder, Step
from planner.wording import nearest, quote
from replication.model.record import Record


class UnknownAddress(LookupError):
    """Nothing has that address; the text is a sentence with the nearest one."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a plan was made from. Of a plan file alone all but `plan` is missing, and so is what it would tell."""

    plan: Plan
    desired: Desired | None = None
    state: State | None = None
    seen: Mapping[str, Observed | None] = field(default_factory=dict)
    records: Mapping[str, Record] = field(default_factory=dict)


def about(address: str, facts: Facts) -> About:
    """`address`: of an artifact or an order as plans print it, `machine.web-01`, `wave.shop`, or the bare name of a machine or
    wave (the machine's when both have it). Raises `UnknownAddress`."""
    return _Teller(facts).tell(address)


class _Teller:
    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._steps = {s.address: s for s in facts.plan.steps}
        self._recorded: Mapping[str, Recorded] = facts.state.artifacts if facts.state else {}
        self._desired = {a.address: a for a in facts.desired.shared} if facts.desired else {}
        self._made = {a.address: (a, s) for s in facts.plan.steps if isinstance(s, SendOrder) for a in s.makes}
        self._known = facts.state.by_name() if facts.state else {}
        self._machines = self._names()
        self._waves = self._wave_names()

    def tell(self, address: str) -> About:
        kind, _, rest = address.partition(".")
        if kind == "machine" and rest in self._machines:
            return self._machine(rest)
        if kind == "wave" and rest in self._waves:
            return self._wave(rest)
        if kind == "order" and rest in self._machines:
            return self._orders(rest)
        if address in self._steps or address in self._recorded or address in self._desired or address in self._made:
            return self._artifact(address)
        if address in self._machines:
            return self._machine(address)
        if address in self._waves:
            return self._wave(address)
        raise UnknownAddress(self._unknown(address))

    # ---- the four things that have an address

    def _artifact(self, address: str) -> About:
        step, recorded, wanted = self._steps.get(address), self._recorded.get(address), self._desired.get(address)
        made = self._made.get(address)
        machine = _first(step, recorded, wanted, "machine") or (made[1].machine if made else None)
        notes = tuple(self._notes({address}))
        idle = ""
        if made is not None and step is None:
            idle = f"the engine makes it while it carries out {made[1].address} ({made[1].why})"
        elif step is None:
            idle = self._idle(address, recorded, wanted)
        return About(
            address,
            address.partition(".")[0],
            (step,) if step is not None else (),
            notes,
            idle,
            tuple(self._waits_for(address, step, made)),
            tuple(self._waiting(address)),
            self._asked(machine, step, wanted),
            machine,
            self._wave_of(machine),
            "",
            recorded,
            address in self._facts.seen,
            self._facts.seen.get(address),
        )

    def _orders(self, name: str) -> About:
        orders = tuple(s for s in self._steps.values() if isinstance(s, SendOrder) and s.machine == name)
        notes = tuple(self._notes({name}))
        idle = "" if orders or notes else f"no order is to be sent for {name}: it is as far as its phase asks"
        links = tuple(link for s in orders for link in self._waits_for(s.address, s, None))
        waiting = tuple(link for s in orders for link in self._waiting(s.address))
        return About(
            f"order.{name}", "order", orders, notes, idle, links, waiting,
            self._asked(name, None, None), name, self._wave_of(name), self._life(name),
        )  # fmt: skip

    def _machine(self, name: str) -> About:
        steps = tuple(s for s in self._facts.plan.steps if s.machine == name)
        own = {s.address for s in steps} | {a for a, r in self._recorded.items() if r.machine == name}
        notes = tuple(self._notes({name, *own}))
        idle = "" if steps else "nothing is to do: it is as its phase asks, or waits for what is told here"
        inside = {s.address for s in steps}
        needs = {n: s for s in steps for n in s.needs if n not in inside}
        waits = [Link(n, f"needed by {s.address}; {self._steps[n].why}") for n, s in needs.items() if n in self._steps]
        waits += [Link(n.machine, f"{n.what}: {n.why}") for kind, n in notes if kind == "deferred"]
        asked = self._estate_machine(name)
        if asked is not None and asked[0]:
            waits.append(Link(f"machine.{asked[0]}", "must be ready in Azure before this one is powered off (start_after)"))
        users = [Link(s.address, f"needs {n}") for s in self._facts.plan.steps if s.machine != name for n in s.needs if n in own]
        users += [Link(f"machine.{other}", "is cut over after it (start_after)") for other in self._starting_after(name)]
        wave = self._wave_of(name)
        users += [Link(f"wave.{other}", f"cut-overs wait until wave {wave} is {state}") for other, state in self._behind(wave)]
        return About(
            f"machine.{name}", "machine", steps, notes, idle, tuple(waits), tuple(users),
            self._asked(name, None, None), name, wave, self._life(name),
        )  # fmt: skip

    def _wave(self, name: str) -> About:
        steps = tuple(s for s in self._facts.plan.steps if s.wave == name)
        notes = tuple((k, n) for k, n in self._all_notes() if n.wave == name)
        estate = self._facts.desired.estate if self._facts.desired else None
        wave = estate.waves.get(name) if estate else None
        waits = []
        if wave is not None:
            waits = [Link(f"wave.{o}", f"its cut-overs wait until wave {o} is {state}") for o, state in wave.after.items()]
        inside = {s.address for s in steps}
        outer = {n: s for s in steps for n in s.needs if n not in inside and n in self._steps}
        waits += [Link(n, f"needed by {s.address}; {self._steps[n].why}") for n, s in outer.items()]
        users = [Link(f"wave.{o}", f"its cut-overs wait until this one is {state}") for o, state in self._behind(name)]
        idle = "" if steps else "nothing is to do in it"
        life = self._stages(wave.machines) if wave is not None else ""
        span = wave.span if wave is not None else next((o for s in steps if (o := getattr(s, "origin", None))), None)
        return About(f"wave.{name}", "wave", steps, notes, idle, tuple(waits), tuple(users), span, None, name, life)

    # ---- parts

    def _names(self) -> dict[str, str | None]:
        """Machine -> wave, of all that the plan, the estate or the state knows."""
        found: dict[str, str | None] = dict.fromkeys(self._known)
        found.update({s.machine: s.wave for s in self._facts.plan.steps if s.machine})
        notes = ((n.machine, n.wave) for kind, n in self._all_notes() if kind in ("deferred", "in progress", "kept"))
        found.update({name: wave for name, wave in notes if name not in found and "." not in name and wave})
        if self._facts.desired:
            found.update({m.name: m.wave for m in self._facts.desired.estate.machines.values()})
        return found

    def _wave_names(self) -> set[str]:
        found = {s.wave for s in self._facts.plan.steps if s.wave} | {n.wave for _, n in self._all_notes() if n.wave}
        return found | set(self._facts.desired.estate.waves if self._facts.desired else ())

    def _wave_of(self, machine: str | None) -> str | None:
        return self._machines.get(machine) if machine else None

    def _all_notes(self) -> Iterator[tuple[str, Note]]:
        plan = self._facts.plan
        lists = (("deferred", plan.deferred), ("in progress", plan.in_progress), ("kept", plan.kept))
        for kind, notes in (*lists, ("changed outside of wavelift", plan.drift)):
            yield from ((kind, n) for n in notes)

    def _notes(self, subjects: set[str]) -> Iterator[tuple[str, Note]]:
        return ((kind, n) for kind, n in self._all_notes() if n.machine in subjects)

    def _idle(self, address: str, recorded: Recorded | None, wanted: Artifact | None) -> str:
        if self._facts.plan.errors:
            return "the plan has problems, so that not everything in it is worked out"
        if recorded is not None and (wanted is not None or recorded.machine in self._machines):
            seen = " and as it was made" if address in self._facts.seen else ""
            return f"nothing is to do: it is there{seen}, and the estate asks for nothing else"
        return "nothing is to do"

    def _waits_for(self, address: str, step: Step | None, made: tuple[Artifact, SendOrder] | None) -> Iterator[Link]:
        if made is not None and step is None:
            yield Link(made[1].address, "the order that makes it")
            return
        needs = step.needs if step is not None else ()
        yield from (Link(n, self._steps[n].why or "a step of this plan") for n in needs if n in self._steps)
        recorded = self._recorded.get(address)
        deps = getattr(step, "deps", ()) if step is not None else recorded.deps if recorded is not None else ()
        yield from (Link(d, "needed, and there") for d in deps if d not in needs and d in self._recorded)

    def _waiting(self, address: str) -> Iterator[Link]:
        told = set()
        for step in self._facts.plan.steps:
            if address in step.needs:
                told.add(step.address)
                yield Link(step.address, step.why or "a step of this plan")
        for other, recorded in self._recorded.items():
            if address in recorded.deps and other not in told:
                yield Link(other, "is recorded as needing it")

    def _asked(self, machine: str | None, step: Step | None, wanted: Artifact | None) -> Span | None:
        origin: Span | None = getattr(step, "origin", None) or (wanted.origin if wanted is not None else None)
        if origin is not None or machine is None:
            return origin
        known = self._facts.desired.estate.machines.get(machine) if self._facts.desired else None
        if known is not None:
            return known.span
        return next((o for s in self._facts.plan.steps if s.machine == machine and (o := getattr(s, "origin", None))), None)

    def _estate_machine(self, name: str) -> tuple[str | None, str] | None:
        known = self._facts.desired.estate.machines.get(name) if self._facts.desired else None
        return (known.start_after, known.wave) if known is not None else None

    def _starting_after(self, name: str) -> list[str]:
        machines = self._facts.desired.estate.machines if self._facts.desired else {}
        return [m.name for m in machines.values() if m.start_after == name]

    def _behind(self, wave: str | None) -> list[tuple[str, str]]:
        waves = self._facts.desired.estate.waves if self._facts.desired else {}
        return [(w.name, w.after[wave]) for w in waves.values() if wave is not None and wave in w.after]

    def _life(self, name: str) -> str:
        known = self._known.get(name)
        if self._facts.state is None:
            return ""
        return self._stage(known)

    def _stage(self, known: MachineState | None) -> str:
        return stage(known, self._facts.records.get(known.uuid) if known else None).value

    def _stages(self, machines: Iterable[str]) -> str:
        counts: dict[str, int] = {}
        for name in machines:
            where = self._stage(self._known.get(name))
            counts[where] = counts.get(where, 0) + 1
        return ", ".join(f"{count} {where}" for where, count in counts.items())

    def _unknown(self, address: str) -> str:
        steps = (s.address for s in self._facts.plan.steps if not isinstance(s, Create) or s.address not in self._recorded)
        artifacts = [*self._recorded, *self._desired, *self._made, *steps]
        kind, dot, rest = address.partition(".")
        alike = [a for a in artifacts if a.startswith(f"{kind}.")] if dot else []
        if dot and kind in ("machine", "wave", "order"):
            alike += [f"{kind}.{n}" for n in (self._waves if kind == "wave" else self._machines)]
        names = [*self._machines, *self._waves]
        guess = nearest(address, alike or [*names, *artifacts]) or (nearest(rest, names) if dot else None)
        hint = f" Did you mean {quote(guess)}?" if guess else " `wavelift plan` and `wavelift state list` show addresses."
        return f"Nothing has the address {quote(address)}: no artifact, order, machine or wave.{hint}"


def _first(step: Step | None, recorded: Recorded | None, wanted: Artifact | None, name: str) -> str | None:
    for one in (step, recorded, wanted):
        value = getattr(one, name, None) if one is not None else None
        if isinstance(value, str):
            return value
    return None
