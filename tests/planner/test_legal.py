"""Earliest legal start: window, blackout, days of rules, a hold and cut-overs a night are one answer (The estate, 5)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from planner.config.cutover import window
from planner.estate import Azure, BlackoutPolicy, CutoverPolicy, Estate, Hold, Machine, Phase, ResourceGroup, Rule
from planner.legal import Asked, Legal, legal_starts
from replication.windows import Blackout
from replication.windowtext import parse

ZONE = "Asia/Seoul"


def at(day: int, hour: int, minute: int = 0, month: int = 1) -> float:
    return datetime(2027, month, day, hour, minute, tzinfo=ZoneInfo(ZONE)).timestamp()


NOW = at(15, 12)
"""A Friday."""


def machine(name: str = "db", text: str | None = None, **more: object) -> Machine:
    policy = CutoverPolicy(**more)  # type: ignore[arg-type]  # the test names fields
    if text is not None:
        opens, closes = window(text, ZONE)
        policy = replace(policy, window=text, opens=opens, closes=closes)
    return Machine(name, "shop", "korea", "seoul", Phase.MIGRATE, ("Standard_D2s_v5",), cutover=policy)


def estate(*rules: Rule) -> Estate:
    azure = Azure("t", "s", "koreacentral", ResourceGroup("rg"))
    return Estate("e", 1, ZONE, ".", "state", azure, {}, {}, {}, {}, {}, rules=rules, digest="")


def start(one: Machine, *rules: Rule, blackout: str = "", needed: float = 0.0) -> Legal:
    blackouts = (Blackout(parse(blackout), ZONE, "payroll"),) if blackout else ()
    return legal_starts(estate(*rules), [Asked(one, blackouts, needed)], NOW)[one.name]


CALM = Rule("calm", no_cutover=BlackoutPolicy("Friday;0:00;1d"))


def test_nothing_in_the_way_is_now() -> None:
    assert start(machine()) == Legal(NOW)


@pytest.mark.parametrize(
    ("one", "rules", "blackout", "needed", "expected", "why"),
    [
        (machine(text="2027-01-17 01:00/05:00"), (), "", 0, at(17, 1), "its window"),
        (machine(), (), "Friday;10:00;5h", 0, at(15, 15), "blackout payroll"),
        (machine(), (CALM,), "", 0, at(16, 0), "rule calm"),
        (machine(), (CALM,), "Saturday;0:00;2h", 0, at(16, 2), "blackout payroll"),
        (machine(text="2027-01-17 01:00/05:00"), (), "Sunday;0:00;2h", 0, at(17, 2), "blackout payroll"),
        (machine(), (Rule("s", no_cutover=BlackoutPolicy("Friday;13:00;1h")),), "", 7200, at(15, 14), "rule s"),
    ],
)
def test_each_moves_the_start_on(
    one: Machine, rules: tuple[Rule, ...], blackout: str, needed: float, expected: float, why: str
) -> None:
    found = start(one, *rules, blackout=blackout, needed=needed)
    assert found.at == expected
    assert any(why in reason for reason in found.why), found


def test_a_policy_may_override_the_blackout() -> None:
    assert start(machine(in_blackout="override"), blackout="Friday;10:00;5h").at == NOW


@pytest.mark.parametrize(
    ("one", "blackout", "needed", "why"),
    [
        (machine(text="2027-01-17 01:00/02:00"), "", 3700, "60 min of it are left and up to 62 min are needed"),
        (machine(text="2027-01-17 01:00/02:00"), "Sunday;0:00;2h", 0, "it is over"),
        (machine(text="2027-01-14 01:00/02:00"), "", 0, "it is over"),
        (machine(), "Monday;0:00;7d", 0, "blackout payroll"),
        (replace(machine(), hold=Hold("INC-881")), "", 0, "held: INC-881"),
    ],
)
def test_some_have_none(one: Machine, blackout: str, needed: float, why: str) -> None:
    found = start(one, blackout=blackout, needed=needed)
    assert found.at is None and any(why in reason for reason in found.why), found


def test_a_hold_with_a_date_ends_there() -> None:
    assert start(replace(machine(), hold=Hold("INC-881", "2027-01-20"))).at == at(20, 0)


def test_places_of_a_night_are_taken_in_order() -> None:
    """At most N a night; a night goes from noon to noon."""
    rule = Rule("nights", max_cutovers_a_night=2)
    found = legal_starts(estate(rule), [Asked(machine(name)) for name in "abcde"], NOW)
    assert [legal.at for legal in found.values()] == [NOW, NOW, at(16, 12), at(16, 12), at(17, 12)]
    assert found["c"].why == ("rule nights (2 a night)",)
    windows = [Asked(machine(name, "2027-01-17 01:00/05:00")) for name in "abc"]
    assert [one.at for one in legal_starts(estate(rule), windows, NOW).values()] == [at(17, 1), at(17, 1), None]


def test_the_clock_that_is_put_forward() -> None:
    """Berlin, 28 March 2027: 02:00 to 03:00 does not exist; a blackout until 02:30 ends at the jump."""
    zone = ZoneInfo("Europe/Berlin")
    now = datetime(2027, 3, 28, 1, 0, tzinfo=zone).timestamp()
    berlin = replace(estate(), time_zone="Europe/Berlin")
    asked = Asked(machine(), (Blackout(parse("Sunday;0:00;2h30m"), "Europe/Berlin"),))
    found = legal_starts(berlin, [asked], now)["db"].at
    assert found == datetime(2027, 3, 28, 3, 0, tzinfo=zone).timestamp()
