"""Whether what a guest writes to its serial port says that it has started (pure)."""

from __future__ import annotations

import re
from typing import Literal

BOOT_LOG = "boot-log"
"""`ready` of a cut-over: alone for the patterns below, or with one of its owner's behind a colon."""

PATTERNS: dict[str, str] = {
    "Linux": r"Reached target (Multi-User|Graphical)|Reached target (multi-user|graphical)\.target|login:\s*$",
    "Windows": r"SAC>|The SAC (is|will become) available|SAC started",
}
"""Linux: systemd's last target, or a login prompt; needs a serial console (console=ttyS0). Windows: its Special
Administration Console, which comes up with the kernel and before the services; needs EMS (bcdedit /ems on)."""

_LONGEST_LINE = 4096
"""Characters of a line that are looked at, so that no pattern can take for ever."""
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f]")
"""Colours and cursor moves, which stand in the middle of systemd's words."""


def wanted_pattern(ready: str, os_type: Literal["Linux", "Windows"]) -> str:
    """The pattern of `boot-log` or `boot-log:PATTERN`."""
    return ready.partition(":")[2] or PATTERNS[os_type]


def says_started(log: str, pattern: str) -> bool:
    """Whether a line of the log holds the pattern; terminal controls are taken out first."""
    looked = re.compile(pattern)
    return any(looked.search(_CONTROL.sub("", line[:_LONGEST_LINE])) for line in log.splitlines())
