"""What a plan was narrowed to, as it was asked for. Names are matched as globs, case counts."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase


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
        return any(fnmatchcase(name, glob) for glob in self.exclude for name in names)

    def __str__(self) -> str:
        """As the options were given."""
        kinds = (("wave", self.waves), ("machine", self.machines), ("target", self.targets), ("exclude", self.exclude))
        return " ".join(f"--{kind} {glob}" for kind, globs in kinds for glob in globs)


EVERYTHING = Scope()
