"""The blob service: takes requests apart, lets faults happen, authenticates, dispatches, words the answers."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

from lab.azure.blob import blob_reads, blob_writes, block_blobs, containers, copies, page_blobs, service_ops
from lab.azure.blob.accounts import Accounts
from lab.azure.blob.auth import Access, Authenticator, May
from lab.azure.blob.call import Call, snapshot_of
from lab.azure.blob.disk_service import handle_disk
from lab.azure.blob.disks import DiskFiles
from lab.azure.blob.errors import BlobError, invalid_header, missing_header, render
from lab.azure.blob.model import BlobKey
from lab.azure.blob.operations import Level, Operation, classify
from lab.azure.blob.source import BlobSource
from lab.azure.blob.storage import Storage
from lab.faults import Faults
from lab.http import Request, Response

_OPERATIONS: dict[str, Callable[[Call], Response]] = {
    "ListContainers": containers.list_containers,
    "GetBlobServiceProperties": service_ops.get_service_properties,
    "SetBlobServiceProperties": service_ops.set_service_properties,
    "GetUserDelegationKey": service_ops.get_user_delegation_key,
    "GetAccountInformation": service_ops.get_account_information,
    "CreateContainer": containers.create_container,
    "GetContainerProperties": containers.get_container_properties,
    "SetContainerMetadata": containers.set_container_metadata,
    "GetContainerACL": containers.get_container_acl,
    "SetContainerACL": containers.set_container_acl,
    "DeleteContainer": containers.delete_container,
    "LeaseContainer": containers.lease_container,
    "ListBlobs": containers.list_blobs,
    "PutBlob": block_blobs.put_blob,
    "GetBlob": blob_reads.get_blob,
    "GetBlobProperties": blob_reads.get_blob_properties,
    "DeleteBlob": blob_writes.delete_blob,
    "UndeleteBlob": blob_writes.undelete_blob,
    "SetBlobProperties": blob_writes.set_blob_properties,
    "SetBlobMetadata": blob_writes.set_blob_metadata,
    "SnapshotBlob": blob_writes.snapshot_blob,
    "LeaseBlob": blob_writes.lease_blob,
    "PutBlock": block_blobs.put_block,
    "PutBlockFromURL": block_blobs.put_block_from_url,
    "PutBlockList": block_blobs.put_block_list,
    "GetBlockList": block_blobs.get_block_list,
    "AppendBlock": block_blobs.append_block,
    "PutPage": page_blobs.put_page,
    "PutPageFromURL": page_blobs.put_page_from_url,
    "GetPageRanges": page_blobs.get_page_ranges,
    "CopyBlob": copies.copy_blob,
    "CopyBlobFromURL": copies.copy_blob_from_url,
    "AbortCopyBlob": blob_writes.abort_copy,
}

# Asked for, these change what a request means; the lab has none of it and says so instead of ignoring it.
_UNSUPPORTED = (
    "x-ms-tags",
    "x-ms-encryption-key",
    "x-ms-encryption-scope",
    "x-ms-immutability-policy-until-date",
    "x-ms-legal-hold",
    "x-ms-seal-blob",
)
_OLDEST_VERSION, _NEWEST_VERSION = "2017-11-09", "2026-12-31"
_MAX_NAME = 1024


class BlobService:
    """One endpoint for all accounts, path style: /ACCOUNT/CONTAINER/BLOB; disks at /md-…/CONTAINER/abcd."""

    def __init__(
        self, root: Path | str, accounts: Accounts, disks: DiskFiles, faults: Faults, may: May
    ) -> None:
        self._accounts = accounts
        self._disks = disks
        self._faults = faults
        self._storage = Storage(root, accounts)
        self._authenticator = Authenticator(accounts, may, self._storage.catalog.container)
        accounts.on_delete(self._storage.delete_account)
        disks.import_from(self._open_vhd)
        copies.fail_interrupted(self._storage)
        for service in ("blob", "disk"):
            faults.on_failure(service, render)

    def handler(self, request: Request) -> Response:
        """Answer one request. Errors of the service become answers; an ordered fault may raise DropConnection."""
        try:
            key, level = _address(request)
            is_disk = key.account.startswith("md-")
            operation = classify(request, level)
            target = f"{key.account}/{key.container}/{key.name}".rstrip("/")
            response = self._faults.wrap(
                "disk" if is_disk else "blob",
                operation.name,
                target,
                request,
                lambda: self._carry_out(request, key, operation, is_disk=is_disk),
            )
        except BlobError as error:
            response = render(error.status, error.code, error.message, error.headers)
        return _finish(request, response)

    def flip_bit(self, account: str, container: str, blob: str, byte_offset: int) -> None:
        """Spoil one bit of a blob's current content, as a bad disk would: no new ETag, snapshots keep theirs.

        Raises LookupError when there is no such blob or byte.
        """
        key = BlobKey(account, container, blob)
        with self._storage.lock(key):
            found = self._storage.catalog.blob(key)
            if found is None or not 0 <= byte_offset < found.size:
                raise LookupError(f"no byte {byte_offset} in the blob {key}")
            if found.kind == "PageBlob":
                self._storage.pages(found).flip_bit(byte_offset)
                return
            with self._storage.path(found.store).open("r+b") as file:
                file.seek(byte_offset)
                spoiled = file.read(1)[0] ^ 1
                file.seek(byte_offset)
                file.write(bytes([spoiled]))

    def blob_file(self, account: str, container: str, blob: str) -> Path:
        """The plain file with a blob's current content (a page blob: raw and sparse). LookupError without the blob."""
        found = self._storage.catalog.blob(BlobKey(account, container, blob))
        if found is None:
            raise LookupError(f"no blob {account}/{container}/{blob}")
        return self._storage.path(found.store)

    def _carry_out(self, request: Request, key: BlobKey, operation: Operation, *, is_disk: bool) -> Response:
        try:
            now = time.time()
            _check_version(request)
            for name in _UNSUPPORTED:
                if name in request.headers:
                    raise BlobError(400, "UnsupportedHeader", f"The lab does not support the header {name}.")
            if is_disk:
                return handle_disk(self._call(request, key, Access(), now), operation)
            if not self._accounts.exists(key.account):
                raise BlobError(
                    404,
                    "ResourceNotFound",
                    f"The specified resource does not exist: no storage account {key.account!r}.",
                )
            access = self._authenticator.request(request, key, operation, now)
            return _OPERATIONS[operation.name](self._call(request, key, access, now))
        except BlobError as error:
            return render(error.status, error.code, error.message, error.headers)

    def _call(self, request: Request, key: BlobKey, access: Access, now: float) -> Call:
        return Call(request, key, access, self._storage, self._authenticator, self._disks, now)

    def _open_vhd(self, account: str, container: str, name: str) -> BlobSource:
        blob = self._storage.catalog.blob(BlobKey(account, container, name))
        if blob is None or blob.kind != "PageBlob":
            raise LookupError(f"there is no page blob {account}/{container}/{name}")
        return BlobSource(self._storage, blob)


