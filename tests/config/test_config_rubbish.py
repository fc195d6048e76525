"""A good estate, spoilt in one place, hundreds of times: what is said of it stands where it was spoilt and can be acted upon.

Issue 4, Editing: every diagnostic with file:line:column, a code that `explain-error` knows, what to do; complaint 27 of iac.md:
never the wrong branch blamed. Nothing that stands in a file makes a traceback.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from planner.advice import explained
from planner.config import load
from planner.config.codes import CODES
from planner.estate import Diagnostic

GOOD = Path(__file__).parents[1] / "cases" / "config" / "good-seoul"
FILES = sorted(str(path.relative_to(GOOD)) for path in GOOD.rglob("*.y*ml"))
KEY = re.compile(r"([\w.-]+)(?=: )")
VALUE = re.compile(r": +([^,{}\[\]#]+)")
VALUES = (
    "[1, 2]", "{a: 1}", '""', "null", "-7", "1e400", "9" * 30, "2026-13-45", "yes", "!!python/object:os.system x", "*nobody",
    '"\\x00"', "x" * 5000, "12:61", "<fill in>", "'", "%",
)  # fmt: skip
UNREADABLE = re.compile(r"<.* object|NoneType|Traceback|\{'|\['")


@pytest.fixture
def spoilt(tmp_path: Path) -> Callable[[str, int, str], list[Diagnostic]]:
    """What is said of the estate when line `number` (from 0) of a file is another."""
    shutil.copytree(GOOD, tmp_path / "e")

    def diagnostics(file: str, number: int, line: str) -> list[Diagnostic]:
        path = tmp_path / "e" / file
        lines = path.read_text().split("\n")
        path.write_text("\n".join([*lines[:number], line, *lines[number + 1 :]]))
        try:
            return list(load(tmp_path / "e", env={}).diagnostics)
        finally:
            path.write_text("\n".join(lines))

    return diagnostics


def keys(file: str) -> Iterator[tuple[int, str, re.Match[str]]]:
    for number, line in enumerate((GOOD / file).read_text().split("\n")):
        for key in KEY.finditer(line.partition(" #")[0]):
            yield number, line, key


def stands(one: Diagnostic, file: str, number: int) -> bool:
    """Whether it names this line, as its place or as the other place."""
    places = [one.span, *(span for _, span in one.related)]
    return any(span and span.file.endswith(file) and span.line == number + 1 for span in places)


def assert_sound(found: list[Diagnostic], line: str) -> None:
    for one in found:
        assert one.span is not None and Path(one.span.file).name and one.span.line >= 1 and one.span.column >= 1, one
        assert one.code in CODES and explained(one.code) and one.detail and one.summary, one
        assert not UNREADABLE.search(one.detail), (line, one.detail)


@pytest.mark.parametrize("file", FILES)
def test_a_value_that_is_none_is_told_at_its_line(spoilt: Callable[[str, int, str], list[Diagnostic]], file: str) -> None:
    """Each value of the estate becomes one of the wrong ones, in turn."""
    turn = count()
    for number, line, key in keys(file):
        value = VALUE.match(line, key.end())
        if value is None:
            continue
        for _ in range(3):
            wrong = f"{line[: value.start(1)]}{VALUES[next(turn) % len(VALUES)]}{line[value.end(1) :]}"
            found = spoilt(file, number, wrong)
            assert_sound(found, wrong)
            errors = [one for one in found if one.severity == "error"]
            assert not errors or any(stands(one, file, number) for one in errors), (wrong, errors)


@pytest.mark.parametrize("file", FILES)
def test_a_mistyped_key_is_told_at_its_line_or_where_its_name_is_missed(
    spoilt: Callable[[str, int, str], list[Diagnostic]], file: str
) -> None:
    """A key of the vocabulary: at its line. A name (of a wave, a policy): where it is referred to, with "did you mean"."""
    for number, line, key in keys(file):
        wrong = f"{line[: key.start()]}{key.group(1)}x{line[key.end() :]}"
        found = spoilt(file, number, wrong)
        assert_sound(found, wrong)
        errors = [one for one in found if one.severity == "error"]
        missed = [one for one in errors if f"Did you mean `{key.group(1)}x`?" in one.detail]
        assert missed == errors or any(stands(one, file, number) for one in errors), (wrong, errors)


@pytest.mark.parametrize("section", ["targets", "policies", "sources", "appliances", "waves"])
def test_a_mistyped_section_is_one_problem(tmp_path: Path, section: str) -> None:
    """Not one for each reference into it."""
    shutil.copytree(GOOD, tmp_path / "e")
    for path in (tmp_path / "e").rglob("*.y*ml"):
        path.write_text(re.sub(rf"^{section}:", f"{section}s:", path.read_text(), flags=re.M))
    found = load(tmp_path / "e", env={}).diagnostics
    assert {one.code for one in found} == {"WL120"} and all(f"`{section}`" in one.detail for one in found), found
