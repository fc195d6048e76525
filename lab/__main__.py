"""`python -m lab vcenter|azure --root DIR …`: start one of the lab's servers in this process."""

from __future__ import annotations

import sys

_USAGE = "usage: python -m lab vcenter|azure --root DIR [options]   (--help after the name lists its options)\n"


def main(arguments: list[str]) -> int:
    """Run the named server until it is told to stop; returns the process's exit code.

    The servers are imported when asked for: neither needs the other's libraries.
    """
    match arguments:
        case ["vcenter", *rest]:
            from lab.vcenter.main import main as vcenter

            return vcenter(rest)
        case ["azure", *rest]:
            from lab.azure.main import main as azure

            return azure(rest)
        case _:
            sys.stderr.write(_USAGE)
            return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
