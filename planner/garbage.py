"""Python's cycle collector, kept out of the way where 100,000s of values are made that all stay."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused_gc() -> Iterator[None]:
    """No collection inside. Reading and planning many machines takes up to three times as long with it: each pass looks at
    all that was made so far, and none of it is garbage. Reference counts still free what is dropped."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
