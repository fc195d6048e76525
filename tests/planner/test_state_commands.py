"""Issue 4, "State for a team": `wavelift state …` as it is typed: what it says, what it asks, its exit codes, and rubbish."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from planner.config import LockedMachine, read_lock, write_lock
from planner.config.lock import Lock
from tests.planner.site import Site, uuid_of, vm
from wavelift.cli.app import invoke

Run = Callable[..., tuple[int, str]]
WAVES = """\
waves:
  pilot:
    target: korea
    phase: replicate
    machines: {web-01: Standard_D2s_v5, web-02: Standard_D2s_v5}
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.chdir(tmp_path)
    made = Site(Path(), vm(1, "web-01", (8, 16)), vm(2, "web-02"))
    made.files(waves=WAVES)
    made.go()
    yield made


@pytest.fixture
def run(site: Site, capfd: pytest.CaptureFixture[str]) -> Run:
    """`wavelift state …` in the site's folder: exit code and everything it says."""

    def invoked(*arguments: str) -> tuple[int, str]:
        capfd.readouterr()
        code = invoke(["state", *arguments])
        told = capfd.readouterr()
        said = told.out + told.err
        assert "a bug in wavelift" not in said, said
        return code, said

    return invoked


def serial(site: Site) -> int:
    return site.workspace.view().state.serial


def test_list_and_show(run: Run) -> None:
    code, said = run("list", "machine.*", "vault*")
    assert (code, said.split()) == (0, ["machine.web-01", "machine.web-02", "vault"])
    code, said = run("list", "--json")
    assert code == 0 and "seed_disk.web-01/2000" in json.loads(said)
    assert run("list", "nothing*") == (0, "Nothing that is recorded is called so.\n")
    code, said = run("show", "machine.web-01")
    assert code == 0 and uuid_of(1) in said
    code, said = run("show", "vault", "--json")
    assert code == 0 and json.loads(said)["kind"] == "vault"
    for wrong in ("machine.web-1", "valt", "", "\x1b[2J"):
        code, said = run("show", wrong)
        assert code == 1 and "the state has no" in said
    assert "web-01" in run("show", "machine.web-1")[1], "what may have been meant"
    assert "\x1b" not in run("show", "\x1b[2J")[1]


def test_what_is_pulled_is_pushed_unchanged(run: Run, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    code, text = run("pull")
    assert code == 0
    before = serial(site)
    Path("pulled.json").write_text(text)
    assert run("push", "pulled.json") == (0, f"it is what is recorded: serial {before} stays\n")
    document = json.loads(text)
    del document["artifacts"]["vault"]
    Path("pulled.json").write_text(json.dumps(document))
    code, said = run("push", "pulled.json")
    assert code == 0 and f"serial {before + 1} is recorded" in said
    assert "vault" not in site.workspace.view().state.artifacts
    stdin = io.TextIOWrapper(io.BytesIO(text.encode()))
    monkeypatch.setattr(sys, "stdin", stdin)
    code, said = run("push", "-")
    assert code == 1 and f"its serial is {before}, and {before + 1} is recorded" in said and "WL425" in said


def test_a_push_that_loses_something_is_typed_in_words(run: Run, site: Site) -> None:
    Path("old.json").write_text(run("pull")[1])
    document = json.loads(Path("old.json").read_text())
    document["lineage"], document["serial"] = "another", 0
    del document["machines"][uuid_of(2)]
    Path("other.json").write_text(json.dumps(document))
    before = serial(site)
    code, said = run("push", "other.json")
    assert code == 1
    assert "its lineage is another" in said and "machine.web-02" in said and "--force" in said
    code, said = run("push", "other.json", "--force")
    assert code == 1 and "--confirm 'lose 1'" in said
    assert run("push", "other.json", "--force", "--confirm", "lose 2")[0] == 1
    assert serial(site) == before
    code, said = run("push", "other.json", "--force", "--confirm", "lose 1")
    assert code == 0, said
    assert (site.workspace.view().state.lineage, serial(site)) == ("another", before + 1)
    assert "forced=" in run("history")[1]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is not a state file"),
        ("[]", "no version"),
        ('{"version": 1}', "it has no 'lineage'"),
        ('{"version": 99, "wavelift": "7.0"}', "Upgrade wavelift here"),
        ('{"version": 1, "lineage": "x", "serial": "y", "estate": "", "artifacts": {}, "machines": {}}', "damaged"),
        ('{"version": 1, "lineage": "x", "serial": 1, "estate": "", "artifacts": [], "machines": {}}', "damaged"),
        ("\udcff\udcfe", "is not a state file"),
    ],
)
def test_rubbish_is_not_pushed(run: Run, site: Site, text: str, says: str) -> None:
    Path("rubbish").write_bytes(text.encode("utf-8", "surrogateescape"))
    before = serial(site)
    for options in ((), ("--force", "--confirm", "lose 0")):
        code, said = run("push", "rubbish", *options)
        assert code == 1 and says in said and "WL42" in said
    assert run("push", "nowhere")[0] == 1
    assert run("push", ".")[0] == 1
    assert serial(site) == before


