"""issue 4, Forecast: after the demo the forecast is compared with what happened, and what was assumed in it is said."""

from __future__ import annotations

from rich.console import Console

from planner.estate import ShutdownPolicy
from wavelift.demo.foretold import Compared, assumed, table


def printed(one: Compared) -> str:
    console = Console(width=200, record=True, quiet=False)
    with console.capture() as seen:
        console.print(table([one]))
    return " ".join(seen.get().splitlines()[1].split())


def test_what_was_longer_what_was_assumed_and_what_was_unknown() -> None:
    assert printed(Compared("a", 6.0, 9.0, 10.0, 20.0, 20.0)) == "a 6.0 s 9.0 s 10.0 / 20.0 s 20.0 s"
    assert printed(Compared("a", 6.0, 9.0, 10.0, 20.0, 20.1, "x")).endswith("20.1 s longer than p90")
    told = printed(Compared("a", None, None, 150.0, 210.0, 2.0, assumed({}, ShutdownPolicy("guest", 30.0))))
    assert told == "a unknown unknown 150.0 / 210.0 s 2.0 s assumed: 120 s for Azure and 30 s for the shutdown"
    assert printed(Compared("a", 1.0, 1.0, None, None, None)) == "a 1.0 s 1.0 s unknown unknown"


def test_what_was_measured_is_not_assumed() -> None:
    guest = ShutdownPolicy("guest", 600.0)
    assert assumed({"azure": 1.0}, guest) == "60 s for the shutdown"
    assert assumed({"azure": 1.0, "shutdown": 2.0}, guest) == assumed({"azure": 1.0}, ShutdownPolicy("force")) == ""
