"""issue 4, Documentation: the reference is generated from schema and command line, and what users read first is true."""

from __future__ import annotations

import re

import pytest

from planner.config.vocabulary import every_path
from tests.docs.codes import ROOT
from tests.docs.reference import COMMANDS, ESTATE, commands_page, estate_page
from wavelift import problems

README = (ROOT / "README.md").read_text()


def test_the_commands_are_what_the_command_line_says() -> None:
    assert COMMANDS.read_text() == commands_page(), "run: make docs"


def test_the_keys_are_what_the_schema_says() -> None:
    assert ESTATE.read_text() == estate_page(), "run: make docs"
    text = ESTATE.read_text()
    missing = [p for p in every_path() if p and f"## {p}\n" not in text and f"| `{p.partition('.')[2]}` |" not in text]
    assert not missing


def test_the_table_of_exit_codes_is_complete() -> None:
    """Every code of `wavelift.problems`, in README and in the table of CI."""
    known = {value for name, value in vars(problems).items() if name.isupper() and isinstance(value, int)}
    table = README.partition("### Exit codes")[2].partition("\n## ")[0]
    listed = {int(found) for found in re.findall(r"^\| (\d+) \|", table, re.M)}
    assert listed == known
    meanings = (ROOT / "examples" / "ci" / "codes.sh").read_text()
    assert {int(found) for found in re.findall(r"^ +(\d+)\) echo", meanings, re.M)} == known - {problems.ERROR}


@pytest.mark.parametrize("page", ["README.md", "docs/tutorial.md", "docs/howto-real-site.md", "docs/testing.md"])
def test_targets_of_make_exist(page: str) -> None:
    targets = set(re.findall(r"^([\w./-]+):", (ROOT / "Makefile").read_text(), re.M))
    asked = set(re.findall(r"(?:^|`)make ([\w./-]+)", (ROOT / page).read_text(), re.M))
    assert asked <= targets, asked - targets


def test_the_readme_leads_to_every_page() -> None:
    """Links between pages: whatever lies in docs can be reached from README in a few clicks."""
    seen, ahead = set(), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page in seen:
            continue
        seen.add(page)
        for target in re.findall(r"\]\(([^)#\s]+\.md)", page.read_text()):
            if "://" not in target:
                ahead.append((page.parent / target).resolve())
    pages = {p for folder in ("docs", "examples") for p in (ROOT / folder).rglob("*.md")}
    lost = sorted(str(path.relative_to(ROOT)) for path in pages - seen)
    assert not lost, f"nothing leads to {lost}: name them under More in README.md"
