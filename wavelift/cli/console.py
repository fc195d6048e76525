"""What a person sees while something takes long: a live line on a terminal, plain lines elsewhere, nothing with --json."""

from __future__ import annotations

import sys
import threading
import time

LIVELY = 0.1
"""Seconds between redraws on a terminal."""


class Console:
    """Writes to standard error, so that standard output stays the result. Safe to use from several threads."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self.terminal = sys.stderr.isatty() and not quiet
        self._guard = threading.Lock()
        self._shown = ""
        self._at = 0.0

    def doing(self, what: str) -> None:
        """A passing remark: on a terminal it is overwritten by the next, elsewhere it is a line."""
        if self.quiet:
            return
        with self._guard:
            if self.terminal:
                self._draw(f"{what} …")
            else:
                sys.stderr.write(f"{what}\n")

    def live(self, what: str) -> None:
        """A line that changes all the time: shown on a terminal only, at most ten times a second."""
        if not self.terminal or time.monotonic() - self._at < LIVELY:
            return
        with self._guard:
            self._draw(what)

    def line(self, what: str) -> None:
        """A line that stays."""
        if self.quiet:
            return
        with self._guard:
            self._clear()
            sys.stderr.write(what + "\n")
            sys.stderr.flush()

    def clear(self) -> None:
        with self._guard:
            self._clear()

    def _draw(self, what: str) -> None:
        self._clear()
        self._shown = what[:160]
        self._at = time.monotonic()
        sys.stderr.write(self._shown)
        sys.stderr.flush()

    def _clear(self) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            self._shown = ""
