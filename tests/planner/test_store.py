"""The recorded state: lock, journal, atomic writes, and what is refused."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from planner.artifact import Kind
from planner.state import BadState, MachineState, Recorded, State, dumps, loads
from planner.store import LocalStore, Locked
from planner.store.effects import Effect, Put, PutMachine, Remove, Renamed, applied, between, from_json, to_json
from planner.store.journal import Journal, replay

ROOT = Path(__file__).parents[2]
LINEAGE = "11111111-0000-4000-8000-000000000000"


def store(folder: Path) -> LocalStore:
    return LocalStore(folder / "state.json", "shop", LINEAGE)


def thing(name: str, machine: str | None = None, **spec: object) -> Recorded:
    return Recorded(f"vm.{name}", Kind.VM, f"/vm/{name}", spec, ("nic.x",), {"a": 1}, machine)


def saved(folder: Path, *recorded: Recorded) -> State:
    with store(folder).session("test") as session:
        effects = [Put(r) for r in recorded]
        session.journal.intent("x", "Create")
        session.journal.done("x", effects)
        session.record(effects)
    return store(folder).read().state


def test_a_state_that_was_never_written(tmp_path: Path) -> None:
    """The lineage is that of the estate, wherever the file lies: the same files give the same plan."""
    for folder in (tmp_path / "a", tmp_path / "b"):
        view = store(folder).read()
        assert (view.state.lineage, view.state.serial, view.interrupted) == (LINEAGE, 0, False)
        assert not folder.exists(), "reading made something"


def test_what_is_recorded_is_read_again(tmp_path: Path) -> None:
    first = saved(tmp_path, thing("one", "m"), thing("two"))
    assert first.serial == 1
    assert first.artifacts == {"vm.one": thing("one", "m"), "vm.two": thing("two")}
    assert loads(dumps(first), "x") == first
    assert not (tmp_path / "state.json.journal").exists(), "the journal was not folded in"
    second = saved(tmp_path, thing("two", size=3))
    assert (second.serial, second.lineage) == (2, LINEAGE)


def test_a_no_op_raises_no_serial(tmp_path: Path) -> None:
    """Design, "Staleness": a no-op raises no serial, and writes nothing."""
    saved(tmp_path, thing("one"))
    before = (tmp_path / "state.json").stat()
    with store(tmp_path).session("nothing") as session:
        session.replace(session.state, "engine")
    after = (tmp_path / "state.json").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert saved(tmp_path, thing("one")).serial == 1, "the same again is no change"


HOLD = """
import sys, time
from pathlib import Path
from planner.store import LocalStore
with LocalStore(Path(sys.argv[1]), "shop", sys.argv[2]).session("apply") as session:
    session.journal.intent("vm.one", "Create")
    print("held", flush=True)
    time.sleep(60)
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    """Another process that holds the lock in the middle of an apply."""
    command = [sys.executable, "-c", HOLD, str(folder / "state.json"), LINEAGE]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_apply_is_refused_and_told_who_holds_the_lock(tmp_path: Path) -> None:
    """Issue 2, "a lock held": user, host, process, since when; it goes with the process, kill -9 included."""
    process = holder(tmp_path)
    try:
        with pytest.raises(Locked) as refused, store(tmp_path).session("apply"):
            raise AssertionError("two hold the lock")
        assert f"process {process.pid}, apply" in str(refused.value)
        assert os.uname().nodename in str(refused.value)
        assert time.strftime("%Y-%m-%d") in str(refused.value)
        assert store(tmp_path).read().interrupted, "reading needs no lock"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
    with store(tmp_path).session("apply") as session:
        (doubt,) = session.view.doubts
        assert (doubt.address, doubt.step, doubt.token) == ("vm.one", "Create", None)


def test_a_kill_between_writing_and_renaming_leaves_the_old_state(tmp_path: Path) -> None:
    """The file is replaced whole or not at all, and what was journalled is not lost with it."""
    saved(tmp_path, thing("one"))
    before = (tmp_path / "state.json").read_bytes()
    child = os.fork()
    if child == 0:
        os.replace = lambda *_: os._exit(9)  # the process ends right here
        saved(tmp_path, thing("two"))
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert (tmp_path / "state.json").read_bytes() == before
    view = store(tmp_path).read()
    assert view.interrupted
    assert set(view.state.artifacts) == {"vm.one", "vm.two"}
    assert saved(tmp_path, thing("three")).artifacts.keys() == {"vm.one", "vm.two", "vm.three"}


