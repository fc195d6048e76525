"""What the engine has said of every machine, as one plain value each: what `status`, its checks, metrics and bundles read."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from planner.state import State
    from replication.model.status import Status
    from wavelift.wiring import Wiring
    from wavelift.workspace import Workspace


def rows(workspace: Workspace, wiring: Wiring, now: float) -> list[dict[str, Any]]:
    """One plain value per machine of the estate, in its order; times are unix seconds, sizes bytes."""
    from wavelift.planning.look import gateways

    state = workspace.view().state
    statuses: dict[str, Status] = {}
    for account in gateways(state).values():
        statuses.update(wiring.engine.statuses(account))
    return [_row(workspace, state, name, statuses, now) for name in workspace.estate.machines]


def _row(workspace: Workspace, state: State, name: str, statuses: dict[str, Status], now: float) -> dict[str, Any]:
    machine = workspace.estate.machines[name]
    pinned = workspace.locked.get(name)
    known = state.machines.get(pinned) if pinned else None
    said = statuses.get(pinned) if pinned else None
    row: dict[str, Any] = {"wave": machine.wave, "machine": name, "asked": machine.phase.value}
    row["in_blackout"] = machine.cutover.in_blackout
    item = state.artifacts.get(f"replication.{name}")
    row["appliance"] = str(item.spec.get("appliance", "")) if item else ""
    row["tested"] = f"test_vm.{name}" in state.artifacts or (said is not None and said.order == "test")
    if said is None:
        return row | {
            "state": "not applicable" if known is None or known.life != "replicating" else "waiting for the engine",
            "life": known.life if known else None,
        }
    needs = " · ".join(text for text in (said.hold, said.problem) if text)
    return row | {
        "state": said.state.value,
        "step": said.step,
        "order": said.order,
        "detail": said.detail,
        "hold": said.hold,
        "needs": f"{name}: {needs} -> wavelift status {name}" if said.needs else "",
        "cycle": said.cycle,
        "cycle_kind": said.cycle_kind,
        "progress": said.progress,
        "rate": said.rate,
        "line": said.line,
        "line_limit": said.line_limit,
        "lag": None if said.recovery_point is None else max(0.0, now - said.recovery_point),
        "next_cycle": said.next_cycle,
        "held": said.held,
        "problem": said.problem,
        "notice": said.notice,
        "forecast": dict(said.forecast),
        "heartbeat": max(0.0, now - said.written),  # it may have been written while this is read
        "life": known.life if known else None,
    }


def with_nights(workspace: Workspace, wiring: Wiring) -> list[dict[str, Any]]:
    """The rows; machines of a wave that is being cut over have `cutover`, `night` and `go_no_go` with them."""
    from wavelift.watching.cutovers import read, waves_on
    from wavelift.watching.golist import listed
    from wavelift.watching.night import nights

    now = time.time()
    found = rows(workspace, wiring, now)
    cuts = read(workspace, wiring, waves_on(found))
    go = {one["machine"]: one for one in listed(cuts, now, workspace.estate.time_zone)}
    for night in nights(cuts, now):
        whole = {key: value for key, value in night.items() if key != "machines"}
        for row in found:
            if row["machine"] in night["machines"]:
                row["cutover"], row["night"] = night["machines"][row["machine"]], whole
    for row in found:
        if row["machine"] in go:
            row["go_no_go"] = go[row["machine"]]
    return found
