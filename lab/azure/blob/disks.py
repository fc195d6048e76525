"""Managed disks as files, and the addresses that grant access to them for a while.

A disk is one plain sparse raw file of exactly its size, so that `cmp` and `qemu-img` can judge it; the VHD footer, which
an address shows as the last 512 bytes, lies in a file beside it.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import quote

from lab.azure.blob.database import Database
from lab.azure.blob.errors import BlobError, authentication_failed
from lab.azure.blob.extents import Range
from lab.azure.blob.model import new_etag
from lab.azure.blob.sparse import copy_file, create, data_ranges, punch, read_exactly, write_all
from lab.azure.blob.vhd import FOOTER, InvalidVhd, check_footer, make_footer

AccessLevel = Literal["Read", "Write"]
_SCHEMA = """
CREATE TABLE IF NOT EXISTS disk (id TEXT PRIMARY KEY, file TEXT NOT NULL, size INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS disk_grant (
  path TEXT PRIMARY KEY, disk TEXT NOT NULL, access TEXT NOT NULL, expires REAL NOT NULL,
  identifier TEXT NOT NULL, signature TEXT NOT NULL
) WITHOUT ROWID;
"""
_ID = re.compile(r"/resourcegroups/(?P<group>[^/]+)/.*/(?P<kind>[^/]+)/(?P<name>[^/]+)$")
_COPY_STEP = 4 << 20


class Vhd(Protocol):
    """What a disk can be imported from."""

    @property
    def size(self) -> int: ...
    def read(self, offset: int, length: int) -> bytes: ...
    def ranges(self, start: int, end: int) -> list[Range]: ...


@dataclass(frozen=True, slots=True)
class Grant:
    """An address that is good until `expires` (epoch seconds)."""

    path: str
    disk: str
    access: AccessLevel
    expires: float
    identifier: str
    signature: str


class Disk:
    """A disk as its addresses show it: a page blob of `size` = raw size + 512, the footer at its end."""

    def __init__(self, file: Path, raw_size: int) -> None:
        self.file = file
        self.footer_file = file.with_suffix(".footer")
        self.raw_size = raw_size
        self.lock = threading.RLock()
        self.etag = new_etag()
        self.modified = time.time()

    @property
    def size(self) -> int:
        return self.raw_size + FOOTER

    def read(self, offset: int, length: int) -> bytes:
        end = offset + length
        raw_end = min(end, self.raw_size)
        data = b""
        if offset < raw_end:
            with self.file.open("rb", buffering=0) as file:
                data = read_exactly(file.fileno(), raw_end - offset, offset)
        if end > self.raw_size:
            data += self.footer()[max(0, offset - self.raw_size) : end - self.raw_size]
        return data

    def ranges(self, start: int, end: int) -> list[Range]:
        with self.file.open("rb", buffering=0) as file:
            found = list(data_ranges(file.fileno(), start, min(end, self.raw_size)))
        if end > self.raw_size and any(self.footer()):
            found.append((max(start, self.raw_size), end))
        return found

    def write(self, offset: int, data: bytes) -> None:
        raw = data[: max(0, self.raw_size - offset)]
        if raw:
            with self.file.open("r+b", buffering=0) as file:
                write_all(file.fileno(), raw, offset)
        if len(raw) < len(data):  # pages are 512 bytes, so this is the whole footer
            self.footer_file.write_bytes(data[len(raw) :])
        self._changed()

    def clear(self, offset: int, length: int) -> None:
        with self.file.open("r+b", buffering=0) as file:
            punch(file.fileno(), offset, min(length, self.raw_size - offset))
        if offset + length > self.raw_size:
            self.footer_file.write_bytes(bytes(FOOTER))
        self._changed()

    def footer(self) -> bytes:
        """The footer as written; all zero while there is none."""
        return self.footer_file.read_bytes() if self.footer_file.exists() else bytes(FOOTER)

    def _changed(self) -> None:
        self.etag = new_etag()
        self.modified = time.time()


class DiskFiles:
    """All managed disks below `root` (the lab's folder for Azure). Unknown disk ids raise KeyError."""

    def __init__(self, root: Path | str, blob_base_url: str) -> None:
        """`blob_base_url`: what granted addresses begin with, such as https://127.0.0.1:8443."""
        self._folder = Path(root) / "disks"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._base_url = blob_base_url.rstrip("/")
        self._database = Database(Path(root) / "disks.db", _SCHEMA)
        self._lock = threading.RLock()
        self._open_blob: Callable[[str, str, str], Vhd] | None = None
        self._disks: dict[str, Disk] = {
            disk_id: Disk(self._folder / file, size)
            for disk_id, file, size in self._database.rows("SELECT id, file, size FROM disk")
        }
        self._grants: dict[str, Grant] = {
            row[0]: Grant(*row)
            for row in self._database.rows(
                "SELECT path, disk, access, expires, identifier, signature FROM disk_grant"
            )
        }

    def import_from(self, open_blob: Callable[[str, str, str], Vhd]) -> None:
        """Say how a page blob is opened: (account, container, blob) -> content, LookupError when it is not there."""
        self._open_blob = open_blob

    def create_empty(self, disk_id: str, size: int) -> None:
        """A disk of zeros with a valid footer. Making one that exists starts it anew."""
        disk = self._make(disk_id, size)
        disk.footer_file.write_bytes(make_footer(size))

    def create_upload(self, disk_id: str, size: int) -> None:
        """A disk that waits for its content, without a footer; `size` does not count the footer."""
        self._make(disk_id, size)

    def grant(self, disk_id: str, access: AccessLevel, seconds: int) -> str:
        """An address with a shared access signature that is good for `seconds`."""
        self._disk(disk_id)
        host = ("md-impexp-" if access == "Write" else "md-") + secrets.token_hex(6)
        grant = Grant(
            path=f"/{host}/{secrets.token_hex(6)}/abcd",
            disk=_key(disk_id),
            access=access,
            expires=time.time() + seconds,
            identifier=str(uuid.uuid4()),
            signature=base64.b64encode(secrets.token_bytes(32)).decode(),
        )
        with self._lock:
            self._database.run(
                "INSERT INTO disk_grant VALUES (?, ?, ?, ?, ?, ?)",
                (grant.path, grant.disk, access, grant.expires, grant.identifier, grant.signature),
            )
            self._grants[grant.path] = grant
        query = f"sv=2018-03-28&sr=b&si={grant.identifier}&sig={quote(grant.signature, safe='')}"
        return f"{self._base_url}{grant.path}?{query}"

    def revoke(self, disk_id: str) -> None:
        """End all access. When this returns no write is under way any more, and none that is late will land.

        A disk that is not there has no access to end.
        """
        disk = self._disks.get(_key(disk_id))
        if disk is None:
            return
        with disk.lock, self._lock:
            self._database.run("DELETE FROM disk_grant WHERE disk = ?", (_key(disk_id),))
            self._grants = {path: one for path, one in self._grants.items() if one.disk != _key(disk_id)}

    def finish_upload(self, disk_id: str) -> None:
        """End all access and accept the content. Raises InvalidVhd, and then changes nothing."""
        disk = self._disk(disk_id)
        with disk.lock:
            check_footer(disk.footer(), disk.raw_size)
            self.revoke(disk_id)

    def copy(self, source_id: str, target_id: str) -> None:
        """A new disk with the content of another; holes stay holes."""
        source = self._disk(source_id)
        target = self._make(target_id, source.raw_size)
        with source.lock:
            copy_file(source.file, target.file)
            target.footer_file.write_bytes(source.footer())

    def import_blob(self, disk_id: str, account: str, container: str, blob: str, size: int) -> None:
        """A new disk from a VHD in a page blob. Raises LookupError without the blob, InvalidVhd for a wrong one."""
        if self._open_blob is None:
            raise LookupError("no blob service is connected")
        source = self._open_blob(account, container, blob)
        if source.size != size + FOOTER:
            raise InvalidVhd(
                f"The blob {account}/{container}/{blob} has {source.size} bytes; a VHD for a disk of {size} bytes "
                f"has {size + FOOTER}."
            )
        footer = source.read(size, FOOTER)
        check_footer(footer, size)
        disk = self._make(disk_id, size)
        with disk.file.open("r+b", buffering=0) as file:
            for start, end in source.ranges(0, size):
                for position in range(start, end, _COPY_STEP):
                    step = min(_COPY_STEP, end - position)
                    write_all(file.fileno(), source.read(position, step), position)
        disk.footer_file.write_bytes(footer)

    def vhd_size(self, account: str, container: str, blob: str) -> int:
        """The raw size of the disk that a VHD in a page blob would make. Raises LookupError without the blob."""
        if self._open_blob is None:
            raise LookupError("no blob service is connected")
        return self._open_blob(account, container, blob).size - FOOTER

    def resize(self, disk_id: str, size: int) -> None:
        """Give the disk another size; what is added reads as zero."""
        disk = self._disk(disk_id)
        with disk.lock:
            with disk.file.open("r+b") as file:
                file.truncate(size)
            self._database.run("UPDATE disk SET size = ? WHERE id = ?", (size, _key(disk_id)))
            disk.raw_size = size
            disk.footer_file.write_bytes(make_footer(size))

    def delete(self, disk_id: str) -> None:
        """Delete the disk and every address of it. Deleting one that is not there is fine."""
        with self._lock:
            disk = self._disks.get(_key(disk_id))
        if disk is None:
            return
        self.revoke(disk_id)
        with disk.lock, self._lock:
            self._database.run("DELETE FROM disk WHERE id = ?", (_key(disk_id),))
            del self._disks[_key(disk_id)]
            disk.file.unlink(missing_ok=True)
            disk.footer_file.unlink(missing_ok=True)

    def path(self, disk_id: str) -> Path:
        """The raw file: exactly the disk's size, without a footer."""
        return self._disk(disk_id).file

    def opened(self, path: str, query: Mapping[str, str], access: AccessLevel, now: float) -> Disk:
        """The disk behind a granted address. Raises BlobError 403. Hold the disk's lock and ask again before writing."""
        grant = self._grants.get(path)
        if (
            grant is None
            or grant.access != access
            or query.get("si") != grant.identifier
            or not hmac.compare_digest(query.get("sig", "").encode(), grant.signature.encode())
        ):
            raise authentication_failed("The address of this disk was revoked, or it never was one.")
        if now >= grant.expires:
            raise authentication_failed("Signature not valid in the specified time frame: it has expired.")
        disk = self._disks.get(grant.disk)
        if disk is None:
            raise BlobError(404, "BlobNotFound", "The specified blob does not exist.")
        return disk

    def granted(self, path: str) -> Grant | None:
        return self._grants.get(path)

    def _disk(self, disk_id: str) -> Disk:
        return self._disks[_key(disk_id)]

    def _make(self, disk_id: str, size: int) -> Disk:
        self.delete(disk_id)
        with self._lock:
            file = self._file(disk_id)
            create(self._folder / file, size)
            self._database.run("INSERT INTO disk VALUES (?, ?, ?)", (_key(disk_id), file, size))
            disk = self._disks[_key(disk_id)] = Disk(self._folder / file, size)
            return disk

    def _file(self, disk_id: str) -> str:
        """<resource group>_<name>.raw, with a hash where two ids would share it."""
        match = _ID.search(_key(disk_id))
        readable = _key(disk_id).strip("/") if match is None else f"{match['group']}_{match['name']}"
        if match is not None and match["kind"] != "disks":
            readable = f"{match['group']}_{match['kind']}_{match['name']}"
        readable = re.sub(r"[^a-z0-9._()-]", "_", readable)[:160]
        taken = {disk.file.name for disk in self._disks.values()}
        if f"{readable}.raw" in taken:
            readable += "~" + sha256(_key(disk_id).encode()).hexdigest()[:8]
        return f"{readable}.raw"


def _key(disk_id: str) -> str:
    return disk_id.lower()
