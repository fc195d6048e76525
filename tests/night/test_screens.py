"""users.md screen 3 and The weeks 16, 18, 25: the night's table, go/no-go, what a snapshot took, the way to a test's console."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from replication import reporting
from replication.model import jsonform
from replication.model.documents import load_evidence, load_order, load_status, order_name, status_name
from replication.model.errors import Temporary
from replication.model.item import Cutover, OrderKind
from replication.model.record import CycleKind, Evidence, SnapshotTimes
from replication.reportpage import snapshot_rows
from tests.engine.harness import Process, Rule, Run, outcome, replicated, run
from tests.fakes.world import World
from wavelift.cli import churn
from wavelift.watching.card import card
from wavelift.watching.golist import listed
from wavelift.watching.live import Watch
from wavelift.watching.night import Cut, nights
from wavelift.watching.nighttext import go_lines, lines
from wavelift.watching.overview import head
from wavelift.watching.snapshots import cycle_lines, trial_lines
from wavelift.watching.tables import table

HOUR = 3600.0


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    made.add(size=256 * 1024)
    replicated(made)
    made.guest_writes("m1")
    yield made


def cut(world: World, machine: str = "m1") -> Cut:
    """As `wavelift.watching.cutovers` reads it, from the engine's documents."""
    record = world.record(machine)
    assert record.order is not None
    order, status = world.documents.get(order_name(machine, record.order.number)), world.documents.get(status_name(machine))
    assert order is not None
    return Cut(f"shop-{machine}", "shop", record, load_order(order[0]), load_status(status[0]) if status else None)


def windowed(world: World, **more: Any) -> float:
    opens = world.clock.now() + 10 * HOUR
    world.order("m1", 1, OrderKind.MIGRATE, cutover=Cutover(opens=opens, closes=opens + 4 * HOUR, ahead=4 * HOUR, **more))
    return opens


def test_the_night_shows_what_the_engine_decides_by(world: World) -> None:
    """Screen 3: window end, latest safe power-off from the gate's own p90, executor with its lease, steps, down, way back."""
    opens = windowed(world, downtime=1800.0)
    one = Run(world)
    one.until(lambda: "p90" in cut(world).progress.facts if world.record("m1").order else False, steps=900, pause=60.0)
    one.step()
    now = world.clock.now()
    (night,) = nights([cut(world)], now)
    facts = cut(world).progress.facts
    assert night["latest_power_off"] == opens + 4 * HOUR - float(facts["p90"]) and night["lease"] is not None
    text = list(lines(night))
    assert text[0].startswith("CUT-OVER NIGHT shop") and "latest safe power-off" in text[0] and "lease" in text[0]
    assert "budget (est)" in text[1] and "30:00" in text[2] and "0:00" in text[2]
    assert text[-1] == "WAY BACK NOW: shop-m1: the source runs, no data lost"
    one.until(outcome(world, 1), steps=900, pause=60.0)
    one.end()
    (after,) = nights([cut(world)], world.clock.now())
    assert after["machines"]["shop-m1"]["ready"] and after["machines"]["shop-m1"]["powered_off"] >= opens
    assert "what was written in Azure" in list(lines(after))[-1]
    assert nights([cut(world)], opens + 5 * HOUR) == []


def test_the_source_is_off_and_the_night_says_what_a_way_back_costs(world: World) -> None:
    """Weeks, 28: off, its VM refused: down goes on counting, no latest power-off any more, the way back with its price."""
    world.order("m1", 1, OrderKind.MIGRATE, cutover=Cutover(downtime=1e6))
    process = Process((Rule("cloud.create_vm", "permanent", 1, 1000),))
    one = Run(world, process)
    one.until(lambda: process.names["cloud.create_vm"] >= 2)
    one.end()
    world.clock.advance(125.0)
    (night,) = nights([cut(world)], world.clock.now())
    row = night["machines"]["shop-m1"]
    assert row["down"] >= 125 and row["latest_power_off"] is None and row["steps"][1]["state"] in ("done", "running")
    text = list(lines(night))
    assert "about 2 min (assumed), no data lost" in text[-1] and "TROUBLE: " in text[2]


