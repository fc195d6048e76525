"""`StateStore`: one suite for a file and for blobs (in memory, in the lab's Azure, in Azurite where it is installed).

Issue 4, "State for a team": `azure_blob` beside `local`, one conformance suite for both.
"""

from __future__ import annotations

import json
import multiprocessing
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from planner.artifact import Kind
from planner.state import BadState, Recorded, State, dumps, loads
from planner.store import LeasedStore, Locked, Session, StateStore, holder
from planner.store.effects import Put, Remove
from planner.store.lease import Pace
from tests.conformance.state_places import LINEAGE, BlobPlace, Killed, Meanwhile, Place, places
from tests.fakes.stateblobs import FakeStateBlobs


@pytest.fixture(
    scope="module", params=["file", "fake", "lab", pytest.param("azurite", marks=pytest.mark.thirdparty)]
)
def maker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], Place]]:
    with places(request.param, tmp_path_factory.mktemp(request.param)) as made:
        yield made


@pytest.fixture
def place(maker: Callable[[Path], Place], tmp_path: Path) -> Place:
    return maker(tmp_path)


def thing(name: str, **spec: object) -> Recorded:
    return Recorded(f"vm.{name}", Kind.VM, f"/vm/{name}", spec, ("nic.x",), {"a": 1})


def step(store: StateStore, *names: str) -> None:
    """An apply with one step for each name."""
    with store.session("apply", {"digest": "d1"}) as session:
        session.take_doubts()
        for name in names:
            session.journal.intent(f"vm.{name}", "Create")
            effects = [Put(thing(name))]
            session.journal.done(f"vm.{name}", effects)
            session.record(effects)


def test_what_was_never_written(place: Place) -> None:
    view = place.store().read()
    assert (view.state, view.interrupted, view.base) == (State(LINEAGE, 0, "shop"), False, None)


def test_recorded_read_again_and_the_serial_rises_with_a_change(place: Place) -> None:
    step(place.store(), "one", "two")
    first = place.store().read()
    assert (first.state.serial, sorted(first.state.artifacts), first.interrupted) == (1, ["vm.one", "vm.two"], False)
    step(place.store(), "three")
    assert place.store().read().state.serial == 2
    step(place.store(), "three")
    assert place.store().read().state.serial == 2, "the same again is no change"
    with place.store().session("nothing") as session:
        session.replace(session.state, "engine")
    assert place.store().read().state.serial == 2


def test_the_history_says_who_when_and_what(place: Place) -> None:
    """Issue 4: history lists serials with when, who and what."""
    step(place.store(), "one")
    step(place.store(), "two")
    told = place.store().read().state.history
    assert [(c.serial, c.doing, c.about["digest"]) for c in told] == [(1, "apply", "d1"), (2, "apply", "d1")]
    assert all(c.who and c.host and c.at > 1e9 for c in told)


