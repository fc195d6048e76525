"""The order in which files go to workers: those first that wait for processes, so that none of them is left alone at the end.

pytest-xdist would begin with the files that have the most tests, and end with one test of half a minute beside idle workers
(the Makefile says `--no-loadscope-reorder`).
"""

from __future__ import annotations

import pytest

SLOW = ("tests/docs/", "tests/e2e/", "tests/drift/", "tests/ci/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: next((at for at, folder in enumerate(SLOW) if item.nodeid.startswith(folder)), len(SLOW)))
