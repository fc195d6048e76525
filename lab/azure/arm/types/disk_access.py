"""beginGetAccess and endGetAccess of disks and snapshots, and what happens when access runs out by itself."""

from __future__ import annotations

import time
from typing import ClassVar

from lab.azure.arm.env import Call
from lab.azure.arm.errors import ArmError, bad_parameter
from lab.azure.arm.fields import Fields
from lab.azure.arm.ids import parse
from lab.azure.arm.lro import Done, Finisher, Operation
from lab.azure.arm.store import Record
from lab.azure.arm.types.base import ResourceType
from lab.azure.arm.types.disk_spec import UPLOAD_STATES
from lab.azure.blob.vhd import InvalidVhd
from lab.http import Response

LONGEST = 5184000  # seconds: 60 days


class AccessibleDisk(ResourceType):
    """What disks and snapshots share: SAS access, the file behind them, their discarding."""

    word: ClassVar[str]  # "disk" or "snapshot", in messages and names of operations

    def register(self) -> None:
        """Tell the operations how access begins, ends and runs out."""
        operations = self.env.operations
        operations.register(f"{self.word}.grant", Finisher(self._granted))
        operations.register(f"{self.word}.revoke", Finisher(self._revoked))
        operations.register(f"{self.word}.expire", Finisher(self._expired))

    def action(self, call: Call, verb: str) -> Response:
        """POST beginGetAccess, endGetAccess."""
        item = self.require(call)
        match verb.lower():
            case "begingetaccess":
                return self._begin(call, item)
            case "endgetaccess":
                return self._end(call, item)
            case _:
                raise self.unsupported(call)

    def _begin(self, call: Call, item: Record) -> Response:
        fields = Fields("", call.body)
        access = fields.text("access", required=True, allowed=("None", "Read", "Write"))
        seconds = fields.whole("durationInSeconds", required=True) or 0
        if not 1 <= seconds <= LONGEST:
            raise bad_parameter(
                "durationInSeconds",
                f"The value '{seconds}' of parameter 'durationInSeconds' is out of range. The value must be between "
                f"'1' and '{LONGEST}' inclusive.",
            )
        self.require_idle(item)
        self._check_access(item, access)
        operation = self.env.operations.start(
            f"{self.word}.grant",
            "POST",
            call.target,
            location=item.body["location"],
            args={"access": access, "seconds": seconds},
            api_version=call.api_version,
        )
        return self.env.operations.accepted(operation)

    def _check_access(self, item: Record, access: str) -> None:
        body = item.body
        name, properties = body["name"], body["properties"]
        state = properties["diskState"]
        if access == "Write" and state not in UPLOAD_STATES:
            raise ArmError(
                409,
                "OperationNotAllowed",
                f"Access level 'Write' can only be used when uploading to a new disk: {self.word} '{name}' is in state "
                f"'{state}'.",
            )
        if access == "Read" and state in UPLOAD_STATES:
            raise ArmError(
                409,
                "OperationNotAllowed",
                f"Access level 'Read' is not possible while {self.word} '{name}' is in state '{state}': complete the "
                "upload first.",
            )
        if state == "Attached":
            raise ArmError(
                409,
                "OperationNotAllowed",
                f"Access not permitted because {self.word} {name} is currently attached to running VM {body['managedBy']}.",
            )
        if access == "None" or properties.get("networkAccessPolicy") == "DenyAll":
            raise ArmError(
                409,
                "OperationNotAllowed",
                f"Access to {self.word} '{name}' is denied by its network access policy.",
            )

    def _end(self, call: Call, item: Record) -> Response:
        self.require_idle(item)
        operation = self.env.operations.start(
            f"{self.word}.revoke",
            "POST",
            call.target,
            location=item.body["location"],
            api_version=call.api_version,
        )
        return self.env.operations.accepted(operation)

    def _granted(self, operation: Operation) -> Done:
        item = self.env.store.get(operation.resource_id)
        if item is None:
            return Done()
        access, seconds = operation.args["access"], operation.args["seconds"]
        self._check_access(item, access)
        url = self.env.disks.grant(item.private["file"], access, seconds)
        body = item.body
        until = time.time() + seconds
        if access == "Write":
            body["properties"]["diskState"] = "ActiveUpload"
        else:
            body["properties"]["diskState"] = "ActiveSAS"
            # The state falls back when the last access runs out, whether or not anybody ends it.
            self.env.operations.start(
                f"{self.word}.expire",
                "POST",
                parse(item.id),
                location=operation.location,
                args={"until": until},
                delay=float(seconds),
            )
        changed = self.stamped(item, body, access=access, until=until)
        return Done([changed], {"accessSAS": url})

    def _revoked(self, operation: Operation) -> Done:
        item = self.env.store.get(operation.resource_id)
        if item is None:
            return Done()
        body = item.body
        # First nobody can write any more, then the footer is judged: nothing changes in between.
        self.env.disks.revoke(item.private["file"])
        state = body["properties"]["diskState"]
        if state == "ActiveUpload":
            try:
                self.env.disks.finish_upload(item.private["file"])
            except InvalidVhd as error:
                raise ArmError(409, "InvalidVhd", str(error)) from error
            body["properties"]["diskState"] = "Unattached"
        elif state == "ActiveSAS":
            body["properties"]["diskState"] = self._state_without_sas(item)
        return Done([self.stamped(item, body, access=None, until=None)])

    def _expired(self, operation: Operation) -> Done:
        item = self.env.store.get(operation.resource_id)
        if item is None or item.private.get("until", 0) > operation.args["until"] or "until" not in item.private:
            return Done()
        body = item.body
        if body["properties"]["diskState"] == "ActiveSAS":
            body["properties"]["diskState"] = self._state_without_sas(item)
        return Done([self.stamped(item, body, access=None, until=None)])

    def _state_without_sas(self, item: Record) -> str:
        return "Reserved" if item.body.get("managedBy") else "Unattached"
