"""What is known now and not recorded yet: what the engine has done since. Shown and kept by `--refresh-only`.

Only outcomes of the engine are recorded. What somebody else has changed or removed is told as drift and stays in the state as
we made it: a plan needs that to see what is missing (a seed disk that is gone is not simply made anew).
"""

from __future__ import annotations

from collections.abc import Iterator

from planner.state import MachineState
from planner.store.effects import Effect, Put, PutMachine, Remove, between
from wavelift.planning.look import Looked


def unrecorded(looked: Looked) -> list[Effect]:
    """The effects that bring the recorded state to what is known."""
    return between(looked.recorded, looked.state)


def told(looked: Looked) -> Iterator[str]:
    """A line for each effect, and one for each thing that was changed outside of wavelift."""
    for effect in unrecorded(looked):
        match effect:
            case Put(recorded):
                known = "recorded anew" if recorded.address in looked.recorded.artifacts else "recorded"
                yield f"= {recorded.address}: {known}, {recorded.id}"
            case Remove(address):
                yield f". {address}: taken out of the state, the engine has removed it"
            case PutMachine(machine):
                yield f"= {machine.name}: {_changed(looked.recorded.machines.get(machine.uuid), machine)}"
    for note in looked.plan.drift:
        yield f"! {note.machine}: {note.what} ({note.why}); stays in the state as it was made"


def _changed(before: MachineState | None, now: MachineState) -> str:
    if before is None:
        return f"{now.life}, order {now.orders}"
    parts = [f"{before.life} -> {now.life}"] if before.life != now.life else []
    parts += [f"order {before.orders} -> {now.orders}"] if before.orders != now.orders else []
    return ", ".join(parts) or "details of its last order"
