"""Managed disks that are filled from outside: created for upload, written through their own url, closed with a VHD footer.

Rules
1. Azure gives a disk one write url in its life: createOption=Upload, grant, write, revoke. Whoever must start again deletes
   the disk first.
2. A range is copied by the cloud itself (Put Page From URL). A disk knows no sequence number, so a copy of unknown fate is
   never repeated here: `UnknownFate` goes to the caller, who throws the disk away.
3. The url is a secret. It is in no error and in no log.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import Any

from providers.azure.errors import error_code, translated
from providers.azure.ids import ArmId, parse
from providers.azure.session import AzureSession
from providers.azure.tags import Owner
from providers.azure.vhd import FOOTER, footer
from replication.model.errors import NotFound, Permanent, PortError, Temporary
from replication.model.extents import MIB
from replication.model.item import DiskOrder, VmOrder
from replication.ports import DiskUpload

SMALLEST, LARGEST = 20 * MIB, 32 * 1024 * 1024 * MIB
"""Azure's limits of an upload, without the footer."""

PIECE = 4 * MIB
_URL_SECONDS = 7 * 86400
"""How long the write url lasts. Longer than any fill; Azure's limit is 60 days."""

_SETTLE_SECONDS = 600.0
_UPLOADING = ("ReadyToUpload", "ActiveUpload")


