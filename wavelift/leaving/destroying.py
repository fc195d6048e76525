"""Destroy an estate, a wave or a machine: what goes, and round by round until it is gone.

It is the plan of an estate without machines, narrowed to those that are meant: so the order, the guards and the resuming after
a crash are those of every plan. Orders stop the machines first; what they share goes in a later round, when the engine has
done so. A protected machine is refused; what a migrated machine has in Azure is never touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Protocol

from planner.artifact import DATA_BEARING, ENGINE_MADE, Kind
from planner.engine import EngineReader
from planner.estate import Estate, Rule
from planner.existing import is_existing
from planner.inventory import Inventory
from planner.plan import Asked
from planner.plan.life import Stage, stage
from planner.plan.scope import EVERYTHING, Scope
from planner.ports import ArtifactReader
from planner.state import MachineState, Recorded, State
from planner.steps import Delete, Forget, Step
from planner.wording import did_you_mean, quote, some
from wavelift.planning.look import Looked, look
from wavelift.problems import UserProblem
from wavelift.workspace import Workspace

TEST_MADE = frozenset({Kind.TEST_VM, Kind.TEST_DISK, Kind.TEST_NIC})


@dataclass(frozen=True, slots=True)
class Aim:
    """`names` None: the whole estate. `words` for people ("wave shop")."""

    words: str
    names: tuple[str, ...] | None = None

    @property
    def scope(self) -> Scope:
        return EVERYTHING if self.names is None else Scope(machines=self.names)

    def has(self, machine: str | None) -> bool:
        return self.names is None or machine in self.names


@dataclass(frozen=True, slots=True)
class Going:
    """What the state has of an aim: `data` cannot be made again, `rest` can, `stays` is never destroyed."""

    machines: dict[str, MachineState]
    """By instance uuid."""
    data: tuple[Recorded, ...]
    rest: tuple[Recorded, ...]
    stays: tuple[Recorded, ...]

    @property
    def number(self) -> int:
        """What `--allow-destroy` has to say."""
        return len(self.data)


def aim(estate: Estate, state: State, waves: Iterable[str], machines: Iterable[str]) -> Aim:
    """Globs to what they mean; of those of both kinds both have to hold. A machine that left the files still has the wave that
    its replication was recorded with. `UserProblem` for a glob that fits nothing."""
    waves, machines = tuple(waves), tuple(machines)
    if not waves and not machines:
        return Aim(f"estate {estate.name}")
    of = {r.machine: str(r.spec.get("wave", "")) for r in state.artifacts.values() if r.kind is Kind.REPLICATION}
    of |= {m.name: m.wave for m in estate.machines.values()}
    known = dict.fromkeys((*state.by_name(), *(r.machine for r in state.artifacts.values() if r.machine)))
    there = dict.fromkeys(w for w in (*estate.waves, *of.values()) if w)
    for option, globs, names in (("--wave", waves, there), ("--machine", machines, known)):
        for glob in globs:
            if not any(fnmatchcase(name, glob) for name in names):
                raise UserProblem(f"{option} {quote(glob)} matches nothing.{did_you_mean(glob, names)} [WL502]")
    chosen = tuple(
        n for n in known if (not waves or _any(waves, of.get(n, ""))) and (not machines or _any(machines, n))
    )
    words = " and ".join(f"{kind} {', '.join(globs)}" for kind, globs in (("wave", waves), ("machine", machines)) if globs)
    if not chosen:
        raise UserProblem(f"Nothing of {words} is recorded: there is nothing to destroy.")
    return Aim(words, chosen)


def going(state: State, what: Aim) -> Going:
    mine = [r for r in state.artifacts.values() if what.has(r.machine) and (r.machine or what.names is None)]
    forgotten = any(m.life == "forgotten" for m in state.machines.values())
    data = tuple(r for r in mine if r.kind in DATA_BEARING and (r.machine or not forgotten) and not is_existing(r.spec))
    stays = tuple(
        r for r in mine if r.kind in ENGINE_MADE - TEST_MADE or (forgotten and not r.machine) or is_existing(r.spec)
    )
    rest = tuple(r for r in mine if r not in data and r not in stays)
    machines = {m.uuid: m for m in state.machines.values() if what.has(m.name)}
    return Going(machines, data, rest, stays)


def stages(looked: Looked, machines: Iterable[MachineState]) -> dict[str, Stage]:
    """By name."""
    return {m.name: stage(m, looked.records.get(m.uuid)) for m in machines}


class Cloud(ArtifactReader, Protocol):
    def in_group(self, group: str) -> list[str]:
        """Ids of what is in a resource group (by its id) and is not ours to delete."""


def look_on(
    workspace: Workspace, what: Aim, cloud: Cloud, engine: EngineReader, say: Callable[[str], None] = lambda _: None
) -> Looked:
    """The plan of the next round. Its number is not judged here: that of the whole was, before anything went.

    A resource group that holds what is not ours to delete, such as a VM that was migrated to, is forgotten instead.
    """
    empty = replace(workspace, estate=emptied(workspace.estate))
    looked = look(empty, Inventory({}), cloud, engine, 0, say, scope=what.scope)
    made = looked.plan
    errors = tuple(e for e in made.errors if e.code != "WL330")
    steps = tuple(_left_alone(s, cloud) for s in made.steps)
    return replace(looked, plan=replace(made, steps=steps, errors=errors, asked=Asked(made.destroys, what.scope)))


def _left_alone(step: Step, cloud: Cloud) -> Step:
    if not isinstance(step, Delete) or step.kind is not Kind.RESOURCE_GROUP:
        return step
    others = cloud.in_group(step.id)
    if not others:
        return step
    listed = some([one.rpartition("/")[2] for one in others])
    return Forget(step.address, step.kind, step.needs, f"it stays with what is not ours to delete: {listed}", step.machine)


def emptied(estate: Estate) -> Estate:
    """The estate without machines; of its rules what limits destroying."""
    rules = tuple(
        Rule(r.name, r.why, (), r.max_destroys, spans=r.spans) for r in estate.rules if r.max_destroys is not None
    )
    return replace(estate, waves={}, machines={}, removed=(), rules=rules)


def _any(globs: tuple[str, ...], name: str) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)
