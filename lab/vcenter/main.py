"""`python -m lab vcenter`: the vCenter server's process."""

from __future__ import annotations


def main(arguments: list[str]) -> int:
    """Start the server and run it until it is told to stop; returns the exit code."""
    raise NotImplementedError
