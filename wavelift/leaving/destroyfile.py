"""What a destroying would take, as a document: shown, printed as JSON, kept in a file to be reviewed, and held against what is
there when the file is applied.

    {"format":"wavelift-destroy-1","sha256":"…","what":{"estate":…,"lineage":…,"words":…,"waves":[…],"machines":[…],
     "number":N,"valid_until":"…","stops":[[name, stage]],"data":[[address, id]],"rest":[…],"stays":[…]}}

The sha256 is that of `what`, canonical: the end of validity is in it, so no byte of what a reviewer saw can be another one.
Applied is a file when nothing goes that is not in it, under the same id. Less may go: an earlier apply of it was cut off.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from planner.planfile.envelope import valid_until
from planner.state import Recorded
from wavelift.applying.planio import moment, refusal
from wavelift.leaving.destroying import Aim, Going
from wavelift.problems import DENIED, STALE, UserProblem
from wavelift.wholefile import write_whole

FORMAT = "wavelift-destroy-1"
LARGEST = 256 * 1024 * 1024
Pairs = tuple[tuple[str, str], ...]
SHOWN = 40
"""Lines of one kind that are shown; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Doomed:
    """`stops`: machines and where each is in its life. The others: addresses and ids. `valid_until` is ISO, or "" when shown
    only; `waves` and `machines` are the globs that were asked."""

    estate: str
    lineage: str
    words: str
    waves: tuple[str, ...]
    machines: tuple[str, ...]
    number: int
    stops: Pairs
    data: Pairs
    rest: Pairs
    stays: Pairs
    valid_until: str = ""

    @property
    def digest(self) -> str:
        return hashlib.sha256(_canonical(asdict(self))).hexdigest()


def doomed(
    names: tuple[str, str], what: Aim, globs: tuple[Sequence[str], Sequence[str]], gone: Going, stops: Mapping[str, str]
) -> Doomed:
    """`names`: of the estate and its lineage; `globs`: of waves and machines."""
    estate, lineage = names
    data, rest, stays = (_pairs(part) for part in (gone.data, gone.rest, gone.stays))
    waves, machines = (tuple(part) for part in globs)
    return Doomed(estate, lineage, what.words, waves, machines, gone.number, tuple(sorted(stops.items())), data, rest, stays)


def until(now: float, validity: float) -> str:
    return moment(valid_until(now, validity), iso=True)


def write(path: Path, found: Doomed) -> None:
    """Whole or not at all; readable by its owner alone."""
    text = _canonical({"format": FORMAT, "sha256": found.digest, "what": asdict(found)}) + b"\n"
    try:
        write_whole(path, text)
    except OSError as error:
        raise UserProblem(f"the file {path} cannot be written: {error.strerror or error}") from error


