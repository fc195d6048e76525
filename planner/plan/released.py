"""A released machine that the files still hold, or hold again: it is not made once more, and its line says what to write."""

from __future__ import annotations

from datetime import UTC, datetime

from planner.estate import Diagnostic, Machine, Phase
from planner.state import MachineState


def is_released(machine: MachineState | None) -> bool:
    return machine is not None and machine.life == "released"


def told(machine: MachineState) -> str:
    """When, by whom and why a machine was released."""
    said = machine.released
    at = datetime.fromtimestamp(float(said.get("at", 0.0)), UTC)
    return f"{at:%Y-%m-%d %H:%M} UTC by {said.get('who', 'somebody')} ({said.get('why', '')})"


def still_asked(machine: MachineState, asked: Machine) -> Diagnostic:
    """WL530, a remark: its phase is behind it, nothing is done. WL531: it is asked to replicate, which would begin anew."""
    name, path = asked.name, f"waves.{asked.wave}.machines.{asked.name}"
    span = asked.spans.get("phase") or asked.span
    if asked.phase.rank < Phase.MIGRATE.rank:
        detail = (
            f"{name} was released {told(machine)}; phase {asked.phase.value!r} would replicate it once more. Take it out of the "
            f"files; or, if that is meant, `wavelift release {name} --undo --why …` first, and give its new VM another name."
        )
        return Diagnostic("WL531", "a released machine is asked for again", detail, path, span)
    detail = f"{name} was released {told(machine)}: wavelift does nothing with it any more. Take it out of the files."
    return Diagnostic("WL530", "released, and still in the files", detail, path, asked.span, severity="warning")
