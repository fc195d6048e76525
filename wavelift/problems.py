"""What a command says when it cannot go on: one class, with the exit code; the command line turns it into text.

Exit codes: 0 nothing to do or done, 1 an error, 2 changes pending (`plan --detailed-exitcode`), 130 interrupted.
"""

from __future__ import annotations

OK, ERROR, CHANGES, INTERRUPTED = 0, 1, 2, 130


class UserProblem(Exception):
    """Something that a user can cause and mend. `text` may have several lines; it names the object and the remedy."""

    def __init__(self, text: str, code: int = ERROR) -> None:
        super().__init__(text)
        self.text = text
        self.code = code