def read(path: Path) -> Doomed:
    """`UserProblem` for what was not written by `write`."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        document = json.loads(data)
        said = document["what"]
        stops, *going = (tuple((str(a), str(b)) for a, b in said[k]) for k in ("stops", "data", "rest", "stays"))
        waves, machines = (tuple(str(g) for g in said[k]) for k in ("waves", "machines"))
        estate, lineage, words, end = (str(said[k]) for k in ("estate", "lineage", "words", "valid_until"))
        found = Doomed(estate, lineage, words, waves, machines, int(said["number"]), stops, going[0], going[1], going[2], end)
        datetime.fromisoformat(found.valid_until)
    except OSError as error:
        raise UserProblem(f"the file {path} cannot be read: {error.strerror or error}") from error
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise _damaged(path, "what it says cannot be read") from error
    whole = _canonical({"format": FORMAT, "sha256": found.digest, "what": asdict(found)}) + b"\n"
    if whole != data:
        raise _damaged(path, "its sha256 does not fit")
    return found


def in_time(found: Doomed, path: Path, now: float) -> None:
    if now > datetime.fromisoformat(found.valid_until).timestamp():
        raise refusal("WL406", f"{path} is stale: it was valid until {found.valid_until}. Look again.", STALE)


def fits(found: Doomed, path: Path, expected: str | None, allowed: int | None) -> None:
    """What a file says of itself: it is the reviewed one, and of the number that was said besides. Writing one needs
    no number: whoever applies it says the number, or the sha256 of the file that has it."""
    if expected is not None and expected.partition("@")[0].strip().lower().removeprefix("sha256:") != found.digest:
        told = f"{path} is not what was reviewed: its sha256 is {found.digest}, expected was {expected}"
        raise refusal("WL405", told, DENIED)
    if allowed is not None and allowed != found.number:
        raise refusal("WL408", f"--allow-destroy {allowed}, and {path} destroys {found.number}. Nothing was changed.")
    if allowed is None and expected is None and found.number:
        told = f"{path} destroys {found.number} artifacts that hold data: say `--allow-destroy {found.number}`"
        raise UserProblem(f"{told}, or `--expect-sha` with the sha256 that was reviewed. Nothing was changed.", DENIED)


def held_against(found: Doomed, path: Path, now: Doomed) -> None:
    """`UserProblem` when anything would go, or is kept, that the file does not say; every such thing is listed."""
    if (found.estate, found.lineage) != (now.estate, now.lineage):
        told = f"{path} is of estate {found.estate!r} (lineage {found.lineage}), not of {now.estate!r} ({now.lineage})"
        raise refusal("WL403", f"{told}. Nothing was changed.")
    moved = []
    for says, there, here in (
        ("would go, and holds data", now.data, found.data),
        ("would go", now.rest, found.rest),
        ("stays now", now.stays, found.stays),
    ):
        moved += [f"  {address}: {says}" for address, _ in sorted(set(there) - set(here))]
    moved += [f"  {name}: would be stopped ({where})" for name, where in now.stops if name not in dict(found.stops)]
    if moved:
        told = "\n".join([f"{path} is stale: this was not in it when it was reviewed:", *moved])
        raise refusal("WL404", f"{told}\nNothing was changed; look again with `wavelift destroy --out`.", STALE)


def lines(found: Doomed) -> list[str]:
    """For people."""
    count = len(found.data) + len(found.rest)
    said = [f"Destroy {found.words}: {len(found.stops)} machines are stopped, {count} artifacts are deleted."]
    for title, listed in (
        ("Stopped first, by orders to the engine", [f"{name} ({where})" for name, where in found.stops]),
        (f"HOLDS DATA, cannot be made again ({found.number})", [f"- {address}  {id}" for address, id in found.data]),
        ("Deleted with it", [f"- {address}" for address, _ in found.rest]),
        ("Stays: it is yours", [f"{address}  {id}" for address, id in found.stays]),
    ):
        said += listing(title, listed)
    return said


def listing(title: str, listed: Sequence[str]) -> list[str]:
    if not listed:
        return []
    more = [f"  and {len(listed) - SHOWN} more"] if len(listed) > SHOWN else []
    return [f"{title}:", *(f"  {line}" for line in listed[:SHOWN]), *more]


def to_json(found: Doomed) -> dict[str, Any]:
    return {"format": FORMAT, "sha256": found.digest, **asdict(found)}


def markdown(found: Doomed) -> str:
    """One comment; the line of the sha256 is that of a plan's comment."""
    head = f"### wavelift: DESTROY {found.words}: {found.number} that hold data\n\nsha256 `{found.digest}`\n"
    return "\n".join([head, f"Valid until {found.valid_until}.", "", "```text", *lines(found), "```", ""])


def _pairs(recorded: Sequence[Recorded]) -> Pairs:
    return tuple(sorted((r.address, r.id) for r in recorded))


def _damaged(path: Path, problem: str) -> UserProblem:
    return refusal("WL401", f"{path} is damaged or was changed: {problem}. Write it again with `wavelift destroy --out`.")


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
