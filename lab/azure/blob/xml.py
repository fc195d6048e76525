"""The service's XML bodies: written and read."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

from lab.azure.blob.errors import BlobError
from lab.azure.blob.model import Blob, Block, Container, http_date

_HEAD = '\ufeff<?xml version="1.0" encoding="utf-8"?>'


def tag(name: str, value: str | int | None) -> str:
    """<name>value</name>; nothing for None."""
    return "" if value is None else f"<{name}>{escape(str(value))}</{name}>"


def document(body: str) -> bytes:
    return (_HEAD + body).encode()


def parse(body: bytes, root: str) -> ElementTree.Element:
    """Raises BlobError 400."""
    try:
        element = ElementTree.fromstring(body.removeprefix(b"\xef\xbb\xbf"))
    except ElementTree.ParseError:
        element = None
    if element is None or element.tag != root:
        raise BlobError(
            400, "InvalidXmlDocument", f"XML specified is not syntactically valid; expected <{root}>."
        )
    return element


def page_list(ranges: Iterable[tuple[int, int, bool]], marker: str) -> bytes:
    """`ranges`: (start, end, cleared); written as the inclusive ranges of the service."""
    items = "".join(
        f"<{name}><Start>{start}</Start><End>{end - 1}</End></{name}>"
        for start, end, cleared in ranges
        for name in ("ClearRange" if cleared else "PageRange",)
    )
    return document(f"<PageList>{items}<NextMarker>{escape(marker)}</NextMarker></PageList>")


def block_list(committed: Iterable[Block] | None, uncommitted: Iterable[Block] | None) -> bytes:
    parts = [
        f"<{name}>"
        + "".join(f"<Block>{tag('Name', one.id)}{tag('Size', one.size)}</Block>" for one in blocks)
        + f"</{name}>"
        for name, blocks in (("CommittedBlocks", committed), ("UncommittedBlocks", uncommitted))
        if blocks is not None
    ]
    return document(f"<BlockList>{''.join(parts)}</BlockList>")


def blob_item(blob: Blob, now: float, include: set[str]) -> str:
    properties = {
        "Creation-Time": http_date(blob.created),
        "Last-Modified": http_date(blob.modified),
        "Etag": blob.etag.strip('"'),
        "Content-Length": str(blob.size),
        "Content-Type": "application/octet-stream",
        **blob.properties,
        "x-ms-blob-sequence-number": str(blob.sequence) if blob.kind == "PageBlob" else None,
        "BlobType": blob.kind,
        "ServerEncrypted": "true",
    }
    if blob.kind == "BlockBlob":
        properties |= {"AccessTier": "Hot", "AccessTierInferred": "true"}
    if not blob.key.snapshot and blob.deleted is None:
        names = {"status": "LeaseStatus", "state": "LeaseState", "duration": "LeaseDuration"}
        properties |= {names[name.rsplit("-", 1)[1]]: value for name, value in blob.lease.headers(now).items()}
    if blob.copy is not None and "copy" in include:
        properties |= {
            "CopyId": blob.copy.id,
            "CopyStatus": blob.copy.status,
            "CopySource": blob.copy.source,
            "CopyProgress": blob.copy.progress,
            "CopyCompletionTime": None if blob.copy.completed is None else http_date(blob.copy.completed),
            "CopyStatusDescription": blob.copy.description or None,
        }
    if blob.deleted is not None:
        over = blob.deleted + blob.retention_days * 86400
        properties |= {
            "DeletedTime": http_date(blob.deleted),
            "RemainingRetentionDays": str(max(0, int((over - now) // 86400))),
        }
    return (
        "<Blob>"
        + tag("Name", blob.key.name)
        + tag("Snapshot", blob.key.snapshot or None)
        + tag("Deleted", None if blob.deleted is None else "true")
        + "<Properties>"
        + "".join(tag(name, value) for name, value in properties.items())
        + "</Properties>"
        + (metadata(blob.metadata) if "metadata" in include else "")
        + "</Blob>"
    )


def uncommitted_item(name: str) -> str:
    return (
        f"<Blob>{tag('Name', name)}<Properties><Content-Length>0</Content-Length>"
        "<BlobType>BlockBlob</BlobType></Properties></Blob>"
    )


def container_item(container: Container, now: float, *, with_metadata: bool) -> str:
    lease = container.lease.headers(now)
    properties = {
        "Last-Modified": http_date(container.modified),
        "Etag": container.etag,
        "LeaseStatus": lease["x-ms-lease-status"],
        "LeaseState": lease["x-ms-lease-state"],
        "LeaseDuration": lease.get("x-ms-lease-duration"),
        "HasImmutabilityPolicy": "false",
        "HasLegalHold": "false",
    }
    return (
        "<Container>"
        + tag("Name", container.name)
        + "<Properties>"
        + "".join(tag(name, value) for name, value in properties.items())
        + "</Properties>"
        + (metadata(container.metadata) if with_metadata else "")
        + "</Container>"
    )


def listing(
    endpoint: str, container: str | None, fields: dict[str, str | None], name: str, items: str, marker: str
) -> bytes:
    """An EnumerationResults document; `fields` echo the query."""
    attributes = f"ServiceEndpoint={quoteattr(endpoint)}"
    if container is not None:
        attributes += f" ContainerName={quoteattr(container)}"
    echo = "".join(tag(field, value) for field, value in fields.items())
    return document(
        f"<EnumerationResults {attributes}>{echo}<{name}>{items}</{name}>"
        f"<NextMarker>{escape(marker)}</NextMarker></EnumerationResults>"
    )


def metadata(values: dict[str, str]) -> str:
    return "<Metadata>" + "".join(tag(name, value) for name, value in values.items()) + "</Metadata>"


def policies(values: dict[str, dict[str, str]]) -> bytes:
    items = "".join(
        f"<SignedIdentifier>{tag('Id', identifier)}<AccessPolicy>"
        + tag("Start", policy.get("start"))
        + tag("Expiry", policy.get("expiry"))
        + tag("Permission", policy.get("permission"))
        + "</AccessPolicy></SignedIdentifier>"
        for identifier, policy in values.items()
    )
    return document(f"<SignedIdentifiers>{items}</SignedIdentifiers>")


def read_policies(body: bytes) -> dict[str, dict[str, str]]:
    """Stored access policies by id. Raises BlobError 400."""
    if not body:
        return {}
    found: dict[str, dict[str, str]] = {}
    for item in parse(body, "SignedIdentifiers"):
        fields = {
            name.lower(): item.findtext(f"AccessPolicy/{name}") for name in ("Start", "Expiry", "Permission")
        }
        found[item.findtext("Id", "")] = {name: value for name, value in fields.items() if value}
    if len(found) > 5 or "" in found:
        raise BlobError(
            400, "InvalidXmlNodeValue", "A container has up to five access policies, each with an Id."
        )
    return found


def utc(moment: float) -> str:
    return datetime.datetime.fromtimestamp(moment, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
