"""A blob's headers, as Get Blob and Get Blob Properties show them."""

from __future__ import annotations

from lab.azure.blob.model import Blob, Copy, http_date


def describe(blob: Blob, now: float) -> dict[str, str]:
    """Everything but Content-Length and the content's hashes, which depend on the range that was asked for."""
    headers = {
        "Last-Modified": http_date(blob.modified),
        "ETag": blob.etag,
        "Content-Type": "application/octet-stream",
        **{name: value for name, value in blob.properties.items() if name != "Content-MD5"},
        "Accept-Ranges": "bytes",
        "x-ms-blob-type": blob.kind,
        "x-ms-creation-time": http_date(blob.created),
        "x-ms-server-encrypted": "true",
        **{f"x-ms-meta-{name}": value for name, value in blob.metadata.items()},
    }
    if not blob.key.snapshot:
        headers |= blob.lease.headers(now)
    match blob.kind:
        case "PageBlob":
            headers["x-ms-blob-sequence-number"] = str(blob.sequence)
        case "AppendBlob":
            headers["x-ms-blob-committed-block-count"] = str(blob.append_blocks)
        case "BlockBlob":
            headers |= {"x-ms-access-tier": "Hot", "x-ms-access-tier-inferred": "true"}
    if blob.copy is not None:
        headers |= copy_headers(blob.copy)
    return headers


def copy_headers(copy: Copy) -> dict[str, str]:
    headers = {
        "x-ms-copy-id": copy.id,
        "x-ms-copy-source": copy.source,
        "x-ms-copy-status": copy.status,
        "x-ms-copy-progress": copy.progress,
    }
    if copy.completed is not None:
        headers["x-ms-copy-completion-time"] = http_date(copy.completed)
    if copy.description:
        headers["x-ms-copy-status-description"] = copy.description
    return headers