def _address(request: Request) -> tuple[BlobKey, Level]:
    """Raises BlobError 400."""
    account, _, rest = request.raw_path.lstrip("/").partition("/")
    container, _, name = rest.partition("/")
    if not account:
        raise BlobError(
            400, "InvalidUri", "The requested URI does not represent any resource: it names no account."
        )
    if "versionid" in request.query:
        raise BlobError(400, "UnsupportedQueryParameter", "The lab keeps no blob versions (versionid).")
    if not container:
        return BlobKey(account, "", ""), "service"
    if not name:
        return BlobKey(account, unquote(container), ""), "container"
    decoded = unquote(name)
    if len(decoded) > _MAX_NAME:
        raise BlobError(400, "InvalidResourceName", f"A blob's name has at most {_MAX_NAME} characters.")
    snapshot = request.query.get("snapshot", "")
    return BlobKey(account, unquote(container), decoded, snapshot_of(snapshot) if snapshot else ""), "blob"


def _check_version(request: Request) -> None:
    version = request.headers.get("x-ms-version") or (
        request.query.get("sv") if "sig" in request.query else None
    )
    if version is None:
        raise missing_header("x-ms-version")
    if not re.match(r"\d{4}-\d\d-\d\d$", version) or not _OLDEST_VERSION <= version <= _NEWEST_VERSION:
        raise invalid_header("x-ms-version", version)


def _finish(request: Request, response: Response) -> Response:
    headers = response.headers
    headers.setdefault("x-ms-request-id", str(uuid.uuid4()))
    headers.setdefault("Server", "Windows-Azure-Blob/1.0")
    if "x-ms-version" in request.headers:
        headers["x-ms-version"] = request.headers["x-ms-version"]
    if "x-ms-client-request-id" in request.headers:
        headers["x-ms-client-request-id"] = request.headers["x-ms-client-request-id"]
    if request.method == "PUT" and response.status == 201:
        headers.setdefault("x-ms-request-server-encrypted", "true")
    return response
