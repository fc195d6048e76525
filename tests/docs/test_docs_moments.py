"""docs/moments.md and docs/compared.md have a row for everything that was asked, and name only tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MOMENTS = [f"E{n}" for n in range(1, 13)] + [f"W{n}" for n in range(1, 39)] + [f"S{n}" for n in range(1, 6)]


def test_every_moment_has_its_row_and_every_test_named_exists() -> None:
    """users.md: where each moment is answered, or that it is not; a test that was renamed is noticed here."""
    rows = [line for line in (ROOT / "docs" / "moments.md").read_text().splitlines() if re.match(r"\| [EWS]\d+ \|", line)]
    assert [row.split("|")[1].strip() for row in rows] == MOMENTS
    there = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    for row in rows:
        where = row.split("|")[3].strip()
        assert where, row
        missing = [name for name in re.findall(r"`(test_\w+)`", where) if f"def {name}(" not in there]
        assert not missing, f"{row.split('|')[1].strip()}: {missing}"


def test_what_others_are_asked_for_has_its_rows_and_its_tests() -> None:
    """issue 4: the leaders' features and both lists of complaints, row by row; a test that is named exists."""
    page = (ROOT / "docs" / "compared.md").read_text()
    features, *complaints = page.split("\n## ")[1:]
    assert [re.findall(r"^\| (\d+) \|", part, re.M) for part in complaints] == [[str(n) for n in range(1, 35)]] * 2
    assert len(re.findall(r"^\| .*\|$", features, re.M)) == 1 + 29
    there = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    assert not [name for name in re.findall(r"`(test_\w+)`", page) if f"def {name}(" not in there]


def test_every_golden_plan_named_exists() -> None:
    """The same for golden plans."""
    named = re.findall(r"golden plan `([\w-]+)`", (ROOT / "docs" / "moments.md").read_text())
    assert named and all((ROOT / "tests" / "cases" / "plan" / name / "plan.txt").exists() for name in named)
