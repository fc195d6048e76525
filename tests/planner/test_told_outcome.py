"""What an apply says at its end."""

from __future__ import annotations

import json

import pytest

from planner.apply import Outcome
from wavelift.applying.waiting import Waited
from wavelift.cli.console import Console
from wavelift.cli.outcome import tell

PARTLY = Outcome(("vault", "log_store.koreacentral"), {"seed_store.korea": "quota"}, {"replication.web-01": "seed_store.korea"})


def test_a_partial_apply_says_what_did_succeed(capsys: pytest.CaptureFixture[str]) -> None:
    """issue 4 (iac.md, complaint 10): a failed apply lists what is done, what failed with its reason, what was skipped for it."""
    tell(PARTLY, Waited({}), False, Console(quiet=True))
    said = capsys.readouterr()
    assert said.out == "Apply: 2 done, 1 failed, 1 skipped.\n"
    assert said.err.splitlines() == [
        "  done and recorded: vault, log_store.koreacentral",
        "  failed seed_store.korea: quota",
        "  skipped replication.web-01: needs seed_store.korea",
        "Run `wavelift apply` again to go on with the rest.",
    ]
    tell(PARTLY, Waited({}), True, Console(quiet=True))
    assert json.loads(capsys.readouterr().out)["done"] == ["vault", "log_store.koreacentral"]


def test_many_are_counted_and_success_is_short(capsys: pytest.CaptureFixture[str]) -> None:
    """Thousands of addresses are no help; without a failure the count is enough."""
    many = Outcome(tuple(f"vm.{n}" for n in range(3000)), {"vm.x": "quota"})
    tell(many, Waited({}), False, Console(quiet=True))
    assert "vm.19 and 2980 more" in capsys.readouterr().err
    tell(Outcome(many.done), Waited({}), False, Console(quiet=True))
    assert capsys.readouterr() == ("Apply: 3000 done.\n", "")