def test_go_or_no_go_an_hour_before(world: World) -> None:
    """Weeks, 25: a list of its own, machine by machine, check by check; a no-go says which and why."""
    opens = windowed(world, downtime=1800.0)
    one = Run(world)
    one.until(lambda: world.clock.now() >= opens - HOUR + 200, steps=900, pause=60.0)
    one.step()
    (found,) = listed([cut(world)], world.clock.now())
    assert found["go"], found
    assert found["checked"] >= opens - HOUR and found["last_delta"] >= 0 and found["lag"] is not None
    assert next(iter(go_lines([found]))).startswith("GO / NO-GO   1 GO · 0 NO-GO")
    dead = listed([cut(world)], world.clock.now() + 300)[0]
    assert not dead["go"] and any("engine: no: silent" in line for line in go_lines([dead]))
    one.end()


def test_a_no_go_names_its_check(world: World) -> None:
    """Weeks, 25: a quota that is gone an hour before; the order has ended, and the list says so until the window's end."""
    opens = windowed(world)
    one = Run(world)
    one.until(lambda: "secured" in cut(world).progress.facts if world.record("m1").order else False, steps=900, pause=60.0)
    world.cloud.problems = ["quota: 0 of 8 cores of Standard_A are left"]
    one.until(outcome(world, 1), steps=900, pause=60.0)
    one.end()
    (found,) = listed([cut(world)], world.clock.now())
    assert not found["go"]
    assert any("azure" in line and "quota: 0 of 8" in line for line in go_lines([found]))
    assert listed([cut(world)], opens + 5 * HOUR) == []


def test_how_long_a_snapshot_took_is_evidence(world: World) -> None:
    """Weeks, 16: taking and removing are measured in each cycle, told as what they are, and kept as a document."""
    newest = world.record("m1").evidence[0]
    assert newest.snapshot is not None and newest.snapshot.take is not None and newest.snapshot.remove is not None
    told = list(cycle_lines(world.record("m1")))
    assert "taken in" in told[0] and "removed in" in told[0] and "stuns lie within" in told[-1]


def test_a_report_of_before_still_has_its_bytes() -> None:
    """What was signed without the measurement is written as it was: the digest of a section stays."""
    old = Evidence(1, CycleKind.DELTA, "a", 1, 0.0, 1.0, 0.5, ())
    assert "snapshot" not in jsonform.plain(old) and "snapshot_seconds" in jsonform.plain(old)
    new = Evidence(1, CycleKind.DELTA, "a", 1, 0.0, 1.0, 0.5, (), snapshot=SnapshotTimes(0.1, None, False))
    text = jsonform.dumps("evidence", 1, new)
    assert load_evidence(text) == new and reporting.SCHEMA == 1


def test_a_test_s_isolation_and_console_are_printed(world: World) -> None:
    """Weeks, 18: what "isolated" asserted, the serial console, the portal's address, the private address and its subnet."""
    world.order("m1", 1, OrderKind.TEST)
    run(world, outcome(world, 1))
    one = cut(world)
    text = "\n".join(trial_lines(one.record, one.order, "shop-m1"))
    for words in ("isolated: no peering", "az serial-console connect", "portal.azure.com", "network: ", "test accept shop-m1"):
        assert words in text, text


def test_times_are_the_estate_s_and_not_the_host_s(world: World) -> None:
    """Screens 3 and 4: the same minute on every host, with its zone's name."""
    world.order("m1", 1, OrderKind.MIGRATE, cutover=Cutover(downtime=1e6))
    one = Run(world, Process((Rule("cloud.create_vm", "permanent", 1, 1000),)))
    one.until(lambda: world.record("m1").order is not None and "trouble" in cut(world).progress.facts)
    one.end()
    found = cut(world)
    off = float(found.progress.facts["powered_off"])
    seoul = datetime.fromtimestamp(off, ZoneInfo("Asia/Seoul"))
    (night,) = nights([found], off)
    assert next(lines(night, "Asia/Seoul")).startswith(f"CUT-OVER NIGHT shop   {seoul:%H:%M} KST")
    told = "\n".join(card(found.record, "m1", off, zone="Asia/Seoul"))
    assert f"OFF since {seoul:%a %d %b %H:%M} KST" in told
    assert f"OFF since {datetime.fromtimestamp(off, UTC):%a %d %b %H:%M} UTC" in "\n".join(card(found.record, "m1", off))


