"""A counter-based ready queue over steps: linear in steps and needs. Knows nothing of what a step does.

A failed step skips everything that needs it, directly or not; the rest goes on. `stop` lets running steps finish and starts
no more: what was not started is reported as such.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from planner.steps import Step
from replication.model.errors import PortError


class Reporter:
    """Hears what happens; every method may be left out. Called from several threads."""

    def started(self, step: Step) -> None: ...

    def done(self, step: Step) -> None: ...

    def failed(self, step: Step, problem: str) -> None: ...

    def skipped(self, step: Step, because: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """Addresses by what became of them. `failed`: address -> problem; `skipped`: address -> the failed one."""

    done: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)
    not_started: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        return not (self.failed or self.skipped or self.not_started)


def execute(
    steps: Sequence[Step], do: Callable[[Step], None], parallelism: int, stop: threading.Event, reporter: Reporter
) -> Outcome:
    """Do every step after those it needs. `do` raises `PortError` for what went wrong outside; anything else is a bug
    of ours: the running steps finish, and it is raised."""
    if not steps:
        return Outcome()
    return _Run(steps, do, stop, reporter).run(parallelism)


class _Run:
    def __init__(self, steps: Sequence[Step], do: Callable[[Step], None], stop: threading.Event, reporter: Reporter) -> None:
        self._steps = steps
        self._do = do
        self._stop = stop
        self._reporter = reporter
        at = {s.address: i for i, s in enumerate(steps)}
        self._waits = [0] * len(steps)
        self._feeds: list[list[int]] = [[] for _ in steps]
        for i, step in enumerate(steps):
            for need in step.needs:
                if need in at:
                    self._waits[i] += 1
                    self._feeds[at[need]].append(i)
        self._done: list[str] = []
        self._failed: dict[str, str] = {}
        self._skipped: dict[str, str] = {}

    def run(self, parallelism: int) -> Outcome:
        pool = ThreadPoolExecutor(max_workers=parallelism, thread_name_prefix="apply")
        try:
            bug = self._through(pool, parallelism)
        except KeyboardInterrupt:  # a second Ctrl-C: whoever asks a second time does not wait for a call that takes ten minutes
            pool.shutdown(wait=False)
            raise
        except BaseException:
            pool.shutdown()
            raise
        pool.shutdown()
        if bug is not None:
            raise bug
        seen = {*self._done, *self._failed, *self._skipped}
        left = tuple(s.address for s in self._steps if s.address not in seen)
        return Outcome(tuple(self._done), self._failed, self._skipped, left)

    def _through(self, pool: ThreadPoolExecutor, parallelism: int) -> BaseException | None:
        """Until nothing runs and nothing is to be started; what a step raised that was no `PortError`."""
        finished: queue.SimpleQueue[tuple[int, BaseException | None]] = queue.SimpleQueue()
        ready = deque(i for i, n in enumerate(self._waits) if n == 0)
        running = 0
        bug: BaseException | None = None
        while True:
            while ready and running < parallelism and not self._stop.is_set() and bug is None:
                i = ready.popleft()
                running += 1
                self._reporter.started(self._steps[i])
                pool.submit(self._one, i, finished)
            if running == 0:
                return bug
            i, error = finished.get()
            running -= 1
            if error is None:
                ready += self._succeeded(i)
            elif isinstance(error, PortError):
                self._fail(i, str(error))
            else:
                bug = error

    def _one(self, i: int, finished: queue.SimpleQueue[tuple[int, BaseException | None]]) -> None:
        try:
            self._do(self._steps[i])
        except BaseException as error:  # noqa: BLE001 - the executor's edge: carried to the main thread, never lost
            finished.put((i, error))
        else:
            finished.put((i, None))

    def _succeeded(self, i: int) -> list[int]:
        self._done.append(self._steps[i].address)
        self._reporter.done(self._steps[i])
        free = []
        for j in self._feeds[i]:
            self._waits[j] -= 1
            if self._waits[j] == 0 and self._steps[j].address not in self._skipped:
                free.append(j)
        return free

    def _fail(self, i: int, problem: str) -> None:
        first = self._steps[i].address
        self._failed[first] = problem
        self._reporter.failed(self._steps[i], problem)
        stack = list(self._feeds[i])
        while stack:
            j = stack.pop()
            address = self._steps[j].address
            if address not in self._skipped:
                self._skipped[address] = first
                self._reporter.skipped(self._steps[j], first)
                stack += self._feeds[j]
