"""Microsoft.Resources/tags: the tags of a resource as a thing of their own, merged, replaced or deleted by name."""

from __future__ import annotations

from typing import ClassVar

from lab.azure.arm.env import Call
from lab.azure.arm.errors import ArmError, json_response
from lab.azure.arm.store import Json, Record, record
from lab.azure.arm.types.base import ResourceType, check_tags, new_etag
from lab.http import Response


class Tags(ResourceType):
    """`{resource}/providers/Microsoft.Resources/tags/default`, also of a resource group."""

    full_type: ClassVar[str] = "Microsoft.Resources/tags"
    located: ClassVar[bool] = False
    name_rule: ClassVar[str] = r"default"

    def get(self, call: Call) -> Response:
        """The tags, none where there are none."""
        return json_response(200, self._document(call, self._tagged(call).body.get("tags") or {}))

    def patch(self, call: Call) -> Response:
        """`Merge`, `Replace` or `Delete` (names with their values); what is busy refuses, as with a PUT."""
        self.check_name(call)
        item = self._tagged(call)
        self.env.authz.require_unlocked(item.id, deleting=False)
        self.require_idle(item)
        given: Json = call.body.get("properties", {}).get("tags") or {}
        check_tags(given)
        body = item.body
        tags = dict(body.get("tags") or {})
        match call.body.get("operation"):
            case "Merge":
                same = {name.lower(): name for name in tags}
                tags |= {same.get(name.lower(), name): value for name, value in given.items()}
            case "Replace":
                tags = dict(given)
            case "Delete":
                going = {(name.lower(), value) for name, value in given.items()}
                tags = {name: value for name, value in tags.items() if (name.lower(), value) not in going}
            case other:
                raise ArmError(400, "InvalidRequestContent", f"The operation '{other}' must be Merge, Replace or Delete.")
        check_tags(tags)
        body["tags"] = tags
        if "etag" in body:
            body["etag"] = new_etag()
        self.env.store.commit([record(item.id, item.kind, body, item.private)])
        return json_response(200, self._document(call, tags))

    def _tagged(self, call: Call) -> Record:
        found = self.env.store.get(call.target.scope)
        if found is None:
            raise ArmError(404, "ResourceNotFound", f"The Resource '{call.target.scope}' was not found.")
        return found

    def _document(self, call: Call, tags: Json) -> Json:
        return {"id": call.target.resource_id, "name": "default", "type": self.full_type, "properties": {"tags": tags}}
