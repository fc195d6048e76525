"""`wavelift hold`: nothing of this machine begins or is powered off, at once and without a pull request."""

from __future__ import annotations

from pathlib import Path

from wavelift.cli.breakglass import Machine, Why, say
from wavelift.cli.options import Folder


def hold(machine: Machine, why: Why, estate: Folder = Path()) -> None:
    """Hold a machine: no order of it begins, nothing of it is powered off. Its replication goes on. `resume` ends it."""
    from replication.model.command import Verb

    say(estate, machine, Verb.HOLD, why)


