"""This release's version, as state, documents and status carry it; a test holds it against the package's."""

import re

RELEASE = "0.1.0"


def skewed(theirs: object) -> str:
    """What to add to a complaint about a document of another release: which side is older. Empty for one of this release."""
    if theirs == RELEASE or not isinstance(theirs, str) or not theirs:
        return ""
    told = f"it was written by wavelift {theirs}, and this is {RELEASE}"
    mine, other = _numbers(RELEASE), _numbers(theirs)
    if other > mine:
        return f"{told}, which is older: upgrade wavelift here"
    return f"{told}, which is newer: upgrade the side that wrote it" if other < mine else told


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", release))
