"""issue 4, Documentation: what the pages show of the files is what the files take."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import indent

import pytest

from tests.docs.pages import PAGES as EVERY
from tests.docs.test_docs_codes import estate_of

_BLOCKS = re.compile(r"^```yaml\n(.*?)^```", re.M | re.S)
PAGES = [page for page in EVERY if _BLOCKS.search(page.read_text())]
ALLOWED = {"WL121", "WL122", "WL123", "WL143"}
"""A piece of a file may lack what it needs besides, name a wave that is not shown, or show one key in several ways."""
REMOVES = {"WL130"}
"""An overlay may take a key away."""


def whole(block: str) -> str:
    """A block from the top of the files; one that begins further down, with what stands above it."""
    match block.partition(":")[0]:
        case "cutover":
            return "defaults:\n" + indent(block, "  ")
        case "machines":
            return "waves:\n  base:\n    target: korea\n    phase: replicate\n" + indent(block, "    ")
        case _:
            return block


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_yaml_of_a_page_is_taken(page: Path, tmp_path: Path) -> None:
    """D5: no page shows a key or a value that `validate` refuses."""
    for number, block in enumerate(_BLOCKS.findall(page.read_text())):
        folder = tmp_path / str(number)
        folder.mkdir()
        wrong = set(estate_of(whole(block), folder)) - ALLOWED - (REMOVES if block.startswith("# overlays/") else set())
        assert not wrong, f"{page.name}: {wrong} in\n{block}"


def test_a_wrong_key_is_seen(tmp_path: Path) -> None:
    """The check itself."""
    assert set(estate_of(whole("cutover: {shutdwon: {mode: guest}}\n"), tmp_path)) - ALLOWED