def test_a_reason_is_told_in_full_once() -> None:
    """NEEDS YOU has the reason, cut where it is beyond all measure; the machine's own line in the table only says so."""
    why = "Azure said that the zone has no such size " * 3
    row = {"machine": "db", "state": "migration in progress", "heartbeat": 1.0, "problem": why, "needs": f"db: {why}"}
    row |= {"wave": "shop", "asked": "migrate"}
    assert list(head([row]))[-1] == f"  db: {why.strip()} -> wavelift status db"
    console = Console(width=400, record=True, file=io.StringIO())
    console.print(table([row], "Asia/Seoul"))
    drawn = console.export_text()
    assert "Azure said" not in drawn and "NEEDS YOU, above" in drawn
    long = list(head([row | {"problem": why * 9}]))[-1]
    assert len(long) < 300 and long.endswith("… -> wavelift status db")


def test_a_slow_reading_does_not_hold_the_clock() -> None:
    """Screen 3, `--watch`: what was read last is shown with its age; a failed reading is told, and tried again."""
    asked, go = threading.Event(), threading.Event()
    answers: Iterator[int | Temporary] = iter((1, Temporary("no answer"), 2))

    def read() -> int:
        one = next(answers, 3)
        if one != 1:
            asked.set()
            assert go.wait(10)
        if isinstance(one, Temporary):
            raise one
        return one

    with Watch(read, 0.0) as watch:
        assert asked.wait(10) and watch.seen.value == 1 and not watch.seen.trouble
        at = watch.seen.at
        go.set()
        until = time.monotonic() + 10
        while (seen := watch.seen).value == 1 and time.monotonic() < until:
            assert seen.at == at and seen.trouble in ("", "no answer")
        assert seen.value in (2, 3) and not seen.trouble and seen.at >= at


def test_a_chain_is_counted_in_the_latest_safe_power_off(world: World) -> None:
    """Screen 3: what must be ready before others leaves them the time that they need, link by link; who is off no more."""
    opens = world.clock.now() + HOUR
    base = windowed(world)
    Run(world).step()
    first = cut(world)
    assert base > opens

    def linked(name: str, after: str | None, **facts: str) -> Cut:
        at = replace(first.order.cutover, opens=opens, closes=opens + HOUR, start_after=after)
        progress = replace(first.progress, facts={"p50": "300", "p90": "600", **facts})
        return Cut(name, "shop", replace(first.record, machine=name, order=progress), replace(first.order, cutover=at), None)

    cuts = [linked("web", "app"), linked("db", None), linked("app", "db")]
    (night,) = nights(cuts, opens)
    latest = {name: row["latest_power_off"] for name, row in night["machines"].items()}
    end = opens + HOUR
    assert latest == {"web": end - 600, "app": end - 1200, "db": end - 1800} and night["latest_power_off"] == end - 1800
    (later,) = nights([cuts[0], linked("db", None, powered_off=str(opens)), cuts[2]], opens)
    assert later["machines"]["db"]["latest_power_off"] is None and later["latest_power_off"] == end - 1200


def test_snapshot_times_are_on_every_screen_of_cycles(world: World) -> None:
    """Weeks, 16: `churn` and the integrity report's page say them, too; a cycle without them says nothing."""
    world.order("m1", 1, OrderKind.MIGRATE)
    run(world, outcome(world, 1))
    record = world.record("m1")
    assert any("snapshot taken in" in line and "removed in" in line for line in churn.lines(churn.row("m1", record)))
    bare = replace(record, evidence=tuple(replace(one, snapshot=None) for one in record.evidence))
    assert not any("snapshot" in line for line in churn.lines(churn.row("m1", bare)))
    assert len(list(snapshot_rows(record.evidence[0]))) == 1 and not list(snapshot_rows(bare.evidence[0]))