def test_the_lock_is_held_by_one_and_read_needs_none(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 4: the holder's name, host and link are shown to whoever is refused."""
    monkeypatch.setenv("WAVELIFT_WHO", "kim@example.com")
    for name, value in (("GITHUB_RUN_ID", "77"), ("GITHUB_SERVER_URL", "https://ci"), ("GITHUB_REPOSITORY", "o/r")):
        monkeypatch.setenv(name, value)
    with place.store().session("apply") as session:
        session.journal.intent("vm.one", "Create")
        view = place.store().read()
        assert view.interrupted and [d.address for d in view.doubts] == ["vm.one"]
        with pytest.raises(Locked) as refused, place.store().session("apply"):
            raise AssertionError("two hold the lock")
        assert "kim@example.com on " in str(refused.value)
        assert "https://ci/o/r/actions/runs/77" in str(refused.value)
        with pytest.raises(Locked):
            place.store().unlock()
        who = place.store().held()
        assert who is not None and (who.user, who.doing, who.link.rpartition("/")[2]) == ("kim@example.com", "apply", "77")
    assert place.store().held() is None
    with place.store().session("apply"):
        pass
    assert "Nobody holds" in place.store().unlock()


def test_many_threads_write_one_journal(place: Place) -> None:
    """Every intent is durable when it returns; effects are in the order in which they were written."""
    with place.store().session("apply") as session:

        def work(number: int) -> None:
            session.journal.intent(f"vm.{number}", "Create")
            session.journal.done(f"vm.{number}", [Put(thing(str(number)))])

        threads = [threading.Thread(target=work, args=(n,)) for n in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        session.record([Put(thing(str(n))) for n in range(20)])
    assert len(place.store().read().state.artifacts) == 20


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_every_call(place: Place, maker: Callable[[Path], Place], tmp_path: Path, after: bool) -> None:
    """Issue 4: a crash at every point. Nothing that was announced is lost, nothing is announced that was not, and the next
    session goes on from there."""
    served = not isinstance(getattr(place, "blobs", None), FakeStateBlobs | None)
    for number in range(1 + after, 60, 5 if served else 1):  # a server takes its time, and the fake has shown each
        (tmp_path / str(number)).mkdir()
        here = maker(tmp_path / str(number))
        step(here.store(), "old")
        began: list[str] = []
        try:
            with here.store_killed_at(number, after).session("apply") as session:
                for name in ("one", "two"):
                    session.journal.intent(f"vm.{name}", "Create")
                    began.append(f"vm.{name}")
                    session.journal.done(f"vm.{name}", [Put(thing(name))])
                    session.record([Put(thing(name))])
        except Killed:
            pass  # as it was meant to
        else:
            assert number > 5
            return
        here.holder_died()
        view = here.store().read()
        known = {*view.state.artifacts, *(d.address for d in view.doubts)}
        assert {"vm.old", *began} <= known, f"killed at call {number}"
        assert known <= {"vm.old", "vm.one", "vm.two"}
        assert view.state.serial in (1, 2)
        step(here.store(), "three")
        again = here.store().read()
        assert not again.interrupted
        assert {"vm.old", "vm.three"} <= set(again.state.artifacts)
        assert view.state.artifacts.keys() <= again.state.artifacts.keys()
        assert view.state.serial < again.state.serial <= 3, "one rise for each session that changed something"
    raise AssertionError("it never came to its end")


def test_a_state_that_lost_its_lock_writes_nothing_more(place: Place) -> None:
    """Issue 4: a holder who lost its lease can write nothing more. (A file's lock goes with the process only.)"""
    if not hasattr(place, "blobs"):
        pytest.skip("a file's lock cannot be lost")
    lost = threading.Event()
    with pytest.raises(Locked, match="was lost"), place.store().session("slow") as slow:
        slow.when_lost(lost.set)
        slow.journal.intent("vm.slow", "Create")
        place.holder_died()
        with place.store().session("quick") as quick:
            assert [d.address for d in quick.view.doubts] == ["vm.slow"], "what was begun is known to the next"
            quick.take_doubts()
            with pytest.raises(Locked, match="was lost"):
                slow.journal.intent("vm.late", "Create")
            assert lost.is_set()
            quick.journal.done("vm.quick", [Put(thing("quick"))])
            quick.record([Put(thing("quick"))])
        slow.record([Put(thing("late"))])
    view = place.store().read()
    assert (sorted(view.state.artifacts), view.interrupted) == (["vm.quick"], False)


def test_stopped_before_every_call_for_longer_than_its_lease() -> None:
    """Issue 4, fencing on every write: SIGSTOP, another works, SIGCONT. Its own clock has seen nothing (it looked just before):
    what the other has journalled and recorded stays, whatever the first one still sends."""
    pace = Pace(renew=1000)
    for number in range(1, 60):
        place = BlobPlace(FakeStateBlobs())
        step(place.store(), "old")
        others = ExitStack()
        theirs: list[Session] = []

        def colleague(place: BlobPlace = place, others: ExitStack = others, theirs: list[Session] = theirs) -> None:
            place.holder_died()
            theirs.append(others.enter_context(place.store().session("apply")))
            theirs[0].take_doubts()
            theirs[0].journal.intent("vm.two", "Create")

        late = cast(FakeStateBlobs, Meanwhile(place.blobs, number, colleague))
        over = False
        with suppress(Locked, OSError, BadState):
            step(LeasedStore(late, place.key, "shop", LINEAGE, pace), "one")
            over = not theirs
        if over:
            assert number > 10
            return
        with others:
            theirs[0].do([Put(thing("two"))], "vm.two")
        view = place.store().read()
        assert {"vm.old", "vm.two"} <= set(view.state.artifacts), f"stopped before call {number}"
        assert not view.interrupted
    raise AssertionError("it never came to its end")


def test_an_older_state_that_was_put_back_is_seen(place: Place) -> None:
    """Issue 4: a backup, an earlier version or a snapshot of the blob in the place of the state; and one that was deleted."""
    step(place.store(), "one")
    old = place.content()
    step(place.store(), "two")
    new = place.content()
    place.overwrite(old)
    for _ in range(2):
        with pytest.raises(BadState, match=r"is at serial 1, an older one was put back: serial 2 was recorded here.*WL425"):
            place.store().read()
        with pytest.raises(BadState, match="WL425"), place.store().session("apply"):
            raise AssertionError("opened")
    place.overwrite(new)
    assert sorted(place.store().read().state.artifacts) == ["vm.one", "vm.two"]
    place.remove()
    with pytest.raises(BadState, match=r"is gone: serial 2 was recorded here") as gone:
        place.store().read()
    place.overwrite(old)
    mark = re.search(r"delete (\S+):", str(gone.value))
    assert mark is not None
    place.remove(mark[1])
    step(place.store(), "three")
    assert sorted(place.store().read().state.artifacts) == ["vm.one", "vm.three"], "whoever has nothing newer goes on with it"


def test_a_journal_outlives_an_earlier_version_of_its_state(place: Place) -> None:
    """The blob's metadata say an earlier epoch than the journal beside it (a version from before the apply was put back)."""
    step(place.store(), "old")
    before = place.content()
    with pytest.raises(Killed), place.store_killed_at(1000, False).session("apply") as session:
        session.journal.intent("vm.one", "Create")
        raise_dead(session)
    place.holder_died()
    place.remove()
    place.overwrite(before)
    with place.store().session("apply") as session:
        assert [d.address for d in session.view.doubts] == ["vm.one"]


def test_a_second_crash_goes_on_with_the_first_journal(place: Place) -> None:
    """An interrupted apply's journal is inherited, however often it is cut off."""
    step(place.store(), "old")
    for name in ("one", "two", "three"):
        with pytest.raises((Killed, OSError)), place.store_killed_at(1000, False).session("apply") as session:
            session.journal.intent(f"vm.{name}", "Create")
            session.journal.done(f"vm.{name}", [Put(thing(name))])
            session.journal.intent("vm.doubt", "Create")
            raise_dead(session)
        place.holder_died()
    view = place.store().read()
    assert sorted(view.state.artifacts) == ["vm.old", "vm.one", "vm.three", "vm.two"]
    assert [d.address for d in view.doubts] == ["vm.doubt"]
    with place.store().session("record outcomes") as session:
        session.do([Put(thing("four"))], "engine")
    with pytest.raises(ZeroDivisionError), place.store().session("state mv"):
        raise ZeroDivisionError
    kept = place.store().read()
    assert sorted(kept.state.artifacts) == ["vm.four", "vm.old", "vm.one", "vm.three", "vm.two"]
    assert [d.address for d in kept.doubts] == ["vm.doubt"], "only an apply, which settles them, may fold doubts away"
    with place.store().session("apply") as session:
        session.take_doubts()
    assert (place.store().read().state.serial, place.store().read().interrupted) == (2, False)


def test_what_was_begun_and_has_no_result_stays_in_doubt(place: Place) -> None:
    """Issue 4: a second Ctrl-C leaves at once, in the middle of calls: their announcements and tokens outlive it."""
    step(place.store(), "old")
    with pytest.raises(KeyboardInterrupt), place.store().session("apply") as session:
        session.take_doubts()
        for name in ("one", "two"):
            session.journal.intent(f"vm.{name}", "Create")
            session.journal.token(f"vm.{name}", f"token-{name}")
        session.do([Put(thing("one"))], "vm.one")
        raise KeyboardInterrupt
    view = place.store().read()
    assert (sorted(view.state.artifacts), [d.token for d in view.doubts]) == (["vm.old", "vm.one"], ["token-two"])
    step(place.store(), "two")
    assert (place.store().read().state.serial, place.store().read().interrupted) == (2, False)


def raise_dead(session: object) -> None:
    """The process ends: closing the session does not happen."""
    session.close = lambda: None  # type: ignore[attr-defined]  # what a kill does
    raise Killed


def test_a_state_of_others_or_damaged_is_refused_and_kept(place: Place) -> None:
    """Issue 4: damaged or newer-format state is refused with what to do (WL42x)."""
    step(place.store(), "one")
    good = json.loads(place.content())
    for text, code in (
        ("{", "WL420"),
        (json.dumps({**good, "version": 9, "wavelift": "7.0"}), "WL421"),
        (json.dumps({**good, "estate": "other"}), "WL422"),
        (json.dumps({**good, "artifacts": []}), "WL420"),
    ):
        place.overwrite(text.encode())
        with pytest.raises(BadState, match=code):
            place.store().read()
        with pytest.raises(BadState, match=code), place.store().session("apply"):
            raise AssertionError("opened")
        assert place.content() == text.encode()


def test_removing_is_recorded_too(place: Place) -> None:
    step(place.store(), "one", "two")
    with place.store().session("apply") as session:
        session.do([Remove("vm.one")], "vm.one")
    assert sorted(place.store().read().state.artifacts) == ["vm.two"]


def test_the_whole_state_can_be_replaced(place: Place) -> None:
    """`state push`: another content under a serial of the caller's, and nothing of it is written twice."""
    step(place.store(), "one")
    with place.store().session("state push") as session:
        session.put(State(LINEAGE, 5, "shop", {"vm.two": thing("two")}))
    found = place.store().read()
    assert (found.state.serial, sorted(found.state.artifacts), found.interrupted) == (5, ["vm.two"], False)
    assert loads(dumps(found.state), "x") == found.state
    assert found.state.history[-1].doing == "state push"


def test_a_dead_holder_of_this_machine_keeps_nobody_out(place: Place) -> None:
    """Issue 4: kill -9 of an apply: the next one on the same machine need not wait for the end of the lease."""
    if not isinstance(place, BlobPlace):
        pytest.skip("the kernel gives a file's lock back")
    step(place.store(), "one")
    dying = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(60,))
    dying.start()
    dead = replace(holder.me("apply"), pid=dying.pid or 0, process=holder.process_of(dying.pid or 0))
    lease = place.blobs.acquire_lease(place.key, 60)
    head = place.blobs.head(place.key)
    place.blobs.mark(place.key, {**head.metadata, "wavelift_holder": dead.dumps()}, head.etag, lease)
    with pytest.raises(Locked, match=f"process {dying.pid}"), place.store().session("apply"):
        raise AssertionError("a live one was cut off")
    dying.kill()
    dying.join()
    step(place.store(), "two")
    assert sorted(place.store().read().state.artifacts) == ["vm.one", "vm.two"]
