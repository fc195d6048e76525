"""What a command says when it cannot go on: one class, with the exit code; the command line turns it into text.

The exit codes are one table for all commands, so that a script never needs to read a text:
0 nothing to do or done; 1 an error; 2 changes to make (`plan --detailed-exitcode`) or drift (`drift`); 3 a plan file is
stale (what moved is listed); 4 the state is locked by somebody; 5 denied: a permission, an approval or a rule of `rules`
is missing or broken; 6 partial: some steps of an apply are done, others failed; 7 a check of `status --check` does not
hold; 130 interrupted.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from planner.estate import Diagnostic

OK, ERROR, CHANGES, STALE, LOCKED, DENIED, PARTIAL, CHECK_FAILED, INTERRUPTED = 0, 1, 2, 3, 4, 5, 6, 7, 130


class UserProblem(Exception):
    """Something that a user can cause and mend. `text` may have several lines; it names the object and the remedy."""

    def __init__(self, text: str, code: int = ERROR) -> None:
        super().__init__(text)
        self.text = text
        self.code = code


BREACHES = frozenset({"WL347", "WL443", "WL444", *(f"WL{number}" for number in range(481, 488))})
"""Codes of broken rules (`rules`), and of rights that somebody lacks."""


def code_for(errors: Iterable[Diagnostic]) -> int:
    """The exit code for what stands in the way: denied when it is broken rules and missing rights alone."""
    codes = {error.code for error in errors}
    if not codes:
        return OK
    return DENIED if codes <= BREACHES else ERROR


def coded(text: str, code: str) -> str:
    """`text` with the code that `wavelift explain-error` knows."""
    return f"{text} [{code}]"
