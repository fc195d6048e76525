"""A pyVmomi client of the lab's vCenter, as any user of vSphere would write it."""

from __future__ import annotations

import base64
import http.client
import ssl
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import pyVim.connect
import pyVim.task
from pyVmomi import vim as _vim
from pyVmomi import vmodl as _vmodl

from lab.tls import client_context

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.lab_process import LabProcess

# pyVmomi makes its classes at run time and ships untyped constructors: Any, for all tests.
vim: Any = _vim
vmodl: Any = _vmodl
SmartConnect: Any = pyVim.connect.SmartConnect
Disconnect: Any = pyVim.connect.Disconnect
WaitForTask: Any = pyVim.task.WaitForTask
PC: Any = vmodl.query.PropertyCollector
SECTOR = 512
MIB = 1 << 20


@contextmanager
def connected(lab: LabProcess, password: str | None = None) -> Iterator[Client]:
    """Signed in with SmartConnect, verifying the lab's CA; signed out at the end."""
    client = Client(lab, password)
    try:
        yield client
    finally:
        Disconnect(client.si)


class Client:
    """Short names for what the tests do all the time; everything goes through the unmodified SDK."""

    def __init__(self, lab: LabProcess, password: str | None = None) -> None:
        self.lab = lab
        document = lab.document()
        self.section = document["vcenter"]
        self.context = ssl.create_default_context(cafile=document["ca"])
        self.si: Any = SmartConnect(
            host=self.section["host"],
            port=self.section["port"],
            user=self.section["user"],
            pwd=password or self.section["password"],
            sslContext=self.context,
        )
        self.content: Any = self.si.content

    def vm(self, name: str) -> Any:
        """By instance uuid, as the status names it."""
        uuid = self.status(name)["uuid"]
        found = self.content.searchIndex.FindByUuid(None, uuid, True, True)
        assert found is not None, f"no VM {name}"
        return found

    def status(self, name: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.lab.control("GET", f"vm/{quote(name)}")
        return answer

    def set(self, name: str, **settings: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.lab.control("POST", f"vm/{quote(name)}", settings)
        return answer

    def snapshot(self, vm: Any, name: str = "s") -> Any:
        task = vm.CreateSnapshot_Task(name=name, description="", memory=False, quiesce=False)
        WaitForTask(task)
        return task.info.result

    def remove(self, snapshot: Any, *, children: bool = False, consolidate: bool = True) -> None:
        WaitForTask(snapshot.RemoveSnapshot_Task(children, consolidate))

    def track(self, vm: Any) -> None:
        """Switch tracking on and stun the VM so that it works."""
        WaitForTask(vm.ReconfigVM_Task(vim.vm.ConfigSpec(changeTrackingEnabled=True)))
        self.remove(self.snapshot(vm, "stun"))

    def areas(self, vm: Any, snapshot: Any, key: int, change_id: str) -> list[tuple[int, int]]:
        """All changed areas (start, end), asking page by page."""
        capacity = disk(vm, key).capacityInBytes
        found: list[tuple[int, int]] = []
        offset = 0
        while offset < capacity:
            page = vm.QueryChangedDiskAreas(snapshot, key, offset, change_id)
            assert len(page.changedArea) <= 2000
            found += [(area.start, area.start + area.length) for area in page.changedArea]
            assert page.startOffset == offset and page.length > 0
            offset = page.startOffset + page.length
        return found

    def write(self, name: str, offset: int, data: bytes, disk: int | str | None = None) -> None:
        body = {"vm": name, "disk": disk, "offset": offset, "data_b64": base64.b64encode(data).decode()}
        self.lab.control("POST", "write", body)

    def flatten(self, name: str, target: Path, **more: Any) -> Path:
        self.lab.control("POST", "flatten", {"vm": name, "path": str(target), **more})
        return target

    def get_file(
        self, path: str, store: str = "ds-01", method: str = "GET", **headers: str
    ) -> tuple[int, bytes, Any]:
        """A datastore file over HTTPS with the session's cookie: status, body, headers."""
        sent = {"Cookie": self.si._stub.cookie.partition(";")[0], **headers}
        target = f"/folder/{quote(path)}?{urlencode({'dcPath': 'Lab', 'dsName': store})}"
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.section["port"], context=client_context(self.lab.document()["ca"])
        )
        try:
            connection.request(method, target, headers=sent)
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers
        finally:
            connection.close()


def disks(owner: Any) -> list[Any]:
    """The virtual disks of a VM or a snapshot."""
    return [device for device in owner.config.hardware.device if isinstance(device, vim.vm.device.VirtualDisk)]


def disk(owner: Any, key: int) -> Any:
    return next(entry for entry in disks(owner) if entry.key == key)


def covers(areas: list[tuple[int, int]], offset: int, length: int) -> bool:
    """Whether every byte of the range lies in the areas (which may touch one another)."""
    position = offset
    for start, end in sorted(areas):
        if start <= position < end:
            position = end
    return position >= offset + length
