"""What a forecast warns of: a cut-over that will not fit into its window or its budget, or that may never begin."""

from __future__ import annotations

from planner.estate import Diagnostic, Estate, Machine
from wavelift.forecasting.model import Forecast


def warnings(estate: Estate, found: Forecast) -> tuple[Diagnostic, ...]:
    out = []
    for one in found.cutovers:
        machine = estate.machines[one.machine]
        span = machine.spans.get("cutover") or machine.span
        if one.short:
            detail = f"{one.machine}: {one.short}. Choose a longer one, or a time when the guest writes less."
            out.append(Diagnostic("WL488", "cut-over will not fit", detail, _path(machine), span, severity="warning"))
        elif one.legal.at is None and machine.hold is None:
            detail = f"{one.machine} has no legal start: {'; '.join(one.legal.why)}. Give it another window."
            out.append(Diagnostic("WL489", "cut-over may never begin", detail, _path(machine), span, severity="warning"))
    return tuple(out)


def _path(machine: Machine) -> str:
    return f"waves.{machine.wave}.machines.{machine.name}.cutover"
