"""What `apply` says of a machine while it waits for the engine (issue 4: never silent for more than a second)."""

from __future__ import annotations

import pytest

from replication.model.item import OrderKind
from replication.model.record import Life, OrderProgress, Record
from replication.model.status import State, Status
from wavelift.applying.waiting import Goal
from wavelift.cli.bars import watching
from wavelift.cli.console import Console
from wavelift.cli.progress import doing

GOAL = Goal("m", "web-01", "r", 3)
HELD = "next delta cycle at 9:31"


def status(**changes: object) -> Status:
    return Status("m", "web-01", "pilot", **{"state": State.TEST_PENDING, "written": 0.0, "cycle": 5} | changes)


def record(number: int | None, problem: str = "") -> Record:
    order = OrderProgress(number, "o", OrderKind.STOP, ()) if number else None
    return Record("m", "r", 1, 1, Life.STOPPED, 5, order=order, problem=problem)


@pytest.mark.parametrize(
    ("said", "known", "words"),
    [
        (None, None, "waiting for the engine"),
        (status(held=HELD), record(None), "waiting for the engine"),
        (status(held=HELD), record(2), "waiting for the engine"),
        (status(held="blackout until 18:00", step="check prerequisites"), record(3),
         "test migration pending: check prerequisites (blackout until 18:00)"),
        (status(state=State.NOT_APPLICABLE, order="stop", step="delete the replica disks"), record(3),
         "stop: delete the replica disks"),
    ],
)  # fmt: skip
def test_a_status_from_before_the_order_says_nothing_of_it(said: Status | None, known: Record | None, words: str) -> None:
    assert doing(GOAL, said, known) == words


def test_a_datastore_s_path_is_no_markup(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """vSphere's own text for a file, "[ds-01] web/web.vmdk", stood on the bar as "web/web.vmdk"; "[/x]" ended apply."""
    console = Console()
    monkeypatch.setattr(console, "terminal", True)
    monkeypatch.setenv("COLUMNS", "200")
    with watching(console) as watcher:
        watcher.progress([GOAL], {"m": record(3, "cannot open [ds-01] web/web.vmdk [/x]")}, {"m": status(written=1e12)})
    assert "(cannot open [ds-01] web/web.vmdk [/x])" in capsys.readouterr().err
