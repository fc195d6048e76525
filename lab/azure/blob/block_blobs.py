"""Block and append blobs: Put Blob, Put Block, Put Block List, Get Block List, Append Block."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from lab.azure.blob import conditions, lease
from lab.azure.blob.blob_writes import changed, existing, replaceable
from lab.azure.blob.call import MIB, Call, Received, receive, too_large, verify, written
from lab.azure.blob.errors import BlobError, invalid_blob_type, invalid_header, invalid_query, missing_header
from lab.azure.blob.model import Blob, Block, new_etag
from lab.azure.blob.page_blobs import create_page_blob
from lab.azure.blob.source import open_source
from lab.azure.blob.sparse import copy_range, write_all
from lab.azure.blob.xml import block_list, parse
from lab.http import Response

MAX_PUT_BLOB = 5000 * MIB
MAX_BLOCK = 4000 * MIB
MAX_APPEND = 100 * MIB
MAX_BLOCKS = 50_000
MAX_STAGED = 100_000


def put_blob(call: Call) -> Response:
    match call.header("x-ms-blob-type"):
        case "BlockBlob":
            return _put_block_blob(call)
        case "PageBlob":
            return create_page_blob(call)
        case "AppendBlob":
            return _create_append_blob(call)
        case None:
            raise missing_header("x-ms-blob-type")
        case other:
            raise invalid_header("x-ms-blob-type", other)


def _put_block_blob(call: Call) -> Response:
    call.storage.container(call.key.account, call.key.container)
    store = call.storage.new_store(call.key, ".blob")
    body = receive(call, call.storage.path(store), MAX_PUT_BLOB)
    properties, metadata = call.properties(), call.metadata()
    given = properties.get("Content-MD5")
    if given is not None and given != body.md5:
        raise BlobError(400, "Md5Mismatch", "The MD5 value specified in the request did not match the content.")
    properties["Content-MD5"] = body.md5
    with call.storage.lock(call.key):
        old = _replaceable(call, body, call.storage.path(store))
        body.move_to(call.storage.path(store))
        blob = _fresh(call, old, store, body.size, properties, metadata)
        call.storage.replace(blob, old)
    return Response(201, {**written(blob), "Content-MD5": body.md5, **body.checks})


def _replaceable(call: Call, body: Received, path: Path) -> Blob | None:
    try:
        return replaceable(call)
    except BlobError:
        if body.data is None:
            path.unlink()
        raise


def _fresh(
    call: Call, old: Blob | None, store: str, size: int, properties: dict[str, str], metadata: dict[str, str]
) -> Blob:
    return Blob(
        key=call.key,
        kind="BlockBlob",
        store=store,
        size=size,
        etag=new_etag(),
        modified=call.now,
        created=call.now if old is None else old.created,
        properties=properties,
        metadata=metadata,
        lease=lease.Lease() if old is None else lease.after_write(old.lease, call.now),
    )


def _create_append_blob(call: Call) -> Response:
    if call.content_length():
        raise invalid_header("Content-Length", str(call.content_length()))
    properties, metadata = call.properties(), call.metadata()
    with call.storage.lock(call.key):
        old = replaceable(call)
        store = call.storage.new_store(call.key, ".blob")
        call.storage.path(store).touch()
        blob = replace(_fresh(call, old, store, 0, properties, metadata), kind="AppendBlob")
        call.storage.replace(blob, old)
    return Response(201, written(blob))


def append_block(call: Call) -> Response:
    call.storage.container(call.key.account, call.key.container)
    spool = call.storage.new_store(call.key, ".blob")
    path = call.storage.path(spool)
    body = receive(call, path, MAX_APPEND)
    try:
        if body.size == 0:
            raise invalid_header("Content-Length", "0")
        with call.storage.lock(call.key):
            blob = existing(call)
            _check_append(call, blob, body.size)
            with call.storage.path(blob.store).open("r+b", buffering=0) as target:
                if body.data is not None:
                    write_all(target.fileno(), body.data, blob.size)
                else:
                    with path.open("rb") as spooled:
                        copy_range(spooled.fileno(), target.fileno(), 0, blob.size, body.size)
            after = replace(
                changed(call, blob), size=blob.size + body.size, append_blocks=blob.append_blocks + 1
            )
            call.storage.catalog.put_blob(after)
    finally:
        path.unlink(missing_ok=True)
    headers = {
        **written(after),
        **body.checks,
        "x-ms-blob-append-offset": str(blob.size),
        "x-ms-blob-committed-block-count": str(after.append_blocks),
    }
    return Response(201, headers)


def _check_append(call: Call, blob: Blob, size: int) -> None:
    if blob.kind != "AppendBlob":
        raise invalid_blob_type()
    position = call.number("x-ms-blob-condition-appendpos")
    if position is not None and position != blob.size:
        raise BlobError(
            412, "AppendPositionConditionNotMet", "The append position condition specified was not met."
        )
    limit = call.number("x-ms-blob-condition-maxsize")
    if limit is not None and blob.size + size > limit:
        raise BlobError(412, "MaxBlobSizeConditionNotMet", "The max blob size condition specified was not met.")
    if blob.append_blocks >= MAX_BLOCKS:
        raise BlobError(409, "BlockCountExceedsLimit", f"An append blob has at most {MAX_BLOCKS} blocks.")


def put_block(call: Call) -> Response:
    identifier = _block_id(call)
    call.storage.container(call.key.account, call.key.container)
    store = call.storage.new_store(call.key, ".block")
    body = receive(call, call.storage.path(store), MAX_BLOCK)
    if body.size == 0:
        raise invalid_header("Content-Length", "0")
    body.move_to(call.storage.path(store))
    _stage(call, identifier, body.size, store)
    return Response(201, {"Content-MD5": body.md5, **body.checks})


def put_block_from_url(call: Call) -> Response:
    identifier = _block_id(call)
    if call.content_length():
        raise invalid_header("Content-Length", str(call.content_length()))
    call.storage.container(call.key.account, call.key.container)
    source = open_source(call)
    conditions.check_source(call.headers, source)
    start, end = _source_range(call, source.size)
    if end - start > MAX_BLOCK:
        raise too_large(MAX_BLOCK)
    if end - start > 4 * MIB and {"x-ms-source-content-md5", "x-ms-source-content-crc64"} & set(call.headers):
        raise BlobError(400, "UnsupportedHeader", "The lab checks a source's hash for up to 4 MiB a request.")
    store = call.storage.new_store(call.key, ".block")
    checks: dict[str, str] = {}
    with call.storage.path(store).open("wb", buffering=0) as file:
        for position in range(start, end, 4 * MIB):
            data = source.read(position, min(4 * MIB, end - position))
            checks |= verify(call.headers, data, "x-ms-source-")
            write_all(file.fileno(), data, position - start)
    _stage(call, identifier, end - start, store)
    return Response(201, checks)


def _source_range(call: Call, size: int) -> tuple[int, int]:
    text = call.header("x-ms-source-range")
    if text is None:
        return 0, size
    first, _, last = text.removeprefix("bytes=").partition("-")
    if not (first.isdigit() and last.isdigit()) or int(last) >= size or int(first) > int(last):
        raise invalid_header("x-ms-source-range", text)
    return int(first), int(last) + 1


def _block_id(call: Call) -> str:
    identifier = call.request.query.get("blockid", "")
    try:
        length = len(base64.b64decode(identifier, validate=True))
    except ValueError:
        length = 0
    if not 0 < length <= 64:
        raise invalid_query("blockid")
    return identifier


def _stage(call: Call, identifier: str, size: int, store: str) -> None:
    catalog = call.storage.catalog
    try:
        with call.storage.lock(call.key):
            call.storage.container(call.key.account, call.key.container)
            blob = catalog.blob(call.key)
            if blob is not None:
                call.access.needs("w")
                lease.check(blob.lease, call.header("x-ms-lease-id"), call.now, "Blob", write=True)
                if blob.kind != "BlockBlob":
                    raise invalid_blob_type()
            staged = catalog.staged(call.key)
            known = (
                next(iter(staged), None) or next((one.id for one in blob.blocks), None)
                if blob
                else next(iter(staged), None)
            )
            if known is not None and len(known) != len(identifier):
                raise BlobError(
                    400,
                    "InvalidBlobOrBlock",
                    "The specified blob or block content is invalid: "
                    "the ids of a blob's blocks must all have the same length.",
                )
            if len(staged) >= MAX_STAGED and identifier not in staged:
                raise BlobError(
                    409, "BlockCountExceedsLimit", f"A blob has at most {MAX_STAGED} uncommitted blocks."
                )
            replaced = catalog.put_block(call.key, Block(identifier, size), store)
    except BlobError:
        call.storage.path(store).unlink()
        raise
    if replaced is not None:
        call.storage.path(replaced).unlink(missing_ok=True)


def put_block_list(call: Call) -> Response:
    if call.content_length() > 16 * MIB:
        raise too_large(16 * MIB)
    data = call.request.read(call.content_length())
    checks = verify(call.headers, data)
    wanted = [(item.tag, (item.text or "").strip()) for item in parse(data, "BlockList")]
    if len(wanted) > MAX_BLOCKS:
        raise BlobError(
            400, "BlockListTooLong", f"The block list may not contain more than {MAX_BLOCKS} blocks."
        )
    properties, metadata = call.properties(), call.metadata()
    with call.storage.lock(call.key):
        old = replaceable(call)
        if old is not None and old.kind != "BlockBlob":
            raise invalid_blob_type()
        pieces = list(_pieces(call, old, wanted))
        store = call.storage.new_store(call.key, ".blob")
        _join(call, store, pieces)
        size = sum(block.size for block, _, _ in pieces)
        blob = replace(
            _fresh(call, old, store, size, properties, metadata),
            blocks=tuple(block for block, _, _ in pieces),
        )
        call.storage.replace(blob, old)
    return Response(201, {**written(blob), **checks})


def _pieces(call: Call, old: Blob | None, wanted: list[tuple[str, str]]) -> Iterator[tuple[Block, str, int]]:
    """(block, store, offset in it) for each block of a list. Raises BlobError 400 for one that is nowhere."""
    staged = call.storage.catalog.staged(call.key)
    committed: dict[str, tuple[Block, str, int]] = {}
    offset = 0
    for block in () if old is None else old.blocks:
        committed[block.id] = (block, "" if old is None else old.store, offset)
        offset += block.size
    for where, identifier in wanted:
        if where not in ("Latest", "Committed", "Uncommitted"):
            raise BlobError(400, "InvalidXmlDocument", f"A block list has no <{where}>.")
        if where != "Committed" and identifier in staged:
            size, file = staged[identifier]
            yield Block(identifier, size), file, 0
        elif where != "Uncommitted" and identifier in committed:
            yield committed[identifier]
        else:
            raise BlobError(
                400, "InvalidBlockList", f"The specified block list is invalid: no block {identifier!r}."
            )


def _join(call: Call, store: str, pieces: list[tuple[Block, str, int]]) -> None:
    target = call.storage.path(store)
    with target.open("wb", buffering=0) as writer:
        position = 0
        for block, file, offset in pieces:
            with call.storage.path(file).open("rb") as reader:
                copy_range(reader.fileno(), writer.fileno(), offset, position, block.size)
            position += block.size


def get_block_list(call: Call) -> Response:
    kind = call.request.query.get("blocklisttype", "committed").lower()
    if kind not in ("committed", "uncommitted", "all"):
        raise invalid_query("blocklisttype")
    staged = {} if call.key.snapshot else call.storage.catalog.staged(call.key)
    blob = call.storage.catalog.blob(call.key)
    if blob is None and not staged:
        blob = call.storage.blob(call.key)
    headers = {"Content-Type": "application/xml"}
    if blob is not None:
        if blob.kind != "BlockBlob":
            raise invalid_blob_type()
        lease.check(blob.lease, call.header("x-ms-lease-id"), call.now, "Blob", write=False)
        headers |= {**written(blob), "x-ms-blob-content-length": str(blob.size)}
    committed = () if blob is None else blob.blocks
    uncommitted = [Block(identifier, size) for identifier, (size, _) in staged.items()]
    body = block_list(
        committed if kind in ("committed", "all") else None,
        uncommitted if kind in ("uncommitted", "all") else None,
    )
    return Response(200, headers, body)
