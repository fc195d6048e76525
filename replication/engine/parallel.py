"""Running jobs in a shared pool with a bound, and never leaving one behind: all have ended when this returns or raises."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from typing import TypeVar

from replication.engine.guard import Halted

T = TypeVar("T")


def run_all(pool: Executor, inflight: int, jobs: Iterable[Callable[[], T]], take: Callable[[T], None]) -> None:
    """Run `jobs`, at most `inflight` at a time; `take` gets each answer, in this thread, in the order they come.

    The first failure stops the starting of more; those under way are waited for, then it is raised (that the engine
    stops goes before other errors: it is why the others failed).
    """
    running: set[Future[T]] = set()
    failed: list[BaseException] = []
    waiting = iter(jobs)
    while True:
        while not failed and len(running) < inflight:
            try:
                job = next(waiting, None)
            except BaseException as error:  # noqa: BLE001  kept and raised below, once nothing runs any more
                failed.append(error)
                break
            if job is None:
                break
            running.add(pool.submit(job))
        if not running:
            break
        ended, running = wait(running, return_when=FIRST_COMPLETED)
        for future in ended:
            trouble = future.exception()
            if trouble is not None:
                failed.append(trouble)
            elif not failed:
                try:
                    take(future.result())
                except BaseException as problem:  # noqa: BLE001  as above
                    failed.append(problem)
    if failed:
        raise _first(failed)


def _first(failed: list[BaseException]) -> BaseException:
    for error in failed:
        if not isinstance(error, Exception):
            return error
    for error in failed:
        if isinstance(error, Halted):
            return error
    return failed[0]
