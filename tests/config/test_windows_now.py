"""What holds at a moment, as `status` says it: the throttle and its next change, the window that is open or comes next."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from planner.config import load
from tests.config.test_appliance_config import CASES, ENV
from wavelift.planning.windows import appliance_lines

SEOUL = ZoneInfo("Asia/Seoul")


@pytest.mark.parametrize(
    ("at", "one", "two"),
    [
        # gw-1: 1 Gbps, 200 Mbps in office hours, no limit over New Year; both closed Friday 18:00-23:00, Monday 7:00-9:00
        ("2027-01-13 10:00", "throttle 200 Mbps until 19:00, then 1 Gbps · next blackout payroll Fri 18:00", "Fri 18:00"),
        ("2027-01-13 20:00", "throttle 1 Gbps until Thu 8:00, then 200 Mbps · next blackout payroll Fri 18:00", "Fri 18:00"),
        ("2027-01-15 18:30", "throttle 200 Mbps until 19:00, then 1 Gbps · blackout payroll until 23:00", ""),
        ("2027-01-02 12:00", "throttle unlimited until Sun 0:00, then 1 Gbps · next blackout payroll Mon 7:00", "Mon 7:00"),
    ],
)
def test_what_holds_now(at: str, one: str, two: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """S13, S14, screen 2: in the appliance's own time."""
    shutil.copytree(CASES / "good-seoul", tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.json"))
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
    estate = load(tmp_path).estate
    assert estate is not None
    found = appliance_lines(estate, datetime.fromisoformat(at).replace(tzinfo=SEOUL).timestamp())
    tail = f"next blackout {two}" if two else "blackout until 23:00"
    assert found == [f"gw-1: {one}", f"gw-2: throttle 1500 Mbps · {tail}"]
