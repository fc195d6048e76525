"""`wavelift`, and `python -m wavelift`: run a command; errors that a user can cause become text, never a traceback."""

from __future__ import annotations

import gc
import sys

SHORT = frozenset({"validate", "plan", "show", "graph", "drift", "forecast"})
"""Commands that read, print and end: what they make stays until then, so Python's collector would only look at it again."""


def run(arguments: list[str] | None = None) -> None:
    """The console entry point. Exits with the command's code."""
    given = sys.argv[1:] if arguments is None else arguments
    if given and given[0] in SHORT:
        gc.disable()
    sys.exit(main(given))


def main(arguments: list[str]) -> int:
    """Run one command line; its exit code."""
    from wavelift.cli.app import invoke

    return invoke(arguments)


if __name__ == "__main__":
    run()
