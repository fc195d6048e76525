"""How much of the proof is run: `make faults` asks for all of it (WAVELIFT_FAULTS=full), `make test` takes a share.

This is the one place that reads the switch.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

FULL = os.environ.get("WAVELIFT_FAULTS") == "full"


def size(full: int, share: int) -> int:
    """How many cases, bytes or examples."""
    return full if FULL else share


def share(places: Sequence[T], most: int) -> list[T]:
    """All places; in a share at most `most`, spread evenly, the first and the last among them."""
    if FULL or len(places) <= most:
        return list(places)
    return [places[round(i * (len(places) - 1) / (most - 1))] for i in range(most)]
