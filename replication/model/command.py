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
    PAUSE = "pause"
    """No new cycle begins until `continue`; what runs finishes."""
    CONTINUE = "continue"
    RESYNC = "resync"
    """The next delta compares every disk (or those in `disks`) whole with what its replica is known to hold."""
    ACKNOWLEDGE = "acknowledge"
    """A pull request has acknowledged one intervention: that one ends, and the files count again. It begins nothing."""


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
    disks: tuple[int, ...] = ()
    """RESYNC: device keys; empty: all."""
    until: float | None = None
    """HOLD: unix time at which it ends by itself; None: `resume` ends it."""
    until_text: str = ""
    """HOLD: that time in the person's words."""
    since: float | None = None
    """ACKNOWLEDGE: which one, see `replication.model.standing`."""
    word: str = ""
    """ACKNOWLEDGE: what the files said."""
