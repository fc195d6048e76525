"""Break-glass commands: a person's word to the engine about one machine, with who and why. Documents like orders.

`commands/<machine>/<number>.json`, numbered from 1 without gaps per machine; the engine looks at each once, in order, and
writes its answer into the record.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Verb(Enum):
    HOLD = "hold"
    RESUME = "resume"
    ROLLBACK = "rollback"
    ACCEPT_TEST = "accept-test"


@dataclass(frozen=True, slots=True)
class Command:
    """`who` as the command's host knows the person; `size` (RESUME): the Azure size to try first; `confirm` (ROLLBACK):
    the typed sentence that says what is lost."""

    machine: str
    number: int
    verb: Verb
    who: str
    why: str
    issued: float
    size: str | None = None
    confirm: str = ""
