"""Who releases its snapshot so that others on its datastore do not wait for hours (S9.3, S8.5)."""

from __future__ import annotations

from dataclasses import replace

from replication.model.record import CycleKind
from replication.schedule import Candidate, Policy, Running, give_way
from replication.windows import Blackout
from replication.windowtext import parse

NOW, HOUR = 1_000_000.0, 3600.0
POLICIES = {"gw": Policy()}
GIANT = Running("giant", "giant", "gw", "esx-1", 8, {"ds-1": 18}, CycleKind.INITIAL, NOW - HOUR)


def asks(want: CycleKind, store: str = "ds-1", **more: object) -> Candidate:
    given: dict[str, object] = {"queued_since": NOW - 60, "ready_at": NOW - 60, **more}
    return Candidate("m", "web-01", "gw", "esx-2", 1, {store: 1}, want, **given)  # type: ignore[arg-type]  # the test's words


def test_for_a_migration_it_gives_way_at_once() -> None:
    told = give_way(POLICIES, NOW, [asks(CycleKind.ON_DEMAND)], [GIANT])
    assert list(told) == ["giant"] and "ds-1" in told["giant"] and "web-01" in told["giant"]
    assert list(give_way(POLICIES, NOW, [asks(CycleKind.FINAL)], [GIANT])) == ["giant"]


def test_for_others_when_they_are_overdue_and_it_has_had_its_turn() -> None:
    late = asks(CycleKind.DELTA, queued_since=NOW - 5 * HOUR, ready_at=NOW - 5 * HOUR)
    assert give_way(POLICIES, NOW, [late], [GIANT]) == {}
    assert give_way(POLICIES, NOW, [asks(CycleKind.DELTA)], [replace(GIANT, started=NOW - 5 * HOUR)]) == {}
    assert list(give_way(POLICIES, NOW, [late], [replace(GIANT, started=NOW - 5 * HOUR)])) == ["giant"]


def test_nobody_else_ever_gives_way() -> None:
    """Not for another datastore, not what is no initial cycle, not a machine that shares its datastore like all."""
    urgent = asks(CycleKind.ON_DEMAND)
    assert give_way(POLICIES, NOW, [asks(CycleKind.ON_DEMAND, "ds-2")], [GIANT]) == {}
    assert give_way(POLICIES, NOW, [urgent], [replace(GIANT, kind=CycleKind.DELTA)]) == {}
    assert give_way(POLICIES, NOW, [urgent], [replace(GIANT, datastores={"ds-1": 15})]) == {}
    assert give_way({}, NOW, [urgent], [GIANT]) == {}


def test_not_for_one_that_may_not_start_anyway() -> None:
    """Held, not due, or in a blackout window: giving way would help nobody."""
    assert give_way(POLICIES, NOW, [asks(CycleKind.ON_DEMAND, hold="INC-1")], [GIANT]) == {}
    assert give_way(POLICIES, NOW, [asks(CycleKind.ON_DEMAND, ready_at=NOW + 1)], [GIANT]) == {}
    shut = {"gw": Policy(blackout=Blackout(parse("Monday;0:00;7d"), "UTC"))}
    assert give_way(shut, NOW, [asks(CycleKind.ON_DEMAND)], [GIANT]) == {}
    assert list(give_way(shut, NOW, [asks(CycleKind.ON_DEMAND, in_blackout="override")], [GIANT])) == ["giant"]
