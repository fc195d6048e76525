"""Which operation a request asks for, under its name in Azure's REST reference, and what is needed to be allowed it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lab.azure.blob.errors import BlobError
from lab.http import Request

Level = Literal["service", "container", "blob"]


@dataclass(frozen=True, slots=True)
class Operation:
    """`sas` holds the permission letters of which one is enough; empty: no SAS is good for it.

    `container_sas`: a service SAS on the container will do, although the operation is not on a blob.
    """

    name: str
    level: Level
    sas: str
    write: bool
    container_sas: bool = False


def _all(*operations: Operation) -> dict[str, Operation]:
    return {operation.name: operation for operation in operations}


OPERATIONS = _all(
    Operation("ListContainers", "service", "l", write=False),
    Operation("GetBlobServiceProperties", "service", "r", write=False),
    Operation("SetBlobServiceProperties", "service", "w", write=True),
    Operation("GetUserDelegationKey", "service", "", write=False),
    Operation("GetAccountInformation", "service", "racwdl", write=False, container_sas=True),
    Operation("CreateContainer", "container", "cw", write=True),
    Operation("GetContainerProperties", "container", "r", write=False),
    Operation("SetContainerMetadata", "container", "w", write=True),
    Operation("GetContainerACL", "container", "", write=False),
    Operation("SetContainerACL", "container", "", write=True),
    Operation("DeleteContainer", "container", "d", write=True),
    Operation("LeaseContainer", "container", "wd", write=True),
    Operation("ListBlobs", "container", "l", write=False, container_sas=True),
    Operation("PutBlob", "blob", "wc", write=True),
    Operation("GetBlob", "blob", "r", write=False),
    Operation("GetBlobProperties", "blob", "r", write=False),
    Operation("DeleteBlob", "blob", "d", write=True),
    Operation("UndeleteBlob", "blob", "w", write=True),
    Operation("SetBlobProperties", "blob", "w", write=True),
    Operation("SetBlobMetadata", "blob", "w", write=True),
    Operation("SnapshotBlob", "blob", "wc", write=True),
    Operation("LeaseBlob", "blob", "wd", write=True),
    Operation("PutBlock", "blob", "wc", write=True),
    Operation("PutBlockFromURL", "blob", "wc", write=True),
    Operation("PutBlockList", "blob", "wc", write=True),
    Operation("GetBlockList", "blob", "r", write=False),
    Operation("AppendBlock", "blob", "wa", write=True),
    Operation("PutPage", "blob", "w", write=True),
    Operation("PutPageFromURL", "blob", "w", write=True),
    Operation("GetPageRanges", "blob", "r", write=False),
    Operation("CopyBlob", "blob", "wc", write=True),
    Operation("CopyBlobFromURL", "blob", "wc", write=True),
    Operation("AbortCopyBlob", "blob", "w", write=True),
)

_SERVICE = {
    ("GET", "", "list"): "ListContainers",
    ("GET", "service", "properties"): "GetBlobServiceProperties",
    ("PUT", "service", "properties"): "SetBlobServiceProperties",
    ("POST", "service", "userdelegationkey"): "GetUserDelegationKey",
    ("GET", "account", "properties"): "GetAccountInformation",
    ("HEAD", "account", "properties"): "GetAccountInformation",
}
_CONTAINER = {
    ("PUT", ""): "CreateContainer",
    ("GET", ""): "GetContainerProperties",
    ("HEAD", ""): "GetContainerProperties",
    ("GET", "metadata"): "GetContainerProperties",
    ("HEAD", "metadata"): "GetContainerProperties",
    ("PUT", "metadata"): "SetContainerMetadata",
    ("GET", "acl"): "GetContainerACL",
    ("HEAD", "acl"): "GetContainerACL",
    ("PUT", "acl"): "SetContainerACL",
    ("DELETE", ""): "DeleteContainer",
    ("PUT", "lease"): "LeaseContainer",
    ("GET", "list"): "ListBlobs",
}
_BLOB = {
    ("GET", ""): "GetBlob",
    ("HEAD", ""): "GetBlobProperties",
    ("GET", "metadata"): "GetBlobProperties",
    ("HEAD", "metadata"): "GetBlobProperties",
    ("DELETE", ""): "DeleteBlob",
    ("PUT", "undelete"): "UndeleteBlob",
    ("PUT", "properties"): "SetBlobProperties",
    ("PUT", "metadata"): "SetBlobMetadata",
    ("PUT", "snapshot"): "SnapshotBlob",
    ("PUT", "lease"): "LeaseBlob",
    ("PUT", "blocklist"): "PutBlockList",
    ("GET", "blocklist"): "GetBlockList",
    ("PUT", "appendblock"): "AppendBlock",
    ("GET", "pagelist"): "GetPageRanges",
    ("PUT", "copy"): "AbortCopyBlob",
}


def classify(request: Request, level: Level) -> Operation:
    """Raises BlobError 400 for what the service (or this lab) does not know."""
    comp = request.query.get("comp", "")
    restype = request.query.get("restype", "")
    source = "x-ms-copy-source" in request.headers
    name: str | None
    match level:
        case "service":
            name = _SERVICE.get((request.method, restype, comp))
        case "container":
            if restype == "account":
                name = _SERVICE.get((request.method, restype, comp))
            else:
                name = _CONTAINER.get((request.method, comp)) if restype == "container" else None
        case "blob":
            name = _BLOB.get((request.method, comp))
            if request.method == "PUT":
                name = _put_blob(comp, source, request) or name
            if restype == "account":
                name = _SERVICE.get((request.method, restype, comp))
    if name is None:
        raise BlobError(
            400,
            "UnsupportedQueryParameter",
            "One of the query parameters specified in the request URI is not supported: "
            f"{request.method} with restype={restype!r} comp={comp!r} on a {level}.",
        )
    return OPERATIONS[name]


def _put_blob(comp: str, source: bool, request: Request) -> str | None:
    match comp, source:
        case "", False:
            return "PutBlob"
        case "", True:
            if "x-ms-blob-type" in request.headers:
                raise BlobError(
                    400, "UnsupportedHeader", "The lab has no Put Blob From URL; use Copy Blob From URL."
                )
            synchronous = request.headers.get("x-ms-requires-sync", "").lower() == "true"
            return "CopyBlobFromURL" if synchronous else "CopyBlob"
        case "block", _:
            return "PutBlockFromURL" if source else "PutBlock"
        case "page", _:
            return "PutPageFromURL" if source else "PutPage"
        case _:
            return None
