"""A running engine follows the files: other policies are handed over, only another place takes another engine."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from planner.estate import Login, SecretRef, Source, Span
from replication.model.record import Life
from replication.schedule import Policy
from replication.throttle import Throttle
from replication.windows import Blackout
from replication.windowtext import parse
from tests.engine.harness import Process, Run
from tests.fakes.world import APPLIANCE, World
from wavelift.hosting.engine import Events, Looks, Place, Told, follow
from wavelift.wiring import Wiring
from wavelift.workspace import Workspace

VC = Source("vc", "vc.corp.example", 443, Login(SecretRef("env", "VC"), SecretRef("env", "VC")))
PLACE = Place({"koreacentral": "https://gw/"}, ("sub",), (VC,))
FREE = Told(PLACE, {APPLIANCE: Policy()}, {APPLIANCE: Throttle()})
CLOSED = Told(PLACE, {APPLIANCE: Policy(blackout=Blackout(parse("Monday;0:00;7d")))}, {APPLIANCE: Throttle(5e7)})


def test_a_change_of_policies_is_handed_to_the_running_engine() -> None:
    """S13, S14: by editing files, in mid-cycle: the cycle goes on in its first attempt, and none starts after it."""
    world, said = World(), list[str]()
    world.add(size=512 * 1024)
    process, calls = Process(), 0

    def edited(_: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 6:
            assert follow(one.engine, FREE, CLOSED, said.append)

    process.hooks["replicas.write"] = edited
    one = Run(world, process)
    one.step()
    assert said == [f"other policies hold from now on: {APPLIANCE}; what is under way goes on"]
    record = world.record()
    assert (record.life, record.cycle, record.evidence[0].attempts) == (Life.DELTA, 1, 1)
    one.step()
    assert world.record().cycle == 1, "its window is closed now"
    assert follow(one.engine, CLOSED, FREE, said.append)
    one.step()
    assert world.record().cycle == 2
    one.end()


def test_another_place_takes_another_engine() -> None:
    """Only what an engine is made for: regions, subscriptions, sources."""
    one, said = Run(World()), list[str]()
    elsewhere = replace(PLACE, sources=(replace(VC, span=Span("estate.yaml", 9, 1)),))
    assert follow(one.engine, FREE, replace(FREE, place=elsewhere), said.append) and said == [], "a line further down"
    for place in (
        replace(PLACE, regions={}),
        replace(PLACE, subscriptions=("sub", "other")),
        replace(PLACE, sources=(VC, replace(VC, name="vc2"))),
        replace(PLACE, sources=(replace(VC, thumbprint="00" * 32),)),
    ):
        assert not follow(one.engine, FREE, replace(FREE, place=place), said.append)
    assert len(said) == 4
    one.end()


def test_an_outage_of_files_or_state_ends_no_engine_and_is_said_once(tmp_path: Path) -> None:
    """Weeks, 3: an engine runs for weeks. One that waited for its first apply, or was about to take another place, ended with
    the first look that failed; another said so every two seconds."""
    shutil.copytree("tests/cases/config/good-seoul", tmp_path / "estate")
    estate = tmp_path / "estate" / "estate.yaml"
    lines: list[str] = []
    wiring = Wiring(Workspace.open(estate.parent), "engine")
    looks = Looks(wiring, wiring.workspace.view().state, Events(lines.append))
    whole = estate.read_text()
    for text in ("estate: [", whole):
        estate.write_text(text)
        assert [looks.again() for _ in range(3)] == [text == whole] * 3
    state = Path(wiring.workspace.store.where)
    state.parent.mkdir(parents=True, exist_ok=True)
    state.mkdir()  # reading it is an OSError
    assert not looks.again()
    assert [line.count("going on as before") for line in lines] == [1, 0, 1] and "goes on, after" in lines[1]
