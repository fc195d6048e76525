"""From plain blocks to sealed log blobs and back (S5.2, S6): checksum, compress, encrypt, name by digest.

1. The checksum (blake3, hex) covers extent table + data **before** compression. The writer stores it as blob metadata
   `METADATA_CHECKSUM`; `unseal` computes it anew **after** decompression and refuses a block whose checksum differs.
2. Then zstd; what does not get smaller stays raw. Then AES-256-GCM under a key of this attempt alone, with a random
   96-bit nonce that comes in as an argument. The whole header is associated data, so that a blob of another
   replication, disk, attempt or chunk cannot take this one's place.
3. `seal` reads its own header back before it hands the blob out; the digest (blake3, hex) of the whole blob goes into
   the manifest. After its first error a `Sealer` refuses to go on.
4. `unseal` returns a whole block or raises `Corrupt`: nothing of a bad blob can be used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import zstandard
from blake3 import blake3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from replication import logformat
from replication.logformat import BadFormat, Codec, Header
from replication.model.errors import Corrupt, NotFound
from replication.model.extents import SECTOR, Extent, total

METADATA_CHECKSUM = "wavelift_checksum"
"""Name of the blob metadata that holds a block's checksum (a C# identifier, as Azure wants)."""
MASTER_KEY = 32
"""Bytes of a log-encryption key in Key Vault."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Which block this is: replication and attempt uuid, the disk's backing uuid, number of the chunk."""

    replication: str
    disk: str
    attempt: str
    chunk: int

    def __str__(self) -> str:
        return f"replication {self.replication}, disk {self.disk}, attempt {self.attempt}, chunk {self.chunk}"


@dataclass(frozen=True, slots=True)
class Block:
    """Plain content: `data` is the data extents' bytes in order; the zero extents read as zero. Both normal, disjoint."""

    data_extents: tuple[Extent, ...]
    zero_extents: tuple[Extent, ...]
    data: bytes | memoryview

    @property
    def sectors(self) -> int:
        return (total(self.data_extents) + total(self.zero_extents)) // SECTOR


@dataclass(frozen=True, slots=True)
class Sealed:
    """A blob ready for the log. `checksum` belongs to the metadata, `digest` (of `data`) to the manifest."""

    data: bytes
    checksum: str
    digest: str
    sectors: int


@dataclass(frozen=True, slots=True)
class AttemptKey:
    """The key of one attempt; made by `derive`, usable from several threads, never printed."""

    version: str
    replication: str
    attempt: str
    aead: AESGCM = field(repr=False, compare=False)

    @classmethod
    def derive(cls, master: bytes, version: str, replication: str, attempt: str) -> AttemptKey:
        """HKDF-SHA256 of `master` (32 bytes, version `version` of the secret). Raises `ValueError` for another length."""
        if len(master) != MASTER_KEY:
            raise ValueError(f"a log-encryption key has {MASTER_KEY} bytes, version {version} has {len(master)}")
        parts = (text.encode() for text in ("wavelift log blob", version, replication, attempt))
        info = b"".join(len(part).to_bytes(2, "big") + part for part in parts)
        key = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(master)
        return cls(version, replication, attempt, AESGCM(key))


class Packing:
    """zstd with the tables that it keeps between calls, some 1.5 MiB. It must not be shared by threads; attempts may share it,
    since every block is a frame of its own."""

    def __init__(self, level: int = 1) -> None:
        self.pack = zstandard.ZstdCompressor(level=level, write_content_size=True).compress
        self.unpack = zstandard.ZstdDecompressor().decompress


class Sealer:
    """Seals blocks of one attempt. Belongs to one thread, as its `packing` does."""

    def __init__(self, key: AttemptKey, packing: Packing | None = None) -> None:
        self._key = key
        self._packing = packing or Packing()
        self._broken = False

    def seal(self, identity: Identity, block: Block, nonce: bytes) -> Sealed:
        """`nonce`: 12 random bytes, new for every call. Raises `ValueError` for a block or an identity that is not whole."""
        if self._broken:
            raise ValueError("this sealer has failed before; begin a new attempt")
        try:
            return self._seal(identity, block, nonce)
        except BaseException:
            self._broken = True
            raise

    def _seal(self, identity: Identity, block: Block, nonce: bytes) -> Sealed:
        if (identity.replication, identity.attempt) != (self._key.replication, self._key.attempt):
            raise ValueError(f"key of attempt {self._key.attempt} used for {identity}")
        if len(block.data) != total(block.data_extents):
            raise ValueError(f"{len(block.data)} bytes for data extents of {total(block.data_extents)} bytes: {identity}")
        plain = b"".join((logformat.encode_table(block.data_extents, block.zero_extents), block.data))
        checksum = blake3(plain).hexdigest()
        packed = self._packing.pack(plain)
        codec, packed = (Codec.ZSTD, packed) if len(packed) < len(plain) else (Codec.RAW, plain)
        header = Header(
            replication=identity.replication,
            disk=identity.disk,
            attempt=identity.attempt,
            chunk=identity.chunk,
            sectors=block.sectors,
            plain=len(plain),
            codec=codec,
            key_version=self._key.version,
            nonce=nonce,
        )
        head = logformat.encode(header, len(packed) + logformat.TAG)
        data = head + self._key.aead.encrypt(nonce, packed, head)
        if logformat.decode(data)[0] != header:
            raise ValueError(f"the sealed blob does not read back: {identity}")
        return Sealed(data, checksum, blake3(data).hexdigest(), block.sectors)


