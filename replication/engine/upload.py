"""How far a managed disk of an order is filled: a document of its own, so that another process can go on with it.

A *pass* copies what one recovery point has and the disk has not. Before the first copy of a pass is sent the document
says `live`; when every copy of it has been answered it says so no more, and which sectors arrived. Whoever finds a
document that is `live` cannot know which copies may still land: that disk is thrown away and filled anew. Only the pass
that closes the disk is begun again in it, from the same recovery point: what lands late then brings the same bytes. Such a
disk is in `doubt`: it never holds any other point.
The disk's write url is a secret and the only one it ever gets: it is kept sealed under the estate's log key.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from replication.bitmap import BadBitmap, SectorSet
from replication.engine.journal import Cell
from replication.engine.retry import Retry
from replication.engine.work import Work
from replication.model.documents import fill_name
from replication.model.errors import Corrupt
from replication.ports import DiskUpload

_SETS = ("requested", "filled", "wanted", "copied")
_TEXTS = ("disk_id", "url", "key_version", "base", "point")
_NONCE = 12


@dataclass
class Upload:
    """Of one disk of one order. `requested` and `filled` are of all passes, `wanted` and `copied` of the one under way.

    `base`: the recovery point that the disk holds in full ("" none). `point`: the one that is being copied ("" none).
    """

    cell: Cell
    disk_id: str = ""
    url: str = ""
    """Sealed, hex."""
    key_version: str = ""
    base: str = ""
    point: str = ""
    live: bool = False
    doubt: str = ""
    """The recovery point of which some copies may still land ("": none can)."""
    closing: bool = False
    """The footer may be written: nothing is copied any more."""
    requested: SectorSet = field(default_factory=SectorSet)
    filled: SectorSet = field(default_factory=SectorSet)
    wanted: SectorSet = field(default_factory=SectorSet)
    copied: SectorSet = field(default_factory=SectorSet)

    def save(self) -> None:
        """Durably. Raises `Superseded` when another coordinator has gone on with the disk."""
        sets = [getattr(self, name).to_bytes() for name in _SETS]
        lengths = [len(data) for data in sets]
        head = {"schema": 1, "live": self.live, "closing": self.closing, "doubt": self.doubt, "sets": lengths}
        head |= {name: getattr(self, name) for name in _TEXTS}
        self.cell.put(json.dumps(head, sort_keys=True).encode() + b"\n" + b"".join(sets))

    def forget(self) -> None:
        """The disk is thrown away, or was never begun."""
        self.disk_id = self.url = self.key_version = self.base = self.point = self.doubt = ""
        self.live = self.closing = False
        self.requested, self.filled, self.wanted, self.copied = SectorSet(), SectorSet(), SectorSet(), SectorSet()

    def begun(self, work: Work, upload: DiskUpload) -> None:
        version, master = work.retry(lambda: work.keys.current(work.item.log_key))
        nonce = secrets.token_bytes(_NONCE)
        sealed = _aead(master, version).encrypt(nonce, upload.url.encode(), upload.disk_id.encode())
        self.disk_id, self.url, self.key_version = upload.disk_id, (nonce + sealed).hex(), version

    def upload(self, work: Work) -> DiskUpload:
        """The disk with its write url. Raises `Corrupt` when the url cannot be opened."""
        master = work.retry(lambda: work.keys.version(work.item.log_key, self.key_version))
        data = bytes.fromhex(self.url)
        try:
            opened = _aead(master, self.key_version).decrypt(data[:_NONCE], data[_NONCE:], self.disk_id.encode())
        except InvalidTag as error:
            raise Corrupt("its write url cannot be opened", subject=self.disk_id) from error
        return DiskUpload(self.disk_id, opened.decode())


def load(work: Work, order: int, disk: int) -> Upload:
    """What is known of the disk; empty when nothing is. Raises `Corrupt` for a document that is not whole."""
    name = fill_name(work.uuid, order, disk)
    found = work.retry(lambda: work.documents.get(name))
    # An engine that stops must still be able to write down which copies were answered: only a lost lease forbids it.
    retry = Retry(work.clock, work.sizes.patience, work.guard.check_lease)
    made = Upload(Cell(work.documents, retry, name, found[1] if found else None))
    if found is None:
        return made
    line, _, rest = found[0].partition(b"\n")
    try:
        head = json.loads(line)
        lengths = head["sets"]
        if head["schema"] != 1 or len(lengths) != len(_SETS) or sum(lengths) != len(rest):
            raise ValueError("lengths or schema differ")
        for text in _TEXTS:
            setattr(made, text, str(head[text]))
        made.doubt = str(head.get("doubt", ""))  # releases before this one had none
        made.live, made.closing = bool(head["live"]), bool(head["closing"])
        at = 0
        for one, length in zip(_SETS, lengths, strict=True):
            setattr(made, one, SectorSet.from_bytes(rest[at : at + length]))
            at += length
    except (ValueError, KeyError, TypeError, BadBitmap) as error:
        raise Corrupt(f"not a fill document: {error}", subject=name) from error
    return made


def _aead(master: bytes, version: str) -> AESGCM:
    info = b"wavelift disk url\x00" + version.encode()
    return AESGCM(HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(master))
