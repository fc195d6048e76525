"""What all resource types share: the order of checks, lists with paging, tags, locks, preconditions, deletion."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import uuid
from collections.abc import Iterable
from typing import Any, ClassVar
from urllib.parse import urlencode

from lab.azure.arm import regions
from lab.azure.arm.env import Call, Env
from lab.azure.arm.errors import ArmError, json_response, resource_not_found
from lab.azure.arm.lro import Done, Operation
from lab.azure.arm.store import Change, Gone, Json, Record, record
from lab.http import Response

_ENDED = ("Succeeded", "Failed", "Canceled")


class ResourceType:
    """One ARM resource type. Subclasses say what is special; the router calls `handle`."""

    full_type: ClassVar[str]  # canonical spelling
    name_rule: ClassVar[str] = r"[A-Za-z0-9](?:[\w.\-]{0,78}\w)?"
    located: ClassVar[bool] = True  # has location and tags of its own (children have not)
    etags: ClassVar[bool] = False
    put_status: ClassVar[int] = 201  # what a PUT that takes long is answered with; disks insist on 202

    def __init__(self, env: Env) -> None:
        self.env = env

    # -- reading

    def listing(self, call: Call) -> Response:
        """All resources of this type in the target's scope, a page at a time."""
        return page(call, call.target.resource_id if call.target.names else call.target.scope, self)

    def get(self, call: Call) -> Response:
        """The resource, and while it is being made when to look again. 404 ResourceNotFound."""
        item = self.require(call)
        state = item.body.get("properties", {}).get("provisioningState", "Succeeded")
        headers = {} if state in _ENDED else self.env.operations.pause()
        return json_response(200, self.render(item), headers)

    def render(self, item: Record) -> bytes:
        """The public document; types with computed parts override this."""
        return item.raw

    # -- writing

    def put(self, call: Call) -> Response:
        """Create or replace, after the checks that all types have."""
        existing = call.existing
        self.check_name(call)
        if existing is not None and self.env.busy(existing) and existing.private.get("asked") == digest(call):
            return self.joined(call, existing)
        if self.located:
            self.check_location(call, existing)
        check_tags(call.body.get("tags"))
        self.check_writable(call, existing)
        return self.replace(call, existing) if existing else self.create(call)

    def joined(self, call: Call, existing: Record) -> Response:
        """The same PUT again while the first is in flight (a client that lost the answer): the same operation."""
        operation = self.env.operations.find(existing.private["busy"])
        if operation is None:
            raise self.unsupported(call)
        return self.env.operations.accepted(operation, self.put_status, existing.raw)

    def create(self, call: Call) -> Response:
        """Make a resource that does not exist yet."""
        raise self.unsupported(call)

    def replace(self, call: Call, existing: Record) -> Response:
        """PUT on a resource that exists."""
        raise self.unsupported(call)

    def patch(self, call: Call) -> Response:
        """Change a resource; what is not in the body stays."""
        existing = self.require(call)
        check_tags(call.body.get("tags"))
        self.check_writable(call, existing)
        return self.update(call, existing)

    def update(self, call: Call, existing: Record) -> Response:
        """PATCH of tags alone; types that can change more override this."""
        body = existing.body
        merge_tags(body, call.body)
        self.env.store.commit([self.stamped(existing, body)])
        return json_response(200, body)

    def delete(self, call: Call) -> Response:
        """Delete; what does not exist is 204."""
        existing = call.existing
        if existing is None:
            return json_response(204)
        self.env.authz.require_unlocked(existing.id, deleting=True)
        self.check_etag(call, existing)
        return self.remove(call, existing)

    def remove(self, call: Call, existing: Record) -> Response:
        """Delete a resource that exists and is not locked: at once, unless a type says otherwise."""
        self.env.store.commit(self.discard(existing))
        return json_response(200)

    def discard(self, item: Record) -> list[Change]:
        """What goes when a resource goes, also when its whole group does: itself and all below it."""
        return [Gone(item.id), *(Gone(child.id) for child in self.env.store.under(item.id))]

    def discarded(self, operation: Operation) -> Done:
        """How a deletion that finishes later ends."""
        item = self.env.store.get(operation.resource_id)
        return Done(self.discard(item) if item else ())

    def user_outside(self, item: Record, scope: str) -> str | None:
        """The resource outside of a scope (lower case, with a slash at its end) that still uses this one."""
        return None

    def action(self, call: Call, verb: str) -> Response:
        """POST (or GET) `{resource}/{verb}`."""
        raise self.unsupported(call)

    # -- checks

    def require(self, call: Call) -> Record:
        """The resource. Raises 404."""
        found = call.existing
        if found is None:
            raise resource_not_found(self.full_type, call.target.full_name, call.target.group)
        return found

    def check_name(self, call: Call) -> None:
        """Raise 400 where the name breaks this type's rule."""
        if not re.fullmatch(self.name_rule, call.target.name):
            raise ArmError(
                400,
                "InvalidResourceName",
                f"Resource name {call.target.name} is invalid for {self.full_type}. It must match '{self.name_rule}'.",
            )

    def check_location(self, call: Call, existing: Record | None) -> None:
        """Raise where the region is missing, unknown, or not the one where the resource is."""
        location = call.body.get("location")
        if not isinstance(location, str) or not location:
            raise ArmError(400, "LocationRequired", "The location property is required for this definition.")
        name = regions.require_region(location, self.full_type)
        call.body["location"] = name
        if existing and existing.body.get("location") != name:
            raise ArmError(
                409,
                "InvalidResourceLocation",
                f"The resource '{call.target.name}' already exists in location '{existing.body.get('location')}' in "
                f"resource group '{call.target.group}'. A resource with the same name cannot be created in location "
                f"'{name}'. Please select a new resource name.",
            )

    def check_writable(self, call: Call, existing: Record | None) -> None:
        """Raise for locks, preconditions, an operation in flight, a group that is being deleted."""
        self.env.authz.require_unlocked(call.target.resource_id, deleting=False)
        self.check_etag(call, existing)
        if existing is not None:
            self.require_idle(existing)
        if call.target.group and self.env.group(call.target).private.get("deleting"):
            raise ArmError(
                409,
                "ResourceGroupBeingDeleted",
                f"The resource group '{call.target.group}' is in deprovisioning state and cannot perform this operation.",
            )

    def require_idle(self, item: Record) -> None:
        """Raise 409 Conflict while an operation on the resource is in flight."""
        if self.env.busy(item):
            raise ArmError(
                409,
                "Conflict",
                f"The request failed due to conflict with a concurrent request on '{item.id}'. To resolve it, please "
                "refer to https://aka.ms/activitylog to get more details on the conflicting requests.",
            )

    def check_etag(self, call: Call, existing: Record | None) -> None:
        """Raise 412 where If-Match or If-None-Match do not hold; types without ETags ignore both, as Azure does."""
        if not self.etags:
            return
        wanted, unwanted = call.request.headers.get("if-match"), call.request.headers.get("if-none-match")
        etag = existing.body.get("etag") if existing else None
        failed = (wanted is not None and (etag is None or wanted not in ("*", etag))) or (
            unwanted == "*" and existing is not None
        )
        if failed:
            raise ArmError(
                412,
                "PreconditionFailed",
                f"The precondition given in the request headers does not hold: the current etag is '{etag}'.",
            )

    # -- building

    def document(self, call: Call, properties: Json, **more: Any) -> Json:
        """A public document for the call's resource: id, name, type, location, tags, then the rest."""
        body = call.body
        common: Json = {"id": call.target.resource_id, "name": call.target.name, "type": self.full_type}
        if self.located:
            common["location"] = body["location"]
            if body.get("tags") is not None:
                common["tags"] = body["tags"]
        if self.etags:
            common["etag"] = new_etag()
        extra = {key: value for key, value in more.items() if value not in (None, [], {})}
        return {**common, **extra, "properties": properties}

    def new(self, call: Call, document: Json, private: Json | None = None) -> Record:
        """A record for the call's resource."""
        return record(call.target.resource_id, self.full_type, document, private)

    def stamped(self, item: Record, body: Json, **private: Any) -> Record:
        """The record with another document (a fresh etag) and changed private values; None removes one."""
        if self.etags:
            body["etag"] = new_etag()
        merged = {**item.private, **private}
        return record(item.id, item.kind, body, {key: value for key, value in merged.items() if value is not None})

    def unsupported(self, call: Call) -> ArmError:
        """405 for what this type cannot do."""
        return ArmError(
            405,
            "MethodNotAllowed",
            f"The resource type '{self.full_type}' does not support {call.method} {call.target.tail}".rstrip() + ".",
        )


