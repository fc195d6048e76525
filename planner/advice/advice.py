"""One code's advice, as the tables beside this module write it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Advice:
    """`todo` in full sentences. `wrong` and `right` are lines of an estate that show the problem and its end; a test loads
    them. Where no lines can show it they are a situation in words, which begins with `(`.

    `title` is the diagnostic's summary where `planner.config.codes` has none; `meaning` only for what forbids replication.
    """

    todo: str
    wrong: str = ""
    right: str = ""
    title: str = ""
    meaning: str = ""
