"""Which machines a scope leaves, which problems concern them, and names that fit nothing. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from planner.concerns import machine_of
from planner.estate import Diagnostic, Estate
from planner.plan.scope import Scope, fits
from planner.state import State
from planner.wording import did_you_mean, nearest, quote


class Within:
    """Which machines of an estate, and of those that the state still has, a scope leaves."""

    def __init__(self, scope: Scope, estate: Estate, state: State) -> None:
        self.scope = scope
        self._waves = {m.name: m.wave for m in estate.machines.values()}
        self._targets = {m.name: m.target for m in estate.machines.values()}
        self._estate = estate
        self._known = dict.fromkeys((*estate.machines, *state.by_name()))
        self.machines = frozenset(n for n in self._known if self._chooses(n)) if scope else frozenset(self._known)

    def _chooses(self, name: str) -> bool:
        scope, wave, target = self.scope, self._waves.get(name), self._targets.get(name)
        wanted = ((scope.waves, wave), (scope.machines, name), (scope.targets, target))
        if any(globs and not (value and fits(globs)(value)) for globs, value in wanted):
            return False
        return not scope.excludes(name, f"machine.{name}", f"wave.{wave}", f"target.{target}")

    def keeps(self, problem: Diagnostic) -> bool:
        """Whether a problem concerns what is left: not when it is of a machine, or of a target, that is not."""
        if not self.scope:
            return True
        machine = machine_of(problem, self._known)
        if machine is not None:
            return machine in self.machines
        kind, _, rest = problem.path.partition(".")
        if kind == "targets":
            return any(self._targets.get(m) == rest.partition(".")[0] for m in self.machines)
        return True

    def tells(self, subject: str) -> bool:
        """Whether something said of a machine's name, or of an address, is said here: not of machines that are not chosen."""
        if not self.scope:
            return True
        name = subject if subject in self._known else subject.partition(".")[2].partition("/")[0]
        return name in self.machines if name in self._known else not self.scope.chooses

    def unmatched(self, addresses: Iterable[str]) -> Iterator[Diagnostic]:
        """Globs that match nothing: most likely misspelled, and a plan without what was meant is no plan."""
        waves, targets = self._estate.waves, self._estate.targets
        kinds = (("--wave", self.scope.waves, waves), ("--target", self.scope.targets, targets))
        wrong = False
        for option, globs, known in (*kinds, ("--machine", self.scope.machines, self._known)):
            for glob in globs:
                if not (glob in known or any(fnmatchcase(name, glob) for name in known)):
                    wrong = True
                    yield _nothing(option, glob, did_you_mean(glob, known))
        if self._known and not self.machines and not wrong:
            text = f"{self.scope} leaves no machine: options of different kinds all have to hold."
            yield Diagnostic("WL502", "narrowed to what is not there", text)
        if not self.scope.exclude:
            return
        names = [*self._known, *(f"machine.{m}" for m in self._known)]
        names += [*(f"wave.{w}" for w in waves), *(f"target.{t}" for t in targets), *addresses]
        there = frozenset(names)
        for glob in self.scope.exclude:
            if not (glob in there or any(fnmatchcase(name, glob) for name in names)):
                guess = next((f"{kind}.{glob}" for kind, of in (("wave", waves), ("target", targets)) if glob in of), None)
                guess = guess or nearest(glob, names)
                yield _nothing("--exclude", glob, f" Did you mean {quote(guess)}?" if guess else "")


def _nothing(option: str, glob: str, hint: str) -> Diagnostic:
    return Diagnostic("WL502", "narrowed to what is not there", f"{option} {quote(glob)} matches nothing.{hint}")
