"""What a plan was narrowed to, as it was asked for. Names are matched as globs, case counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

TOLD = 5
"""Globs of one kind that are told; the rest is counted."""


@lru_cache(maxsize=16)
def fits(globs: tuple[str, ...]) -> Callable[[str], bool]:
    """Whether a name is matched by one of `globs`; thousands of plain names, out of a file, cost no more than one."""
    names = frozenset(globs)
    patterns = [glob for glob in globs if any(sign in glob for sign in "*?[")]
    return lambda name: name in names or any(fnmatchcase(name, pattern) for pattern in patterns)


@dataclass(frozen=True, slots=True)
class Scope:
    """Globs as they were given. Those of one kind add up, those of different kinds all have to hold; what `exclude` matches
    (a machine's name, `wave.shop`, `target.korea`, an address of the plan) is taken out again. Empty: everything."""

    waves: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.chooses or self.exclude)

    @property
    def chooses(self) -> bool:
        """Whether it names what is wanted, and not only what is not."""
        return bool(self.waves or self.machines or self.targets)

    def excludes(self, *names: str) -> bool:
        return bool(self.exclude) and any(map(fits(self.exclude), names))

    def __str__(self) -> str:
        """As the options were given; of many of a kind the first."""
        kinds = (("wave", self.waves), ("machine", self.machines), ("target", self.targets), ("exclude", self.exclude))
        told = [f"--{kind} {glob}" for kind, globs in kinds for glob in globs[:TOLD]]
        more = [f"(and {len(globs) - TOLD} more of --{kind})" for kind, globs in kinds if len(globs) > TOLD]
        return " ".join([*told, *more])


EVERYTHING = Scope()