def digest(call: Call) -> str:
    """What a request asks for, to know it again."""
    return hashlib.sha256(call.method.encode() + call.request.body).hexdigest()


def in_flight(call: Call, operation_id: str) -> Json:
    """Private values of a record while an operation on it is under way."""
    return {"busy": operation_id, "asked": digest(call)}


def page(call: Call, scope: str, kind: ResourceType) -> Response:
    """One page of a list, with an absolute nextLink while there is more."""
    after = untoken(call.request.query.get("$skiptoken", ""))
    items, more = call.env.store.page(scope, kind.full_type, after, limit_of(call))
    return page_response(call, (kind.render(item) for item in items), items[-1].key if more else None)


def page_response(call: Call, documents: Iterable[bytes], last: str | None) -> Response:
    """Join rendered documents to a page; `last` is the key to go on after, None at the end."""
    link = ""
    if last is not None:
        query = {**call.request.query, "$skiptoken": token_of(last)}
        link = f',"nextLink":"{call.env.addresses.arm}{call.request.raw_path}?{urlencode(query)}"'
    return json_response(200, b'{"value":[' + b",".join(documents) + b"]" + link.encode() + b"}")


def check_tags(tags: Any) -> None:
    """Raise 400 unless tags are text by text, at most 50, in Azure's lengths and characters."""
    if tags is None:
        return
    if not isinstance(tags, dict) or any(not isinstance(value, str) for value in tags.values()):
        raise ArmError(400, "InvalidRequestContent", "The tags must be an object of strings.")
    if len(tags) > 50:
        raise ArmError(400, "InvalidTags", f"The resource has {len(tags)} tags; the limit is 50 tags per resource.")
    for name, value in tags.items():
        if not 1 <= len(name) <= 512 or re.search(r"[<>%&\\?/]", name):
            raise ArmError(
                400,
                "InvalidTagNameCharacters",
                f"The tag name '{name}' has reserved characters '<,>,%,&,\\,?,/' or is not 1 to 512 characters long.",
            )
        if len(value) > 256:
            raise ArmError(400, "InvalidTagValue", f"The value of tag '{name}' is longer than 256 characters.")


def merge_tags(document: Json, body: Json) -> None:
    """PATCH replaces the tags as a whole when it has any."""
    if body.get("tags") is not None:
        document["tags"] = body["tags"]


def new_etag() -> str:
    """A weak entity tag as ARM writes it."""
    return f'W/"{uuid.uuid4()}"'


def token_of(key: str) -> str:
    """A `$skiptoken` for going on after a key."""
    return base64.urlsafe_b64encode(key.encode()).decode()


def limit_of(call: Call) -> int:
    """How many items a page of the call's list has at most: `$top`, but never more than the set page size."""
    top = call.request.query.get("$top", "")
    return min(call.env.settings.values.page_size, int(top) if top.isdigit() and int(top) else 1 << 30)


def untoken(token: str) -> str:
    """The key inside a `$skiptoken`. Raises 400 InvalidSkipToken."""
    try:
        return base64.urlsafe_b64decode(token.encode()).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ArmError(400, "InvalidSkipToken", f"The $skiptoken '{token}' is invalid.") from error
