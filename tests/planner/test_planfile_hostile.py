"""Plan files that are none, or no more: somebody else's, damaged, forged, well sealed and meaningless."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from planner.planfile import BadPlanFile, dumps, loads
from planner.state import digest
from planner.steps import SendOrder
from tests.planner.filed import FILE, planned, refused
from tests.planner.pilot import WAVES, pilot
from tests.planner.site import Site
from wavelift.applying.planio import read
from wavelift.cli.app import app
from wavelift.problems import ERROR, STALE


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.chdir(tmp_path)
    yield pilot()


def test_a_plan_of_another_estate(site: Site) -> None:
    planned(site)
    text_of = Path("estate.yaml").read_text()
    Path("estate.yaml").write_text(text_of.replace("estate: {name: shop", "estate: {name: other"))
    assert "is a plan of estate 'shop'" in refused(site, ERROR)


def test_files_that_are_no_plan(site: Site) -> None:
    for data in (b"", b"{}", b"\x00\xff" * 100, b'{"format":"wavelift-state"}', b"PK\x03\x04", b"[" * 100_000):
        FILE.write_bytes(data)
        assert "is not a plan file" in refused(site, ERROR)
    FILE.write_bytes(b'{"format":"wavelift-plan-file-2","x":1}\n')
    assert "format 2" in refused(site, ERROR)
    FILE.unlink()
    assert "there is no file" in refused(site, ERROR)
    FILE.mkdir()
    assert "not a file" in refused(site, ERROR)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("command", ["show", "apply"])
def test_a_pipe_that_nobody_writes_to_is_not_waited_for(site: Site, command: str) -> None:
    """Issue 4, Plan files: hostile files are refused; this one kept both commands for ever, before they had looked at it."""
    os.mkfifo(FILE)
    done = CliRunner().invoke(app, [command, str(FILE)])
    assert done.exit_code == 1 and "is not a file" in str(done.exception), done.exception


def test_any_byte_that_changed_is_noticed(site: Site) -> None:
    """Issue 4: a damaged file is refused: each of 3,000 changed bytes, cuts at any place, and bytes too many."""
    data = planned(site).read_bytes()
    chance = random.Random(4)
    places = [*range(400), *range(len(data) - 200, len(data)), *(chance.randrange(len(data)) for _ in range(2400))]
    for place in places:
        other = bytearray(data)
        other[place] ^= 1 << chance.randrange(8)
        with pytest.raises(BadPlanFile):
            loads(bytes(other), "F")
    for _ in range(200):
        with pytest.raises(BadPlanFile):
            loads(data[: chance.randrange(len(data))], "F")
    for more in (b"\n", b" ", b"{}", data):
        with pytest.raises(BadPlanFile):
            loads(data + more, "F")


def test_a_forged_file_is_never_applied(site: Site) -> None:
    """A file with digests that fit and steps that the planner would not make: read, and then refused as a whole."""
    from hashlib import sha256

    site.go()
    site.files(waves=WAVES.format(phase="test"))
    original = read(planned(site))

    def forged(change: dict[str, object]) -> None:
        step = original.plan.steps[0]
        assert isinstance(step, SendOrder)
        plan = replace(original.plan, steps=(replace(step, **change), *original.plan.steps[1:]))  # type: ignore[arg-type] # any field
        FILE.write_bytes(dumps(plan, original.valid_until, "."))

    order = original.plan.steps[0]
    assert isinstance(order, SendOrder)
    document = dict(order.document)
    for change in (
        {"uuid": "../../other"},
        {"region": "elsewhere"},
        {"document": {**document, "machine": "../../../etc/passwd"}},
        {"document": {**document, "shutdown": {"mode": "none", "wait": 0.0, "otherwise": "force"}}},
        {"document": {**document, "id": "another"}},
        {"address": "order.web-01/000009-test"},
        {"removes": ("seed_disk.web-01/2000",)},
    ):
        forged(change)
        assert "is stale" in refused(site, STALE)
    text_of = FILE.read_bytes()
    assert digest("") != sha256(text_of).hexdigest()


@pytest.mark.parametrize(
    "damage",
    [
        lambda d: d.update(more=1),
        lambda d: d.pop("lineage"),
        lambda d: d.update(steps={}),
        lambda d: d["steps"].append({"step": "Format", "address": "x"}),
        lambda d: d["steps"][0].update(step="Delete"),
        lambda d: d["steps"][0].update(kind="planet"),
        lambda d: d["steps"][0].update(address=7),
        lambda d: d["steps"][0].update(spec=[]),
        lambda d: d["steps"][0].update(origin="x"),
        lambda d: d["steps"][0].update(surprise=1),
        lambda d: d.update(asked={"allow_destroy": "all"}),
        lambda d: d.update(asked={"sudo": True}),
        lambda d: d.update(deferred=[1]),
        lambda d: d.update(warnings=[["WL1"]]),
    ],
)  # fmt: skip
def test_what_is_well_sealed_and_means_nothing(site: Site, damage: object) -> None:
    """Digest and checksum fit, and what is inside is not a plan: a message, never a traceback."""
    from tests.planner.forging import resealed

    assert callable(damage)
    FILE.write_bytes(resealed(planned(site).read_bytes(), damage))
    assert "cannot be read" in refused(site, ERROR)