def test_mv_says_what_is_wrong(run: Run, site: Site) -> None:
    before = serial(site)
    for source, to, says in (
        ("vault", "vault", "is recorded already"),
        ("vault", "disk.x", "another kind"),
        ("nothing.x", "nothing.y", "the state has no nothing.x"),
        ("machine.web-01", "machine.web-02", "has a machine 'web-02' already"),
        ("machine.web-01", "vault", "a machine moves to a machine"),
        ("machine.web-01", "machine.", "names no machine"),
        ("machine.web-01", "machine.\x1b", "names no machine"),
    ):
        code, said = run("mv", source, to)
        assert code == 1 and says in said and "Nothing was changed" in said, said
    lock = read_lock(Path())[0]
    write_lock(Path(), Lock({**lock.machines, "web-09": LockedMachine(uuid_of(9), "main", "/x/web-09")}))
    code, said = run("mv", "machine.web-01", "machine.web-09")
    assert code == 1 and "binds web-09 to another VM" in said
    assert serial(site) == before
    code, said = run("mv", "machine.web-01", "machine.shop-01")
    assert code == 0 and "call it so in the estate too" in said


def test_rm_asks(run: Run, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    before = serial(site)
    code, said = run("rm", "machine.web-02")
    assert code == 1 and "forget machine.web-02" in said and "--yes" in said
    for answer, wanted in (("n\n", 1), ("", 130), ("y\n", 0)):
        terminal = io.StringIO(answer)
        monkeypatch.setattr(terminal, "isatty", lambda: True)
        monkeypatch.setattr(sys, "stdin", terminal)
        assert run("rm", "machine.web-02")[0] == wanted
        assert (serial(site) > before) is (wanted == 0)
    assert run("rm", "machine.web-02", "--yes")[0] == 1, "gone already"
    assert run("rm")[0] != 0
    assert run("rm", "machine.web-01", "machine.web-09", "--yes")[0] == 1
    assert "web-01" in site.workspace.view().state.by_name(), "all or nothing"


def test_history_and_unlock_of_a_file(run: Run, site: Site) -> None:
    run("mv", "machine.web-01", "machine.shop-01")
    code, said = run("history")
    first, *_ = said.splitlines()
    assert code == 0 and "state mv" in first and "source=machine.web-01" in first
    code, said = run("history", "--json")
    assert code == 0 and json.loads(said)[-1]["doing"] == "state mv"
    assert run("unlock")[0] == 0
    with site.workspace.store.session("apply"):
        code, said = run("unlock")
        assert code == 4 and "is locked by" in said
        assert run("rm", "machine.shop-01", "--yes")[0] == 4
        assert run("list")[0] == 0, "reading needs no lock"


def test_a_state_of_others_is_refused_everywhere(run: Run, site: Site) -> None:
    path = Path(site.workspace.store.where)
    good = path.read_bytes()
    for text, code in ((b"{", "WL420"), (json.dumps({**json.loads(good), "estate": "other"}).encode(), "WL422")):
        path.write_bytes(text)
        for command in (["list"], ["show", "vault"], ["pull"], ["rm", "vault", "--yes"], ["mv", "vault", "vault"], ["history"]):
            exit_code, said = run(*command)
            assert exit_code == 1 and code in said, command
        assert path.read_bytes() == text
