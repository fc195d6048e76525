"""Stopping (S11): snapshots, log, replica disks with all recovery points and progress go, so that nothing costs any more."""

from __future__ import annotations

from functools import partial

from replication.engine import attempt as attempts
from replication.engine import cleanup, redo, report
from replication.engine.orders import again, waves
from replication.engine.orders.steps import Steps
from replication.engine.work import Work
from replication.model.errors import Permanent
from replication.model.record import Life


def settle(work: Work) -> None:
    """A cycle under way finishes first; one that cannot is thrown away, sealed or not: its replica goes anyway."""
    try:
        redo.settle(work)
    except (attempts.CycleFailed, Permanent) as error:
        work.note(f"its last cycle cannot be finished: {error}")
        if work.record.attempt is not None:
            attempts.release(work)
            attempts.throw_away(work)


def stop(steps: Steps) -> None:
    """Raises a port's error (tried again later). The source and what a test made are not touched."""
    work = steps.work
    migrated = work.record.life is Life.MIGRATED

    def remove() -> str:
        report.draft(work)  # from hashes and a recovery point that go now
        cleanup.sweep(work)
        cleanup.settle(work)
        again.look(work)
        return ""

    def delete() -> str:
        for disk in work.item.disks:
            work.guard.check()
            work.retry(partial(work.replicas.delete, disk.seed))
        for prefix in (f"progress/{work.uuid}/", f"hashes/{work.uuid}/"):
            for name in work.retry(partial(work.documents.list, prefix)):
                work.retry(partial(work.documents.delete, name))
        return f"{len(work.item.disks)} replica disks"

    if migrated:
        steps.learn({"completed": "true"})
    for step, what in zip(steps.progress.steps, (remove, delete), strict=True):
        steps.do(step.name, what)
    waves.release(work)  # whoever it has stopped waits for it no more
    report.try_sign(work)
    steps.finish(
        "done",
        life=Life.STOPPED,
        committed=None,
        earlier=(),
        unclean=(),
        dirty=False,
        initial_base={},
        attempts=0,
        resync={},
        notices=(),
    )
