"""Plan files on disk: written whole or not at all, read with every doubt. Imports no more than `wavelift show` needs."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from planner.artifact import Json
from planner.planfile.envelope import LARGEST, BadPlanFile, PlanFile, dumps, loads, valid_until
from wavelift.problems import ERROR, UserProblem
from wavelift.wholefile import write_whole

if TYPE_CHECKING:
    from planner.estate import Estate
    from planner.plan import Plan


VALID = 72 * 3600.0
"""Seconds that a plan file can be applied for when no rule says otherwise."""


def validity(estate: Estate) -> float:
    """The shortest time of all rules that name one."""
    return min((r.plan_valid for r in estate.rules if r.plan_valid is not None), default=VALID)


def write(path: Path, plan: Plan, estate: Estate, now: float | None = None, forecast: Json = None) -> PlanFile:
    """Write the file whole or not at all; readable by its owner alone until it is given to somebody."""
    until = valid_until(time.time() if now is None else now, validity(estate))
    data = dumps(plan, until, estate.folder, forecast)
    try:
        write_whole(path, data)
    except OSError as error:
        raise UserProblem(f"the plan file {path} cannot be written: {error.strerror or error}") from error
    return loads(data, str(path))


def read(path: Path) -> PlanFile:
    """`UserProblem` for what is no plan file, is damaged, or is too large to be one."""
    try:
        if not path.is_file():
            raise refusal("WL400", f"{path} is not a file" if path.exists() else f"there is no file {path}")
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise UserProblem(f"the plan file {path} cannot be read: {error.strerror or error}") from error
    if len(data) > LARGEST:
        raise refusal("WL400", f"{path} is larger than any plan ({LARGEST // 1024 // 1024} MiB)")
    try:
        return loads(data, str(path))
    except BadPlanFile as error:
        raise UserProblem(str(error)) from error


def says_destroy(path: Path) -> bool:
    """Whether a file says that it is one of `destroy --out`, whatever else is wrong with it (`wavelift.leaving.destroyfile`)."""
    try:
        if not path.is_file():
            return False  # a pipe that nobody writes to would be waited for
        with path.open("rb") as file:
            return file.read(64).startswith(b'{"format":"wavelift-destroy-')
    except OSError:
        return False


def moment(at: float, iso: bool = False, zone: str = "UTC") -> str:
    """A unix time: "Sun 2027-01-17 05:00 KST" by the clocks of `zone`, or as ISO in UTC."""
    if iso:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    return f"{datetime.fromtimestamp(at, ZoneInfo(zone)):%a %Y-%m-%d %H:%M %Z}"


def pin(file: PlanFile) -> str:
    """What `apply --expect-sha` takes to demand just this file: its digest, and the end of validity that is not in it."""
    return f"{file.digest}@{moment(file.valid_until, iso=True)}"


def refusal(code: str, text: str, exit_code: int = ERROR) -> UserProblem:
    return UserProblem(f"{text} [{code}]", exit_code)
