"""Running vCenter tasks on a VM: one at a time, patiently."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from providers.vmware import sdk
from providers.vmware.errors import translate
from providers.vmware.session import Session
from replication.model.errors import PortError, Temporary

BUSY_SECONDS = 600.0
"""How long another task on the same VM (a backup's snapshot, a vMotion) is waited for."""

_FIRST_LOOK = 0.02
_SLOWEST_LOOK = 1.0


class Tasks:
    """Starts tasks and waits for them; `busy` is how long to wait while another task runs on the VM."""

    def __init__(self, session: Session, *, busy: float = BUSY_SECONDS) -> None:
        self._session = session
        self._busy = busy

    def run(self, doing: str, start: Callable[[], Any], *, subject: str, replay: bool = False) -> Any:
        """Start, wait, and give the task's result. A VM that is busy is tried again until `busy` seconds are over.

        Raises the translated fault of the task. `UnknownFate` when the answer to starting it was lost (unless `replay`).
        """
        until = time.monotonic() + self._busy
        while True:
            try:
                task = self._session.call(doing, lambda _: start(), subject=subject, replay=replay)
                return self.wait(doing, task, subject=subject)
            except Temporary as error:
                if error.code != "TaskInProgress" or time.monotonic() >= until:
                    raise
                self._after_other(error, subject, until)

    def wait(self, doing: str, task: Any, *, subject: str) -> Any:
        """The result of a task that was started; raises its translated fault."""
        pause = _FIRST_LOOK
        while True:
            info = self._info(task, subject)
            state = str(info.state)
            if state == "success":
                return info.result
            if state == "error":
                raise translate(info.error, subject=subject, doing=doing) from info.error
            time.sleep(pause)
            pause = min(pause * 1.5, _SLOWEST_LOOK)

    def outlast(self, ref: str, *, subject: str, until: float | None = None) -> None:
        """Wait until the task has ended, however it ends (its owner's business), or this VM has been busy for too long."""
        until = time.monotonic() + self._busy if until is None else until
        task, pause = self._session.managed("Task", ref), _FIRST_LOOK
        while time.monotonic() < until:
            try:
                if str(self._info(task, subject).state) in ("success", "error"):
                    return
            except PortError:  # ended and forgotten by vCenter, or not ours to see: whoever looks next sees what it did
                time.sleep(_SLOWEST_LOOK)
                return
            time.sleep(pause)
            pause = min(pause * 1.5, _SLOWEST_LOOK)

    def _info(self, task: Any, subject: str) -> Any:
        query = sdk.load().vmodl.query.PropertyCollector
        spec = query.FilterSpec(
            objectSet=[query.ObjectSpec(obj=task, skip=False)],
            propSet=[query.PropertySpec(type=sdk.load().vim.Task, pathSet=["info"], all=False)],
        )
        answer = self._session.call(
            "waiting for its task",
            lambda content: content.propertyCollector.RetrievePropertiesEx([spec], query.RetrieveOptions()),
            subject=subject,
        )
        if answer is None or not answer.objects or not answer.objects[0].propSet:
            raise Temporary("its task vanished from vCenter", subject=subject, code="TaskGone")
        return answer.objects[0].propSet[0].val

    def _after_other(self, error: PortError, subject: str, until: float) -> None:
        """Wait for the task that is in the way, where the fault names it, but not past `until`; else a moment."""
        other = getattr(error.__cause__, "task", None)
        if other is None:
            time.sleep(_SLOWEST_LOOK)
        else:
            self.outlast(other._moId, subject=subject, until=until)