class UploadDisks:
    """Upload disks of one subscription."""

    def __init__(self, session: AzureSession, owner: Owner) -> None:
        self._session = session
        self._owner = owner

    def begin(self, vm: VmOrder, disk: DiskOrder, tags: Mapping[str, str]) -> DiskUpload:
        """Create the disk and grant writing. An unfinished one of ours is deleted first.

        `Permanent` with code `Finished` when one of that name has been closed: it may hold what nobody else has any more.
        """
        at = parse(disk_id(vm, disk.name))
        if disk.size % MIB or not SMALLEST <= disk.size <= LARGEST:
            text = f"{disk.size} bytes: a managed disk has whole MiB, from 20 MiB to 32 TiB"
            raise Permanent(text, subject=at.text, remedy="choose another size for it in the estate")
        there = self.find(at)
        if there is not None:
            self._require_unfinished(at, there)
            self.delete(at)
        client = self._session.compute(at.subscription).disks
        with translated(at.text):
            client.begin_create_or_update(at.group, at.name, self._body(vm, disk, tags)).result()
            grant: Any = {"access": "Write", "durationInSeconds": _URL_SECONDS}
            url = client.begin_grant_access(at.group, at.name, grant).result().access_sas
        if not url:
            raise Temporary("Azure granted access and gave no url", subject=at.text)
        return DiskUpload(at.text, url)

    def copy(self, upload: DiskUpload, source_url: str, offset: int, length: int) -> None:
        """Put Page From URL: the same range of the source, at most 4 MiB."""
        span = f"bytes={offset}-{offset + length - 1}"
        headers = {
            "x-ms-page-write": "update",
            "x-ms-range": span,
            "x-ms-source-range": span,
            "x-ms-copy-source": source_url,
        }
        self._session.wire.send("PUT", f"{upload.url}&comp=page", headers, subject=upload.disk_id, repeat=False)

    def finish(self, upload: DiskUpload, size: int) -> None:
        """Footer, end of access, wait until Unattached. Done already is success."""
        at = parse(upload.disk_id)
        there = self.find(at)
        if there is None:
            raise NotFound("the disk is gone", subject=at.text, remedy="fill it anew")
        if there.properties.disk_state not in _UPLOADING:
            self._settled(at)
            return
        headers = {"x-ms-page-write": "update", "x-ms-range": f"bytes={size}-{size + FOOTER - 1}"}
        end = footer(size, uuid.uuid5(uuid.NAMESPACE_URL, at.text.lower()), time.time())
        # The same bytes to the same place, after every copy of data has been answered: doing it twice is harmless.
        self._session.wire.send("PUT", f"{upload.url}&comp=page", headers, end, subject=at.text, repeat=True)
        with translated(at.text):
            self._session.compute(at.subscription).disks.begin_revoke_access(at.group, at.name).result()
        self._settled(at)

    def find(self, at: ArmId) -> Any | None:
        """The disk, or None. `Permanent` when one of that name is not ours."""
        try:
            with translated(at.text):
                found = self._session.compute(at.subscription).disks.get(at.group, at.name)
        except NotFound:
            return None
        if not self._owner.owns(found.tags):
            remedy = "choose another name for the machine's disks, or remove this one"
            raise Permanent("a disk of that name is not ours", subject=at.text, remedy=remedy, code="NotOurs")
        return found

    def delete(self, at: ArmId) -> None:
        """Delete a disk of ours, ending its access where Azure asks for that first."""
        client = self._session.compute(at.subscription).disks
        try:
            with translated(at.text):
                client.begin_delete(at.group, at.name).result()
        except PortError as refused:
            if refused.code != "OperationNotAllowed" or not self._end_access(at):
                raise
            with translated(at.text):
                client.begin_delete(at.group, at.name).result()

    def _end_access(self, at: ArmId) -> bool:
        """Revoke the url of a disk that is to go; its content need not be a valid disk. False: it had none."""
        from azure.core.exceptions import HttpResponseError

        there = self.find(at)
        if there is None or there.properties.disk_state not in ("ActiveUpload", "ActiveSAS"):
            return False
        try:
            with translated(at.text):
                self._session.compute(at.subscription).disks.begin_revoke_access(at.group, at.name).result()
        except PortError as error:
            cause = error.__cause__
            if not isinstance(cause, HttpResponseError) or error_code(cause) != "InvalidVhd":
                raise
        return True

    def _require_unfinished(self, at: ArmId, there: Any) -> None:
        state = there.properties.disk_state
        if state in _UPLOADING or there.properties.provisioning_state == "Failed":
            return
        where = f"attached to {there.managed_by}" if there.managed_by else str(state)
        remedy = "delete it if it is of no use any more, or choose another name"
        raise Permanent(f"a finished disk of that name is there ({where})", subject=at.text, remedy=remedy, code="Finished")

    def _settled(self, at: ArmId) -> None:
        """Wait until Azure says Unattached (or, on a second call, that a VM has it by now)."""
        until = time.monotonic() + _SETTLE_SECONDS
        while True:
            there = self.find(at)
            state = there.properties.disk_state if there is not None else None
            if state in ("Unattached", "Attached", "Reserved"):
                return
            if state is None or time.monotonic() > until:
                raise Temporary(f"the disk is {state or 'gone'} instead of Unattached", subject=at.text)
            self._session.pause(min(self._session.polling_interval, 2.0))

    def _body(self, vm: VmOrder, disk: DiskOrder, tags: Mapping[str, str]) -> Any:
        properties: dict[str, Any] = {
            "creationData": {"createOption": "Upload", "uploadSizeBytes": disk.size + FOOTER},
        }
        if disk.os_type:
            properties["osType"] = disk.os_type
        if disk.generation:
            properties["hyperVGeneration"] = disk.generation
        if vm.disk_encryption_set:
            keys = {"type": "EncryptionAtRestWithCustomerKey", "diskEncryptionSetId": vm.disk_encryption_set}
            properties["encryption"] = keys
        if disk.lun is None and vm.security is not None and vm.security.type == "TrustedLaunch":
            # An uploaded disk cannot carry the security type itself; this says that what starts from it may.
            properties["supportedCapabilities"] = {"supportedSecurityOption": "TrustedLaunchSupported"}
        return {
            "location": vm.region,
            "tags": {**vm.tags, **self._owner.tags(extra=tags)},
            "sku": {"name": disk.sku},
            "properties": properties,
        } | ({"zones": [vm.zone]} if vm.zone else {})


def disk_id(vm: VmOrder, name: str) -> str:
    return f"{group_id(vm)}/providers/Microsoft.Compute/disks/{name}"


def group_id(vm: VmOrder) -> str:
    return f"/subscriptions/{vm.subscription}/resourceGroups/{vm.resource_group}"
