"""For every test."""

from __future__ import annotations

import gc


def pytest_collection_finish() -> None:
    """Everything is imported: what is there now stays to the end, and no collector needs to go through it again."""
    gc.collect()
    gc.freeze()
