"""The top of `status` and `status --check`: users.md screen 2 and The weeks 17, from rows as `status --json` shows them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from planner.config import load
from planner.estate import Estate
from wavelift.problems import UserProblem
from wavelift.watching.overview import COLUMNS, head, waves
from wavelift.watching.standards import failures, held, parsed

NOW = 1_800_000_000.0
GOOD = Path(__file__).parents[1] / "cases" / "config" / "good-seoul"


@pytest.fixture(scope="module")
def estate() -> Estate:
    found = load(GOOD, env={"TENANT_ID": "corp.example", "SUB": "sub-shop"}).estate
    assert found is not None
    return found


def row(machine: str, wave: str = "shop", state: str = "test migration pending", **more: Any) -> dict[str, Any]:
    base = {"machine": machine, "wave": wave, "state": state, "appliance": "gw-1", "life": "replicating", "heartbeat": 4.0}
    return {**base, "lag": 60.0, "cycle": 3, "needs": "", **more}


ROWS = [
    row("shop-db-01", lag=52 * 60.0, held="esx-03: 8 of 8 disks in flight"),
    row("shop-web-01", state="initial replication", lag=None),
    row("shop-web-02", needs="shop-web-02: held by kim: INC-881 -> wavelift status shop-web-02", hold="held by kim: INC-881"),
    row("erp-01", "erp", appliance="gw-2", heartbeat=660.0, lag=7200.0),
    row("wiki-01", "pilot", state="not applicable", life="completed", heartbeat=9e5),
]


def test_head_says_which_engine_is_silent_and_who_needs_somebody() -> None:
    """users.md screen 2: `gw-1 ok 4 s`, `gw-2 SILENT 11 min`, NEEDS YOU n."""
    lines = list(head(ROWS))
    assert lines[0] == "gw-1 ok 4 s · gw-2 SILENT 11 min"
    assert lines[1] == "NEEDS YOU 2:"
    assert "gw-2 silent" in lines[2] and "INC-881" in lines[3]


def test_head_says_what_is_on_the_line() -> None:
    """users.md screen 2: `WAN 196 of 200 Mbps`, as the newest word of an engine has it; a silent one has nothing on the line."""
    rows = [row("a", heartbeat=9.0, line=5e6, line_limit=2e8), row("b", heartbeat=4.0, line=1.96e8, line_limit=2e8)]
    assert next(head(rows)) == "gw-1 ok 4 s · WAN 196 of 200 Mbps"
    assert next(head([row("a", heartbeat=4.0, line=3e6, line_limit=None)])) == "gw-1 ok 4 s · WAN 3 Mbps"
    assert next(head([row("a", heartbeat=900.0, line=3e6)])).endswith("SILENT 15 min")


def test_nothing_replicates_nothing_is_silent() -> None:
    assert list(head([ROWS[-1]])) == []
    assert failures(parsed(["heartbeat=1m", "lag=1s"]), [ROWS[-1]]) == []


def test_each_wave_is_a_line(estate: Estate) -> None:
    """users.md screen 2: counts by stage, held ones apart, the worst lag with its machine, the next gate."""
    lines = {line[0]: dict(zip(COLUMNS, line, strict=True)) for line in waves(estate, ROWS, NOW)}
    assert lines["shop"]["delta"] == "1+1h" and lines["shop"]["initial"] == "1"
    assert lines["shop"]["worst lag"] == "shop-db-01 52 min"
    assert lines["pilot"]["done"] == "1" and lines["pilot"]["worst lag"] == ""
    assert lines["erp"]["next gate"], "it waits for a wave or for its window"


def test_a_check_names_what_fails(estate: Estate) -> None:
    """issue 4: `status --check lag=4h` has an exit code; a silent engine is seen by its missing heartbeat."""
    standards = parsed(["lag=1h", "heartbeat=10m", "needs=0"])
    lines = failures(standards, ROWS)
    assert lines[0] == "lag: erp-01 is 2 h behind (limit 1 h)"
    assert lines[1] == "heartbeat: gw-2 silent for 11 min (limit 10 min): nothing replicates erp-01"
    assert lines[2].startswith("needs: shop-web-02") and len(lines) == 3
    assert failures(parsed(["lag=3h", "heartbeat=12m", "needs=1"]), ROWS) == []
    assert held(parsed(["lag=3h", "needs=1"]), ROWS) == "ok: lag within 3 h, needs within 1; 4 machines replicate"


def test_an_engine_that_never_came_fails_its_check() -> None:
    waiting = {k: v for k, v in row("a", state="waiting for the engine").items() if k not in ("heartbeat", "lag")}
    assert failures(parsed(["heartbeat=10m"]), [waiting]) == [
        "heartbeat: gw-1 no engine has been there yet (limit 10 min): nothing replicates a"
    ]


@pytest.mark.parametrize("text", ["lag", "lag=", "lag=4 hours", "speed=3", "needs=few", "=4h"])
def test_a_check_that_means_nothing_says_how_it_is_written(text: str) -> None:
    with pytest.raises(UserProblem, match="lag=4h, heartbeat=10m, needs=0"):
        parsed([text])
