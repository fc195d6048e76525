"""A cut-over that ended without success is not asked for again by the next plan (users.md, weeks 24 and 32)."""

from __future__ import annotations

import pytest

from planner.estate import CutoverPolicy
from planner.plan.orders import latched
from replication.model.item import OrderKind
from replication.model.record import Life, OrderProgress, Record

WINDOW = CutoverPolicy(window="2027-01-17 01:00/05:00", opens=1000.0, closes=2000.0)
OTHER = CutoverPolicy(window="2027-01-24 01:00/05:00", opens=3000.0, closes=4000.0)


def ended(outcome: str, **facts: str) -> Record:
    order = OrderProgress(1, "o", OrderKind.MIGRATE, (), facts=facts, outcome=outcome, problem="no capacity")
    return Record("m", "r", 1, 1, Life.DELTA, 3, order=order, orders_done=1)


@pytest.mark.parametrize("outcome", ["failed", "aborted", "missed"])
def test_one_attempt_per_window(outcome: str) -> None:
    record = ended(outcome, window="1000/2000")
    why = latched(record, WINDOW)
    assert why is not None and "no capacity" in why and "wavelift resume" in why
    assert latched(record, OTHER) is None, "another window is another attempt"
    assert latched(record, CutoverPolicy()) is None


def test_without_a_window_only_what_had_been_powered_off_is_latched() -> None:
    assert latched(ended("aborted"), CutoverPolicy()) is None
    assert latched(ended("aborted", power_off_asked="5"), CutoverPolicy()) is not None
    assert latched(ended("done", power_off_asked="5"), CutoverPolicy()) is None
    assert latched(None, WINDOW) is None
