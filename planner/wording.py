"""Words that messages share: values in backticks, lists, and "did you mean"."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from itertools import islice

PATH = 1000
"""Characters of a file name that are shown: all of them, unlike those of a value."""


_ARM_ID = re.compile(r"/subscriptions/[^/\s]+/(?:resourceGroups/[^/\s]+/providers/[^/\s]+/)?([\w./()-]*[\w)])", re.IGNORECASE)

MAX_TYPOS = 4
"""Letters by which a name may be longer or shorter than what it was meant to be."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that `word` was most likely meant to be; among very many only the first few hundred are looked at."""
    alike = (name for name in known if abs(len(name) - len(word)) <= MAX_TYPOS)
    folded = {name.casefold(): name for name in islice(alike, 300)}
    near = difflib.get_close_matches(word.casefold(), list(folded), n=1, cutoff=0.6)
    return folded[near[0]] if near else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A sentence that begins with a space: " Did you mean `x`?", or the names when they are few, or nothing."""
    names = list(known)
    if guess := nearest(word, names):
        return f" Did you mean {quote(guess)}?"
    if not names:
        return " None is declared."
    return f" Known here: {', '.join(quote(name) for name in names)}." if len(names) <= 14 else ""


def quote(text: object, limit: int = 60) -> str:
    """The value between backticks, on one line and not longer than `limit` characters."""
    line = "".join(c if c.isprintable() else "·" for c in str(text))
    return f"`{line}`" if len(line) <= limit else f"`{line[: limit - 1]}…`"


def without_arm_ids(text: str) -> str:
    """What a person reads at night: "virtualMachines/web-01", "resourceGroups/rg" for ARM ids. What a script reads keeps them."""
    return _ARM_ID.sub(r"\1", text)


def some(names: Sequence[str], most: int = 5) -> str:
    """`a, b and 7 more`: names in words, the first `most` of them."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def listing(values: Iterable[object], last: str = "or") -> str:
    """`a`, `b` or `c`."""
    words = [quote(v) for v in values]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"
