"""Issue 4, protection: `destroy` guarded the same way as apply: a file that is reviewed, and done exactly or refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from wavelift.leaving.destroyfile import Doomed, fits, held_against, in_time, markdown, read, write
from wavelift.problems import DENIED, STALE, UserProblem

UNTIL = "2027-01-17T00:00:00Z"
BEFORE, AFTER = 1_800_000_000.0 - 86400, 1_900_000_000.0
FOUND = Doomed(
    "demo", "a1", "wave shop", ("shop",), (), 2, (("web-01", "delta sync"),),
    (("seed_disk.web-01/2000", "/d/0"), ("seed_disk.web-01/2001", "/d/1")),
    (("replication.web-01", "/r"),), (("vm.wiki-01", "/vm"),), UNTIL,
)  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write(tmp_path / "gone.json", FOUND)
    return tmp_path / "gone.json"


def test_the_same_bytes_and_back(path: Path) -> None:
    assert read(path) == FOUND and FOUND.digest in path.read_text()
    first = path.read_bytes()
    write(path, FOUND)
    assert path.read_bytes() == first
    assert f"sha256 `{FOUND.digest}`" in markdown(FOUND) and "HOLDS DATA" in markdown(FOUND)


@pytest.mark.parametrize(
    ("was", "becomes"),
    [(UNTIL, "2037-01-17T00:00:00Z"), ("/d/1", "/d/2"), ('"number":2', '"number":1'), ("shop", "*"), ("]]", "]"), ("{", "[")],
)
def test_what_was_changed_is_refused(path: Path, was: str, becomes: str) -> None:
    path.write_text(path.read_text().replace(was, becomes))
    with pytest.raises(UserProblem, match="WL401"):
        read(path)


def test_a_longer_validity_is_another_sha(path: Path) -> None:
    """Also where whoever changed it wrote a sha256 that fits: it is not the one that was reviewed."""
    write(path, replace(FOUND, valid_until="2037-01-17T00:00:00Z"))
    with pytest.raises(UserProblem, match="WL405") as told:
        fits(read(path), path, FOUND.digest, None)
    assert told.value.code == DENIED


def test_too_late_and_another_number(path: Path) -> None:
    fits(FOUND, path, f"sha256:{FOUND.digest}", 2)
    with pytest.raises(UserProblem, match="WL406"):
        in_time(FOUND, path, AFTER)
    in_time(FOUND, path, BEFORE)
    with pytest.raises(UserProblem, match="WL408"):
        fits(FOUND, path, None, 3)


def test_applied_it_needs_its_number_or_its_sha(path: Path) -> None:
    """Writing one for review needs neither: nothing is destroyed by it."""
    with pytest.raises(UserProblem, match="--allow-destroy 2") as told:
        fits(FOUND, path, None, None)
    assert told.value.code == DENIED
    fits(FOUND, path, None, 2)
    fits(FOUND, path, FOUND.digest, None)
    fits(replace(FOUND, number=0), path, None, None)


def test_what_is_gone_already_is_no_reason_and_what_is_new_is(path: Path) -> None:
    held_against(FOUND, path, replace(FOUND, data=FOUND.data[:1], stops=(), number=1))
    more = replace(
        FOUND,
        data=(*FOUND.data, ("seed_disk.db-01/2000", "/d/9")),
        stays=(*FOUND.stays, ("vm.web-01", "/vm2")),
        stops=(*FOUND.stops, ("db-01", "delta sync")),
    )
    with pytest.raises(UserProblem) as told:
        held_against(FOUND, path, more)
    assert told.value.code == STALE
    for part in ("seed_disk.db-01/2000: would go, and holds data", "vm.web-01: stays now", "db-01: would be stopped"):
        assert part in str(told.value)
    other = replace(FOUND, data=(("seed_disk.web-01/2000", "/another"),))
    with pytest.raises(UserProblem, match="WL404"):
        held_against(FOUND, path, other)
    with pytest.raises(UserProblem, match="WL403"):
        held_against(FOUND, path, replace(FOUND, lineage="b2"))


def test_a_file_that_is_none(tmp_path: Path) -> None:
    for text in ("", "{}", "null", json.dumps({"format": "wavelift-destroy-1", "what": [1]})):
        (tmp_path / "x").write_text(text)
        with pytest.raises(UserProblem):
            read(tmp_path / "x")
