"""issue 4, Documentation: every command of the tutorial is run, in its order, in one shell, against the lab that it starts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ci.shim import Shim
from tests.docs import pages
from wavelift.labs.lab import Lab

PAGE = pages.ROOT / "docs/tutorial.md"
SECONDS = 240
"""On a machine that is busy with other tests; an idle one needs 35."""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    made = tmp_path / "tutorial"
    made.mkdir()
    shim = Shim(tmp_path / "bin")
    yield made
    Lab(made / ".lab").stop()
    shim.close()


@pytest.mark.timeout(SECONDS + 30)
def test_the_tutorial(folder: Path) -> None:
    """Every line passes, and says what the page says it does; the first block, which makes PATH and folder, is the fixture's."""
    told = pages.run(list(pages.lines(PAGE)), folder, pages.environment(folder, folder.parent / "bin"), SECONDS)
    said = "".join(one.said for one in told)
    assert "already" in said and "exit code 3" in said, "a used plan is refused"
    assert "URGENT" in said and said.count("exit code 2") == 2, "the source that was powered on"
    assert "is lost" in said and "the source is powered on" in said, "the way back"
    assert said.count("No changes.") == 1 and said.count("No drift:") == 2
    [history] = [one.said for one in told if "state history" in one.line.text]
    assert "mina" in history
