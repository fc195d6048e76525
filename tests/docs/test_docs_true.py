"""The documents say what is: links lead somewhere, the page of codes is not stale."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from planner.config import CODES
from tests.docs.codes import MEANING, PAGE, ROOT, diagnosed, page
from tests.docs.pages import FENCE, PAGES, name_of

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def anchors(path: Path) -> set[str]:
    """The anchors that a Markdown viewer makes of a page's headings."""
    text = FENCE.sub("", path.read_text())
    heads = re.findall(r"^#+ +(.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in heads}


def links(path: Path) -> Iterator[str]:
    for target in _LINK.findall(FENCE.sub("", path.read_text())):
        if "://" not in target:
            yield target


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_every_relative_link_leads_to_a_file_and_a_heading(path: Path) -> None:
    """D4: what is read in a pull request can be followed."""
    for target in links(path):
        name, _, anchor = target.partition("#")
        there = (path.parent / name).resolve() if name else path
        assert there.exists(), f"{path.name}: {target} leads nowhere"
        if anchor:
            assert anchor in anchors(there), f"{path.name}: {there.name} has no heading #{anchor}"


def test_codes_outside_the_files_are_all_explained() -> None:
    """D4: a code that the product can print has a line in the page of codes, and no line is left of one that it lost."""
    made = diagnosed().keys()
    assert made == MEANING.keys(), (
        f"new: {sorted(made - MEANING.keys())}, gone: {sorted(MEANING.keys() - made)}. "
        "Say in MEANING of tests/docs/codes.py what it means, then run: python -m tests.docs.codes"
    )


def test_the_page_of_codes_is_what_the_product_says() -> None:
    """D4: `docs/errors.md` is written from the code; `python -m tests.docs.codes` brings it up to date."""
    assert page() == PAGE.read_text(), "run: python -m tests.docs.codes"
    assert all(f"| {code} |" in PAGE.read_text() for code in CODES)


def test_no_machine_paths() -> None:
    """A document holds nothing of the machine that it was written on."""
    for path in PAGES:
        assert not re.search(r"/(?:work|root|home|tmp)/\w", path.read_text()), f"{path.name} names a path of some machine"


def test_decisions_are_listed_in_order() -> None:
    """One page each, each listed once, by its number."""
    folder = ROOT / "docs" / "decisions"
    listed = re.findall(r"^- (\d{4}): \[.*\]\((\1-[\w-]+\.md)\)$", (folder / "README.md").read_text(), re.M)
    assert [name for _, name in listed] == sorted(path.name for path in folder.glob("0*.md"))
