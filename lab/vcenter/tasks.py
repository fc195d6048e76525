"""Tasks: work that goes on after the call has been answered. One at a time per VM."""

from __future__ import annotations

import datetime
import itertools
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lab.vcenter.entities import Managed
from lab.vcenter.inventory import World
from lab.vcenter.machine import Vm
from lab.vcenter.vimtypes import Fault, reference, vim, vmodl

log = logging.getLogger("lab.vcenter.tasks")

_KEPT = 5000  # finished tasks that can still be asked for

Work = Callable[["Task"], Any]
"""Does the work; returns the task's result (a pyVmomi value or None); raises Fault."""


@dataclass(slots=True, eq=False)
class Task(Managed):
    """One task; the times are UTC. `fault` and `result` are pyVmomi's objects."""

    method: str = ""  # "VirtualMachine.createSnapshot"
    entity: str = ""
    entity_kind: str = "VirtualMachine"
    entity_name: str = ""
    state: str = "running"
    progress: int | None = 0
    result: Any = None
    fault: Any = None
    queued: datetime.datetime | None = None
    completed: datetime.datetime | None = None


class Tasks:
    """Starts tasks and keeps their records."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._numbers = itertools.count(1)
        self._finished: list[str] = []

    def start(self, vm: Vm, method: str, work: Work) -> Any:
        """Start `work` on a VM in the background; returns the reference of its task.

        Raises the TaskInProgress fault while another task works on the same VM.
        """
        with vm.lock:
            if vm.task is not None:
                running = vim.Task(vm.task.moid)
                text = f"Another task is already in progress on {vm.name}."
                raise Fault(vim.fault.TaskInProgress(task=running), text)
            task = self._make(vm, method)
            vm.task = task
        self._world.add(task)
        threading.Thread(target=self._run, args=(vm, task, work), daemon=True).start()
        return reference("Task", task.moid)

    def _make(self, vm: Vm, method: str) -> Task:
        now = datetime.datetime.now(datetime.UTC)
        name = f"task-{next(self._numbers)}"
        return Task(name, "Task", name, method=method, entity=vm.moid, entity_name=vm.name, queued=now)

    def _run(self, vm: Vm, task: Task, work: Work) -> None:
        time.sleep(self._latency(vm))
        fault: Any = None
        try:
            task.result = work(task)
        except Fault as error:
            fault = error.fault
        except Exception as error:  # the task's outermost edge: a bug of the lab ends the task, not the lab
            log.exception("%s of %s failed in the lab itself", task.method, vm.name)
            fault = vmodl.fault.SystemError(reason=str(error))
            fault.msg = f"The lab itself failed: {error}"
        with vm.lock:
            vm.task = None  # before the task is seen to be finished: whoever waits may start the next at once
        with self._world.lock:
            task.fault = fault
            task.state = "error" if fault is not None else "success"
            task.progress = None
            task.completed = datetime.datetime.now(datetime.UTC)
            self._world.touch(task, vm)
            self._forget_old(task)

    def _latency(self, vm: Vm) -> float:
        own = vm.settings.latency_s
        return self._world.defaults.latency_s if own is None else own

    def _forget_old(self, task: Task) -> None:
        self._finished.append(task.moid)
        while len(self._finished) > _KEPT:
            self._world.remove(self._finished.pop(0))


def task_info(task: Task) -> Any:
    """vim.TaskInfo of a task."""
    kind, _, method = task.method.partition(".")
    return vim.TaskInfo(
        key=task.moid,
        task=vim.Task(task.moid),
        descriptionId=task.method,
        name=_method(kind, method),
        entity=reference(task.entity_kind, task.entity),
        entityName=task.entity_name,
        state=task.state,
        cancelled=False,
        cancelable=False,
        error=task.fault,
        result=task.result,
        progress=task.progress if task.state == "running" else None,
        reason=vim.TaskReasonUser(userName="VSPHERE.LOCAL\\Administrator"),
        queueTime=task.queued,
        startTime=task.queued,
        completeTime=task.completed,
        eventChainId=int(task.moid.removeprefix("task-")),
    )


def _method(kind: str, method: str) -> Any:
    owner = {"VirtualMachine": vim.VirtualMachine, "VirtualMachineSnapshot": vim.vm.Snapshot, "Folder": vim.Folder}[kind]
    return getattr(owner, method[0].upper() + method[1:], None)
