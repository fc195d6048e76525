"""Changes to the recorded state by hand: each under the lock, recorded with who and why it was; nothing outside is touched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from difflib import get_close_matches

from planner.config import LockedMachine
from planner.state import BadState, MachineState, Recorded, State, loads, same
from planner.store import Locked, Session
from planner.store.effects import Effect, ForgetMachine, Put, Remove, Renamed
from wavelift.problems import LOCKED, UserProblem
from wavelift.state.access import allowed
from wavelift.workspace import Workspace

MACHINE = "machine."


@contextmanager
def told(workspace: Workspace) -> Iterator[None]:
    """What a store raises as what a command says."""
    try:
        with allowed(workspace):
            yield
    except Locked as error:
        raise UserProblem(str(error), LOCKED) from error
    except BadState as error:
        raise UserProblem(str(error)) from error
    except OSError as error:
        raise UserProblem(f"the state {workspace.store.where} cannot be written: {error}") from error


@contextmanager
def changing(workspace: Workspace, doing: str, **about: str) -> Iterator[Session]:
    """The lock, for a change by hand. Refused while a cut-off apply has steps in doubt: only apply can settle those."""
    with told(workspace), workspace.store.session(f"state {doing}", about) as session:
        doubts = session.view.doubts
        if doubts:
            more = ", …" if len(doubts) > 1 else ""
            raise UserProblem(
                f"an apply was cut off and {len(doubts)} of its steps are in doubt ({doubts[0].address}{more}). "
                "Run `wavelift apply` first: it finds out what became of them. Nothing was changed."
            )
        yield session


def move(workspace: Workspace, source: str, to: str) -> str:
    """`machine.old machine.new`, or one address to another of the same kind."""
    with changing(workspace, "mv", source=source, to=to) as session:
        state = session.state
        if source.startswith(MACHINE) and to.startswith(MACHINE):
            machine = _machine(state, source)
            name = to.removeprefix(MACHINE)
            if not name or not name.isprintable() or name != name.strip():
                raise UserProblem(f"{to!r} names no machine. Nothing was changed.")
            if name in state.by_name():
                raise UserProblem(f"the state has a machine {name!r} already. Nothing was changed.")
            pinned = workspace.locked.get(name, machine.uuid)
            if pinned != machine.uuid:
                raise UserProblem(
                    f"wavelift.lock.yaml binds {name} to another VM ({pinned}) than that of {machine.name} ({machine.uuid}). "
                    f"Take {name} out of the estate and of wavelift.lock.yaml first. Nothing was changed."
                )
            session.do([Renamed(machine.uuid, machine.name, name)], to)
            _rename_lock(workspace, machine.name, name)
            lock = workspace.estate.lock_file
            return f"{machine.name} is called {name} in the state and in {lock}; call it so in the estate too"
        if source.startswith(MACHINE) or to.startswith(MACHINE):
            raise UserProblem("a machine moves to a machine: `wavelift state mv machine.OLD machine.NEW`. Nothing was changed.")
        recorded = _artifact(state, source)
        if to in state.artifacts:
            raise UserProblem(f"{to} is recorded already ({state.artifacts[to].id}). Nothing was changed.")
        kind = source.partition(".")[0]
        if to.partition(".")[0] != kind or to == kind:
            raise UserProblem(f"{to} is an address of another kind than {source}: name {kind}.… Nothing was changed.")
        session.do(_moved(state, recorded, to), to)
        return f"{source} is {to} now ({recorded.id})"


def _moved(state: State, recorded: Recorded, to: str) -> list[Effect]:
    """The artifact under its new address, and whatever depends on it with it."""
    effects: list[Effect] = [Remove(recorded.address), Put(replace(recorded, address=to))]
    for other in state.artifacts.values():
        if recorded.address in other.deps and other.address != recorded.address:
            deps = tuple(to if d == recorded.address else d for d in other.deps)
            effects.append(Put(replace(other, deps=deps)))
    return effects


def lost_by(state: State, addresses: list[str]) -> list[Recorded | MachineState]:
    """What `rm` of these would forget: a machine with all that is recorded of it. `UserProblem` for what is not there."""
    found: dict[str, Recorded | MachineState] = {}
    for address in addresses:
        if address.startswith(MACHINE):
            machine = _machine(state, address)
            found |= {r.address: r for r in state.artifacts.values() if r.machine == machine.name}
            found[address] = machine
        else:
            found[address] = _artifact(state, address)
    return list(found.values())


def forget(workspace: Workspace, addresses: list[str]) -> str:
    """Forget; whatever is outside stays there, and is the user's from now on."""
    with changing(workspace, "rm", addresses=" ".join(addresses)) as session:
        going = lost_by(session.state, addresses)
        effects: list[Effect] = [Remove(g.address) if isinstance(g, Recorded) else ForgetMachine(g.uuid) for g in going]
        session.do(effects, addresses[0])
        return f"forgotten: {len(going)}. Nothing outside was deleted; a plan adopts again what carries the estate's tags."


