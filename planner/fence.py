"""May anything still be changed outside? Asked right before each request that changes something.

An announced step is several requests, and between two of them anything may pass: a laptop sleeps, a CI runner is frozen, a
request is waited for and made again. Azure's resources know nothing of our lock, so whoever lost it must not ask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Fence:
    """Open until `guarded`. Called from any thread."""

    def __init__(self) -> None:
        self._check: Callable[[], object] | None = None

    def __call__(self) -> None:
        """Raises what `check` of the innermost `guarded` raises; nothing where nobody guards."""
        check = self._check
        if check is not None:
            check()

    @contextmanager
    def guarded(self, check: Callable[[], object]) -> Iterator[None]:
        """For as long as the block runs."""
        self._check = check
        try:
            yield
        finally:
            self._check = None