def test_a_kill_between_renaming_and_removing_the_journal(tmp_path: Path) -> None:
    """The journal is older than the state: it is compacted already, and the next session does not write behind it."""
    saved(tmp_path, thing("one"))
    Journal(tmp_path / "state.json.journal", LINEAGE, 0).done("x", [Remove("vm.one")])
    view = store(tmp_path).read()
    assert not view.interrupted
    assert "vm.one" in view.state.artifacts
    with store(tmp_path).session("apply") as session:
        session.journal.intent("vm.late", "Create")
        session.record([])
        told = replay(tmp_path / "state.json.journal")
        assert told is not None
        assert (told.serial, told.effects) == (1, ()), "written behind a journal that nobody reads"
        assert [d.address for d in told.doubts] == ["vm.late"]


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().split(b"\n")


def test_the_journal_says_done_in_doubt_and_not_started(tmp_path: Path) -> None:
    path = tmp_path / "j"
    journal = Journal(path, LINEAGE, 3)
    journal.intent("a", "Create", plan="p")
    journal.done("a", [Put(thing("a"))])
    journal.intent("b", "Create", spec="s")
    journal.token("b", "tok")
    journal.intent("c", "Delete")
    journal.failed("c", "no")
    journal.intent("d", "SendOrder")
    told = replay(path)
    assert told is not None
    assert (told.lineage, told.serial, told.failed) == (LINEAGE, 3, {"c": "no"})
    assert told.effects == (Put(thing("a")),)
    assert [(d.address, d.step, d.token) for d in told.doubts] == [("b", "Create", "tok"), ("d", "SendOrder", None)]


def test_a_token_outlives_a_second_crash_while_the_step_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "j"
    journal = Journal(path, LINEAGE, 0)
    journal.intent("b", "Create", spec="s")
    journal.token("b", "tok")
    journal.intent("b", "Create", spec="s", plan="another")
    told = replay(path)
    assert told is not None
    assert [d.token for d in told.doubts] == ["tok"]
    journal.intent("b", "Create", spec="other")
    told = replay(path)
    assert told is not None
    assert [d.token for d in told.doubts] == [None], "what was begun is not what is asked for now"


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_torn_last_line_is_ignored_and_cut_off(tmp_path: Path, cut: int) -> None:
    """A line that was being written announces nothing that was begun; the next line does not end up behind it."""
    path = tmp_path / "j"
    journal = Journal(path, LINEAGE, 0)
    journal.intent("a", "Create")
    journal.intent("b", "Create")
    path.write_bytes(path.read_bytes()[:-cut])
    told = replay(path)
    assert told is not None
    assert [d.address for d in told.doubts] == ["a"]
    Journal(path, LINEAGE, 0).intent("c", "Create")
    told = replay(path)
    assert told is not None
    assert [d.address for d in told.doubts] == ["a", "c"]


def test_a_torn_head_is_an_empty_journal(tmp_path: Path) -> None:
    saved(tmp_path, thing("one"))
    (tmp_path / "state.json.journal").write_bytes(b'{"lineage":"x","ser')
    assert not store(tmp_path).read().interrupted
    assert saved(tmp_path, thing("two")).artifacts.keys() == {"vm.one", "vm.two"}


def test_a_line_that_cannot_be_written_is_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk: the writer is dead after its first error, for a line behind a torn one would make all unreadable."""
    path = tmp_path / "j"
    journal = Journal(path, LINEAGE, 0)
    journal.intent("a", "Create")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as context, pytest.raises(OSError, match="No space"):
        context.setattr(os, "fdatasync", full)
        journal.intent("b", "Create")
    with pytest.raises(OSError, match="earlier line"):
        journal.intent("c", "Create")


def test_those_who_come_through_a_link_share_state_journal_and_lock(tmp_path: Path) -> None:
    """A link to a shared state.json was replaced by a file of one's own, and locked nobody out."""
    for name in ("shared", "ann", "bob"):
        (tmp_path / name).mkdir()
    saved(tmp_path / "shared", thing("one"))
    for name in ("ann", "bob"):
        (tmp_path / name / "state.json").symlink_to(tmp_path / "shared" / "state.json")
    with store(tmp_path / "ann").session("apply") as session:
        with pytest.raises(Locked), store(tmp_path / "bob").session("apply"):
            raise AssertionError("opened")
        session.do([Put(thing("two"))], "vm.two")
    assert (tmp_path / "ann" / "state.json").is_symlink()
    assert sorted(store(tmp_path / "bob").read().state.artifacts) == ["vm.one", "vm.two"]


