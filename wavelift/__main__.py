"""`wavelift`, and `python -m wavelift`: run a command; errors that a user can cause become text, never a traceback."""

from __future__ import annotations

import gc
import os
import sys
from typing import NoReturn

from wavelift.problems import INTERRUPTED
from wavelift.streams import WORK, outlive_readers

SHORT = frozenset({"validate", "plan", "show", "graph", "drift", "forecast"})
"""Commands that read, print and end: what they make stays until then, so Python's collector would only look at it again."""


def run(arguments: list[str] | None = None) -> None:
    """The console entry point. Exits with the command's code."""
    open_streams()
    given = sys.argv[1:] if arguments is None else arguments
    if given and given[0] in WORK:
        outlive_readers()
    short = bool(given) and given[0] in SHORT
    if short:
        gc.disable()
    code = main(given)
    if short or code == INTERRUPTED:  # a call that was left in the middle: Python would wait for its thread
        leave(code)
    sys.exit(written(code))


def open_streams() -> None:
    """A stream that whoever started us has closed (`<&-`, some schedulers) becomes the null device: Python has None in its
    place, and the next file that is opened, the state perhaps, would get its number and what is printed."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is not None:
            continue
        try:
            os.fstat(number)
        except OSError:
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
        setattr(sys, name, open(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False))  # noqa: SIM115  for good


def leave(code: int) -> NoReturn:
    """End at once with everything written: taking a million values apart first would cost as much as reading the files."""
    os._exit(written(code))


def written(code: int) -> int:
    """The exit code once all that was printed is written, or could not be: then it is no success."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError as error:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)  # what is still in the buffer has a way out when Python ends
        os.close(null)
        if code == 0 and not isinstance(error, BrokenPipeError):  # `| head` has seen enough: there is nobody to tell
            os.write(2, f"Error: the output cannot be written: {error.strerror}.\n".encode())
            return 1
    return code


def main(arguments: list[str]) -> int:
    """Run one command line; its exit code."""
    from wavelift.cli.app import invoke

    return invoke(arguments)


if __name__ == "__main__":
    run()
