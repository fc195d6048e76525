"""Containers: create, properties, metadata, access policies, delete, lease, and the blobs in them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from heapq import merge

from lab.azure.blob import conditions, lease, xml
from lab.azure.blob.call import Call, written
from lab.azure.blob.catalog import BEGINNING, Position
from lab.azure.blob.errors import BlobError, invalid_query
from lab.azure.blob.model import Blob, Container, http_date, new_etag
from lab.http import Response

_NAME = re.compile(r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$|\$(root|logs|web)$")
_INCLUDES = {"metadata", "snapshots", "uncommittedblobs", "copy", "deleted", ""}
_MAX_RESULTS = 5000
_BATCH = 250  # rows that are read from the catalog at a time
_LAST = "\U0010ffff"


def create_container(call: Call) -> Response:
    name = call.key.container
    if not _NAME.match(name):
        raise BlobError(
            400, "InvalidResourceName", f"The specified resource name contains invalid characters: {name!r}."
        )
    if call.header("x-ms-blob-public-access") is not None:
        raise BlobError(
            409, "PublicAccessNotPermitted", "Public access is not permitted on this storage account."
        )
    metadata = call.metadata()
    with call.storage.lock(call.key):
        if call.storage.catalog.container(call.key.account, name) is not None:
            raise BlobError(409, "ContainerAlreadyExists", "The specified container already exists.")
        container = Container(call.key.account, name, new_etag(), call.now, metadata)
        call.storage.catalog.put_container(container)
    return Response(201, written(container))


def get_container_properties(call: Call) -> Response:
    container = _existing(call, write=False)
    return Response(
        200,
        {
            **written(container),
            **container.lease.headers(call.now),
            **{f"x-ms-meta-{name}": value for name, value in container.metadata.items()},
            "x-ms-has-immutability-policy": "false",
            "x-ms-has-legal-hold": "false",
        },
    )


def set_container_metadata(call: Call) -> Response:
    with call.storage.lock(call.key):
        found = _existing(call, write=False)
        container = replace(found, metadata=call.metadata(), etag=new_etag(), modified=call.now)
        call.storage.catalog.put_container(container)
    return Response(200, written(container))


def get_container_acl(call: Call) -> Response:
    container = _existing(call, write=False)
    return Response(
        200, {**written(container), "Content-Type": "application/xml"}, xml.policies(container.policies)
    )


def set_container_acl(call: Call) -> Response:
    if call.header("x-ms-blob-public-access") is not None:
        raise BlobError(
            409, "PublicAccessNotPermitted", "Public access is not permitted on this storage account."
        )
    policies = xml.read_policies(call.request.body)
    with call.storage.lock(call.key):
        found = _existing(call, write=False)
        container = replace(found, policies=policies, etag=new_etag(), modified=call.now)
        call.storage.catalog.put_container(container)
    return Response(200, written(container))


def delete_container(call: Call) -> Response:
    with call.storage.lock(call.key):
        _existing(call, write=True)
        call.storage.delete_container(call.key.account, call.key.container)
    return Response(202)


def lease_container(call: Call) -> Response:
    with call.storage.lock(call.key):
        container = call.storage.container(call.key.account, call.key.container)
        conditions.check(call.headers, container, write=True)
        status, after, headers = lease.carry_out(call.headers, container.lease, call.now, "Container")
        call.storage.catalog.put_container(replace(container, lease=after))
    return Response(status, {**written(container), **headers})


def _existing(call: Call, *, write: bool) -> Container:
    container = call.storage.container(call.key.account, call.key.container)
    conditions.check(call.headers, container, write=True)
    lease.check(container.lease, call.header("x-ms-lease-id"), call.now, "Container", write=write)
    return container


def list_containers(call: Call) -> Response:
    query = call.request.query
    limit = min(call.query_number("maxresults", low=1) or _MAX_RESULTS, _MAX_RESULTS)
    found = call.storage.catalog.containers(
        call.key.account, query.get("prefix", ""), query.get("marker", ""), limit + 1
    )
    with_metadata = "metadata" in query.get("include", "").lower().split(",")
    items = "".join(xml.container_item(one, call.now, with_metadata=with_metadata) for one in found[:limit])
    marker = found[limit].name if len(found) > limit else ""
    body = xml.listing(_endpoint(call), None, _echo(call), "Containers", items, marker)
    return Response(200, {"Content-Type": "application/xml"}, body)


def list_blobs(call: Call) -> Response:
    """Flat, or by `delimiter`; in pages of up to 5000."""
    call.storage.container(call.key.account, call.key.container)
    query = call.request.query
    include = {word.strip().lower() for word in query.get("include", "").split(",")}
    if include - _INCLUDES:
        raise invalid_query(f"include={query['include']} (the lab knows {', '.join(sorted(_INCLUDES - {''}))})")
    if "delimiter" in query and "snapshots" in include:
        raise invalid_query("include=snapshots together with a delimiter")
    limit = min(call.query_number("maxresults", low=1) or _MAX_RESULTS, _MAX_RESULTS)
    items: list[str] = []
    marker = ""
    for entry in _entries(call, include, _position(query.get("marker", ""))):
        if len(items) == limit:
            marker = _marker(entry)
            break
        match entry:
            case Blob():
                items.append(xml.blob_item(entry, call.now, include))
            case prefix, True:
                items.append(f"<BlobPrefix>{xml.tag('Name', prefix)}</BlobPrefix>")
            case name, _:
                items.append(xml.uncommitted_item(name))
    body = xml.listing(_endpoint(call), call.key.container, _echo(call), "Blobs", "".join(items), marker)
    return Response(200, {"Content-Type": "application/xml", "Date": http_date(call.now)}, body)


_Entry = Blob | tuple[str, bool]
"""A blob; or a name: of a prefix (True) or of a blob that has staged blocks only (False)."""


def _entries(call: Call, include: set[str], start: Position) -> Iterator[_Entry]:
    prefix = call.request.query.get("prefix", "")
    delimiter = call.request.query.get("delimiter", "")
    position = max(start, (prefix, 0, "", ""))
    names = (
        call.storage.catalog.uncommitted_names(call.key.account, call.key.container, prefix)
        if "uncommittedblobs" in include
        else []
    )
    while True:
        blobs: Iterator[_Entry] = call.storage.catalog.blobs(
            call.key.account,
            call.key.container,
            start=position,
            snapshots="snapshots" in include,
            deleted="deleted" in include,
            batch=min(_BATCH, call.query_number("maxresults", low=1) or _BATCH) + 1,
        )
        waiting: Iterator[_Entry] = iter([(name, False) for name in names if name >= position[0]])
        skip_to: str | None = None
        for entry in merge(blobs, waiting, key=_name):
            name = _name(entry)
            if not name.startswith(prefix):
                break  # names come in order and begin at the prefix: the rest is beyond it
            at = name.find(delimiter, len(prefix)) if delimiter else -1
            if at >= 0:
                folder = name[: at + len(delimiter)]
                yield folder, True
                skip_to = folder + _LAST
                break
            yield entry
        if skip_to is None:
            return
        position = (skip_to, 0, "", "")


def _name(entry: _Entry) -> str:
    return entry.key.name if isinstance(entry, Blob) else entry[0]


def _marker(entry: _Entry) -> str:
    match entry:
        case Blob():
            gone = "" if entry.deleted is None else f"{entry.deleted:020.6f}"
            position = [entry.key.name, 0 if entry.key.snapshot else 1, entry.key.snapshot, gone]
        case name, _:
            position = [name, 0, "", ""]
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()


def _position(marker: str) -> Position:
    if not marker:
        return BEGINNING
    try:
        name, base, snapshot, gone = json.loads(base64.urlsafe_b64decode(marker))
    except ValueError:
        raise invalid_query("marker") from None
    return name, base, snapshot, gone


def _endpoint(call: Call) -> str:
    return f"https://{call.headers.get('host', '')}/{call.key.account}/"


def _echo(call: Call) -> dict[str, str | None]:
    names = {"Prefix": "prefix", "Marker": "marker", "MaxResults": "maxresults", "Delimiter": "delimiter"}
    return {shown: call.request.query.get(name) for shown, name in names.items()}
