"""What a person sees while something takes long: a live line on a terminal, plain lines elsewhere.

With --json a terminal has the live line all the same, and nothing stays of it; with `--log json` standard error is for events.
"""

from __future__ import annotations

import sys
import threading
import time

LIVELY = 0.1
"""Seconds between redraws on a terminal."""

TICK = 0.9
"""Seconds after which a terminal is told how long the same thing has taken by now: never silent for a whole second."""

PATIENCE = 0.5
"""Seconds of work without a word after which a terminal is told what it is: importing has taken some before."""


class Console:
    """Writes to standard error, so that standard output stays the result. Safe to use from several threads.

    `quiet`: no line that stays. `mute`: nothing at all.
    """

    def __init__(self, quiet: bool = False, mute: bool = False) -> None:
        self.quiet = quiet or mute
        self.terminal = sys.stderr.isatty() and not mute
        self._guard = threading.Lock()
        self._shown = ""
        self._at = 0.0
        self._what = ""
        self._since = 0.0
        self._ticking = False
        _consoles.append(self)

    def doing(self, what: str) -> None:
        """A passing remark: on a terminal it is overwritten by the next, elsewhere it is a line."""
        with self._guard:
            if self.terminal:
                self._begin(f"{what} …")
            elif not self.quiet:
                sys.stderr.write(f"{what}\n")

    def soon(self, what: str) -> None:
        """What is done without another word: a terminal is told of it when it takes longer than half a second."""
        if self.terminal:
            with self._guard:
                self._begin(f"{what} …", told=False)

    def live(self, what: str) -> None:
        """A line that changes all the time: shown on a terminal only, at most ten times a second."""
        if not self.terminal or time.monotonic() - self._at < LIVELY:
            return
        with self._guard:
            self._begin(what)

    def line(self, what: str) -> None:
        """A line that stays; nothing where there is nothing to say."""
        if self.quiet or not what:
            return
        with self._guard:
            self._clear()
            sys.stderr.write(what + "\n")
            sys.stderr.flush()

    def clear(self) -> None:
        """Take the passing remark away: what it was about is done."""
        with self._guard:
            self._what = ""
            self._clear()

    def _begin(self, what: str, told: bool = True) -> None:
        self._what, self._since = what, time.monotonic()
        if told:
            self._draw(what)
        if not self._ticking:
            self._ticking = True
            threading.Thread(target=self._tick, args=(TICK if told else PATIENCE,), name="console", daemon=True).start()

    def _tick(self, first: float) -> None:
        """Until the process ends: a daemon, since whatever it would say then is not worth waiting for."""
        wait = first
        while True:
            time.sleep(wait)
            with self._guard:
                passed = time.monotonic() - self._since
                if self._what and passed >= wait:
                    self._draw(f"{self._what} {passed:.0f} s" if passed >= TICK else self._what)
            wait = TICK

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


_consoles: list[Console] = []


def hush() -> None:
    """Take every passing remark away, before an error is printed or standard output is written."""
    for console in _consoles:
        console.clear()
