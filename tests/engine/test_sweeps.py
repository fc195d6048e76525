"""Issue 3, proof: faults, late landings and kill -9 at every port call and every journal write of every kind of work.

After each: the engine is started again and finishes; recovery points are the source at their snapshots, managed disks the
source; no own snapshot, lease, disk or document is left; no machine is off without its Azure VM.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.engine.scenarios import DELTA, INITIAL, MIGRATE, SCENARIOS
from tests.engine.sweep import Scenario, fault_at_every_call, hold_every_call, kill_at_every_call, kill_twice, stop_at_every_call
from tests.engine.sweep import kill_at_every_journal_write as kill_at_every_write
from tests.full import FULL, share

pytestmark = pytest.mark.faults
everywhere = pytest.mark.parametrize("name", SCENARIOS)
Told = Callable[[str, object], None]


@everywhere
def test_killed_at_every_call(name: str, record_property: Told) -> None:
    """Design, a cycle is a redo log; issue 2: kill -9 anywhere, also between power-off and VM creation."""
    number = kill_at_every_call(SCENARIOS[name])
    record_property("cases", number)
    assert number > 10


@everywhere
def test_killed_at_every_journal_write(name: str, record_property: Told) -> None:
    """The process dies before, after and during each write of the journal; the last kind lands while its successor works."""
    record_property("cases", kill_at_every_write(SCENARIOS[name]))


@everywhere
def test_stopped_at_every_call(name: str, record_property: Told) -> None:
    """Ctrl-C or SIGTERM at any call: no snapshot of ours stays open until somebody starts an engine again."""
    record_property("cases", stop_at_every_call(SCENARIOS[name]))


@pytest.mark.parametrize("scenario", [INITIAL, DELTA, MIGRATE], ids=["initial", "delta", "migrate"])
def test_killed_twice_in_a_row(scenario: Scenario, record_property: Told) -> None:
    """Issue 2: a kill -9 in the middle, twice in a row."""
    places = [(a, b) for a in range(20, 75, 5 if FULL else 9) for b in range(18, 75, 5 if FULL else 11)]
    record_property("cases", kill_twice(scenario, share(places, 4)))


@everywhere
def test_refused_at_every_call(name: str, record_property: Told) -> None:
    """The Nth call of every port method is refused for a while, nothing done."""
    record_property("cases", fault_at_every_call(SCENARIOS[name], "before"))


@everywhere
def test_answer_lost_at_every_call(name: str, record_property: Told) -> None:
    """The Nth call of every port method has its effect, and its answer is lost."""
    record_property("cases", fault_at_every_call(SCENARIOS[name], "after"))


@everywhere
@pytest.mark.parametrize("lands", [1, 12, None], ids=["soon", "later", "at-the-end"])
def test_held_on_the_wire_and_landing_late(name: str, lands: int | None, record_property: Told) -> None:
    """Design, step 5: a write delayed on the wire can never land after its time. Every call that changes something is
    held, and lands one call later, twelve calls later, or when all is over; then the machine's life goes on."""
    record_property("cases", hold_every_call(SCENARIOS[name], lands, 3))