def rebind(workspace: Workspace, name: str, uuid: str, path: str) -> str:
    """The machine is another VM now (restored, or registered anew).

    Its replica cannot follow: what a restored VM has changed is not known. So the machine begins again under its new uuid,
    and what it had keeps its seeds under a name of its own, which a plan offers to stop (`--allow-destroy`).
    """
    asked = workspace.estate.machines.get(name)
    if asked is None:
        raise UserProblem(f"the estate has no machine {name!r}. Nothing was changed.")
    with changing(workspace, "rebind", machine=name, vm=path, uuid=uuid) as session:
        state = session.state
        holder = state.machines.get(uuid)
        if holder is not None and holder.life != "stopped":
            raise UserProblem(f"{path} is the VM of {holder.name} already. Nothing was changed.")
        old = state.by_name().get(name)
        said = f"{name} is {path} ({uuid}) from now on; commit {workspace.estate.lock_file}"
        if old is not None:
            if old.life in ("migrated", "completed", "released"):
                raise UserProblem(f"{name} is {old.life}: there is nothing to bind anew. Nothing was changed.")
            was = f"{name}-was-{old.uuid[-8:]}"
            session.do([Renamed(old.uuid, name, was)], f"{MACHINE}{was}")
            said += f". Its earlier replica is kept as {was}; plan shows how to destroy it"
        machines = {**workspace.lock.machines, name: LockedMachine(uuid, asked.source, path)}
        workspace.write_lock(machines)
        return said


def incoming(workspace: Workspace, data: bytes) -> tuple[State, State, list[str]]:
    """(state now, state of `data`, what would be lost and why a plain push refuses; [] for none)."""
    with told(workspace):
        view = workspace.store.read()
        state, now = loads(data, "the text to push"), view.state
    if view.base is None:
        return now, state, [] if state.lineage == now.lineage else [f"its lineage is {state.lineage}, not {now.lineage}"]
    why = []
    if state.lineage != now.lineage:
        why.append(f"its lineage is {state.lineage}, not {now.lineage}")
    if state.estate != now.estate:
        why.append(f"it is of estate {state.estate!r}, not {now.estate!r}")
    if state.serial < now.serial:
        why.append(f"its serial is {state.serial}, and {now.serial} is recorded")
    return now, state, why


def lost(now: State, new: State) -> list[str]:
    """Addresses whose record would be gone or other than it is."""
    gone = [a for a, r in now.artifacts.items() if new.artifacts.get(a) != r]
    return sorted(gone) + sorted(f"{MACHINE}{m.name}" for u, m in now.machines.items() if new.machines.get(u) != m)


def push(workspace: Workspace, state: State, now: State, **about: str) -> str:
    """Put it in place of `now`, under a serial above both."""
    with changing(workspace, "push", **about) as session:
        if session.state.serial != now.serial or not same(session.state, now):
            raise UserProblem("the state has moved meanwhile. Pull it again. Nothing was changed.")
        if same(state, now) and state.lineage == now.lineage:
            return f"it is what is recorded: serial {now.serial} stays"
        serial = max(now.serial, state.serial) + 1
        session.put(replace(state, serial=serial, estate=workspace.estate.name, history=now.history))
        return f"serial {serial} is recorded in {workspace.store.where}"


def _machine(state: State, address: str) -> MachineState:
    found = state.by_name().get(address.removeprefix(MACHINE))
    if found is None:
        raise _absent(address, [f"{MACHINE}{name}" for name in state.by_name()])
    return found


def _artifact(state: State, address: str) -> Recorded:
    found = state.artifacts.get(address)
    if found is None:
        raise _absent(address, state.artifacts)
    return found


def _absent(address: str, known: Iterable[str]) -> UserProblem:
    named = address if address.isprintable() and address else repr(address)
    close = get_close_matches(address, known, 3)
    meant = f" Did you mean {' or '.join(close)}?" if close else " `wavelift state list` shows what there is."
    return UserProblem(f"the state has no {named}.{meant} Nothing was changed.")


def _rename_lock(workspace: Workspace, old: str, new: str) -> None:
    machines = dict(workspace.lock.machines)
    if old in machines:
        machines[new] = machines.pop(old)
        workspace.write_lock(machines)