class Unsealer:
    """Opens blobs. `keys` gives the attempt's key for a key version (and raises `NotFound` or `KeyError` for none).

    Belongs to one thread, as a `Sealer` does.
    """

    def __init__(self, keys: Callable[[str], AttemptKey], packing: Packing | None = None) -> None:
        self._keys = keys
        self._packing = packing or Packing()

    def unseal(self, identity: Identity, data: bytes, checksum: str, digest: str | None = None) -> Block:
        """The block. `checksum` is the blob's metadata, `digest` the manifest's (checked first when given).

        Raises `Corrupt` when anything is off; the block's `data` is a view of memory of its own.
        """
        try:
            return self._unseal(identity, data, checksum, digest)
        except BadFormat as error:
            raise Corrupt(str(error), subject=f"log blob of {identity}") from error

    def _unseal(self, identity: Identity, data: bytes, checksum: str, digest: str | None) -> Block:
        if digest is not None and blake3(data).hexdigest() != digest:
            raise BadFormat("its bytes are not those that the manifest lists")
        header, head, body = logformat.decode(data)
        found = Identity(header.replication, header.disk, header.attempt, header.chunk)
        if found != identity:
            raise BadFormat(f"it says that it is {found}")
        plain = self._unpack(header, self._open(header, head, body))
        if blake3(plain).hexdigest() != checksum:
            raise BadFormat("the checksum after decompression is not the one from before compression (S5.2)")
        data_extents, zero_extents, content = logformat.decode_table(plain)
        block = Block(data_extents, zero_extents, content)
        if block.sectors != header.sectors:
            raise BadFormat(f"{block.sectors} sectors in the table, {header.sectors} in the header")
        return block

    def _open(self, header: Header, head: memoryview, body: memoryview) -> bytes:
        try:
            key = self._keys(header.key_version)
        except (KeyError, NotFound) as error:
            raise BadFormat(f"it names key version {header.key_version!r}, which is not there") from error
        if (key.version, key.replication, key.attempt) != (header.key_version, header.replication, header.attempt):
            raise ValueError(f"key of attempt {key.attempt}, version {key.version} offered for another blob")
        try:
            return key.aead.decrypt(header.nonce, body, bytes(head))
        except InvalidTag as error:
            raise BadFormat("authentication failed: its content or header was altered, or the key is another") from error

    def _unpack(self, header: Header, packed: bytes) -> bytes:
        if header.codec is Codec.ZSTD:
            try:
                if zstandard.frame_content_size(packed) != header.plain:
                    raise BadFormat("the compressed frame has another length than the header says")
                packed = self._packing.unpack(packed, max_output_size=header.plain, allow_extra_data=False)
            except zstandard.ZstdError as error:
                raise BadFormat(f"it cannot be decompressed: {error}") from error
        if len(packed) != header.plain:
            raise BadFormat(f"{len(packed)} plain bytes, {header.plain} in the header")
        return packed


def split_zeros(offset: int, data: bytes, granularity: int = 64 * 1024) -> tuple[list[Extent], list[Extent]]:
    """(data extents, zero extents) of `data`, whole sectors read at byte `offset` of a disk; both normal.

    A zero run shorter than `granularity` bytes (a multiple of 1024, or 512) stays data: it compresses to nothing, and a
    list of tiny clears would cost more than it saves. Runs are found at once and are exact to the sector.
    """
    raw = data if isinstance(data, bytes) else bytes(data)
    if offset % SECTOR or len(raw) % SECTOR:
        raise ValueError(f"{len(raw)} bytes at byte {offset} are not whole sectors")
    zeros: list[Extent] = []
    at = 0
    for start, end in _zero_runs(raw, granularity):
        zeros.append(Extent(offset + start, end - start))
    found: list[Extent] = []
    for zero in zeros:
        if zero.offset > offset + at:
            found.append(Extent(offset + at, zero.offset - offset - at))
        at = zero.end - offset
    if at < len(raw):
        found.append(Extent(offset + at, len(raw) - at))
    return found, zeros


def _zero_runs(raw: bytes, shortest: int) -> Iterator[tuple[int, int]]:
    """Runs of zero sectors of at least `shortest` bytes: any such run holds an aligned block of half its length."""
    step = max(SECTOR, shortest // 2 // SECTOR * SECTOR)
    block, sector = bytes(step), bytes(SECTOR)
    at = floor = 0  # a run cannot begin before `floor`, where the last one ended
    while at < len(raw):
        # startswith compares in place (memcmp): no slice is copied.
        if not raw.startswith(block, at):
            at += step
            continue
        start, end = at, at + step
        while start > floor and raw.startswith(sector, start - SECTOR):
            start -= SECTOR
        while raw.startswith(block, end):
            end += step
        while raw.startswith(sector, end):
            end += SECTOR
        if end - start >= shortest:
            yield start, end
        floor = end
        at = -(-end // step) * step
