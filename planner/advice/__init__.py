"""What every code of a problem means, what to do about it, and an example of wrong and right.

    known = explained("WL120")
    print(known.title, known.todo)

`wavelift explain-error`, the help in SARIF and `docs/errors.md` are all written from here.
"""

from __future__ import annotations

from functools import cache
from typing import Literal, NamedTuple

from planner.advice.advice import Advice
from planner.advice.meanings import MEANING, WARNINGS
from planner.config.codes import CODES

__all__ = ["Advice", "Explained", "codes", "explained"]


class Explained(NamedTuple):
    code: str
    title: str
    meaning: str
    severity: Literal["error", "warning"]
    todo: str
    wrong: str
    """Lines of an estate, or a situation in words when there are none that show it."""
    right: str


def explained(code: str) -> Explained | None:
    """All that is known of a code; None for a code that wavelift does not have. Case does not matter."""
    return _all().get(code.casefold())


def codes() -> tuple[str, ...]:
    """Every code, in order: those of files first, then vCenter, state and Azure, then what forbids replication."""
    return tuple(known.code for known in _all().values())


@cache
def _all() -> dict[str, Explained]:
    from planner.advice.access import ACCESS
    from planner.advice.azure import AZURE
    from planner.advice.estate import ESTATE
    from planner.advice.forms import FORMS
    from planner.advice.inventory import INVENTORY
    from planner.advice.landing import LANDING
    from planner.advice.machines import BLOCKERS
    from planner.advice.planfiles import PLAN_FILES
    from planner.advice.protection import PROTECTION
    from planner.advice.rules import RULES
    from planner.advice.state import STATE
    from planner.advice.text import TEXT

    advice: dict[str, Advice] = {**TEXT, **FORMS, **ESTATE, **INVENTORY, **AZURE, **ACCESS, **RULES, **STATE}
    advice |= {**PLAN_FILES, **PROTECTION, **LANDING}
    found: list[Explained] = []
    for code, one in sorted(CODES.items()):
        given = advice.get(code, Advice(one.explanation))
        found.append(Explained(code, one.summary, one.explanation, one.severity, given.todo, given.wrong, given.right))
    for code, meaning in sorted(MEANING.items()):
        given = advice.get(code, Advice(meaning))
        severity: Literal["error", "warning"] = "warning" if code in WARNINGS else "error"
        found.append(Explained(code, given.title or code, meaning, severity, given.todo, given.wrong, given.right))
    for code, given in sorted(BLOCKERS.items()):
        found.append(Explained(code, given.title, given.meaning, "error", given.todo, given.wrong, given.right))
    return {known.code.casefold(): known for known in found}