ROOM = """
import resource, signal, sys
from pathlib import Path
from planner.artifact import Kind
from planner.state import Recorded
from planner.store import LocalStore
from planner.store.effects import Put

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
began = []
try:
    with LocalStore(Path(sys.argv[2]), "shop", sys.argv[3]).session("apply") as session:
        session.take_doubts()
        for number in range(20):
            session.journal.intent(f"vm.{number}", "Create")
            began.append(number)
            effects = [Put(Recorded(f"vm.{number}", Kind.VM, f"/v/{number}", {"fill": "x" * 200}))]
            session.journal.done(f"vm.{number}", effects)
            session.record(effects)
except OSError as error:
    print(error.errno, len(began))
else:
    print(0, len(began))
"""


@pytest.mark.parametrize("room", [10, 150, 400, 700, 1500, 3000, 7000, 15_000])
def test_a_disk_that_is_full_at_every_point(tmp_path: Path, room: int) -> None:
    """Issue 4, crash recovery: no room for the lock, the state, the journal or the folded state (a file takes `room` bytes here).
    It is an error that names itself, no half file is left, what was begun is known, and with room again it goes on."""
    saved(tmp_path, thing("old", fill="x" * 20_000))
    command = [sys.executable, "-c", ROOM, str(room), str(tmp_path / "state.json"), LINEAGE]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ran.stderr == ""
    code, began = map(int, ran.stdout.split())
    assert code in (errno.EFBIG, errno.ENOSPC)
    assert not (tmp_path / "state.json.new").exists()
    view = store(tmp_path).read()
    known = {*view.state.artifacts, *(d.address for d in view.doubts)}
    assert {"vm.old", *(f"vm.{n}" for n in range(began))} <= known
    with store(tmp_path).session("apply") as session:
        session.take_doubts()
        session.do([Put(thing("new"))], "vm.new")
    assert {"vm.old", "vm.new"} <= set(store(tmp_path).read().state.artifacts)


def test_a_journal_of_another_state_is_refused(tmp_path: Path) -> None:
    saved(tmp_path, thing("one"))
    journal = tmp_path / "state.json.journal"
    Journal(journal, "another", 1).intent("a", "Create")
    with pytest.raises(BadState, match="another state"):
        store(tmp_path).read()
    journal.unlink()
    Journal(journal, LINEAGE, 7).intent("a", "Create")
    with pytest.raises(BadState, match="older state was put back"):
        store(tmp_path).read()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not a state file"),
        ("[]", "no version"),
        ('{"version": 2}', "reads up to 1"),
        ('{"version": 1, "lineage": "x", "serial": 1, "estate": "shop"}', "damaged"),
        ('{"version": 1, "lineage": "x", "serial": 1, "estate": "shop", "artifacts": [], "machines": {}}', "damaged"),
        ('{"version": 1, "lineage": "x", "serial": 1, "estate": "other", "artifacts": {}, "machines": {}}', "'other'"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_and_kept(tmp_path: Path, text: str, says: str) -> None:
    """Issue 2, "bad input": another version, another estate, damage; nothing is written over it."""
    path = tmp_path / "state.json"
    path.write_text(text)
    with pytest.raises(BadState, match=says) as refused, store(tmp_path).session("apply"):
        raise AssertionError("opened")
    assert str(path) in str(refused.value)
    assert path.read_text() == text


@pytest.mark.parametrize(
    "line", ['{"address"', "[]", '{"address":"a","event":"what"}', '{"address":"a","event":"token","token":"t"}']
)
def test_a_damaged_journal_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "j"
    Journal(path, LINEAGE, 0).intent("b", "Create")
    with path.open("a") as out:
        out.write(line + "\n" + '{"address":"c","event":"intent","step":"Create"}\n')
    with pytest.raises(BadState, match=r"damaged .* Keep a copy"):
        replay(path)


def test_effects_are_the_same_through_the_journal() -> None:
    machine = MachineState("m", "u", "r", 1, "rep")
    effects: list[Effect] = [Put(thing("a", "m")), Remove("b"), PutMachine(machine), Renamed("u", "m", "n")]
    assert [from_json(json.loads(json.dumps(to_json(e)))) for e in effects] == effects
    state = State(LINEAGE, 4, "shop", {"b": thing("b"), "seed_disk.m/1": replace(thing("x", "m"), address="seed_disk.m/1")})
    after = applied(state, effects)
    assert set(after.artifacts) == {"vm.a", "seed_disk.n/1"}
    assert after.artifacts["seed_disk.n/1"].machine == "n"
    assert (after.machines["u"].name, after.serial) == ("n", 4)
    assert applied(state, between(state, after)) == after
    assert between(after, after) == []
