"""`wavelift`, and `python -m wavelift`: run a command; errors that a user can cause become text, never a traceback."""

from __future__ import annotations

import sys


def run(arguments: list[str] | None = None) -> None:
    """The console entry point. Exits with the command's code."""
    sys.exit(main(sys.argv[1:] if arguments is None else arguments))


def main(arguments: list[str]) -> int:
    """Run one command line; its exit code."""
    from wavelift.cli.app import invoke

    return invoke(arguments)


if __name__ == "__main__":
    run()
