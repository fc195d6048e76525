"""Signing an integrity report, and finding out whether it is still what was signed. Pure: keys and times come in.

1. Every section (field) of the report has a digest: sha256 of its canonical JSON. What is signed is the list of these
   digests with the key's fingerprint and the time, so a changed section can be named without the original.
2. The private key is 32 random bytes (an Ed25519 seed), a secret like the log key; the public half travels in the report
   and is published beside the reports. That it is *this estate's* key is for the reader to know: `signature` checks the
   mathematics, `known` the owner.
3. The page for people carries the whole report in it and is made from nothing else: it is authentic when making it again
   gives the same bytes.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
import json
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from replication.model import jsonform
from replication.model.jsonform import BadDocument
from replication.model.report import Report, Signature, Signed

SCHEMA = 1
KIND = "wavelift-report"
_CONTEXT = b"wavelift integrity report 1\n"


class BadKey(ValueError):
    """This is no Ed25519 public key."""


def folder(machine: str, number: int) -> str:
    """Where the report of migration order `number` lies among the machine's documents."""
    return f"reports/{machine}/{number:06}/"


def leaves_name(machine: str, number: int, disk: int, segment: int) -> str:
    """A zstd frame of 16-byte block hashes; the frames of a disk, in order, are its leaves."""
    return f"{folder(machine, number)}leaves/{disk}/{segment:06}.bin"


def key_name(fingerprint: str) -> str:
    """The published public key (PEM)."""
    return f"report-keys/{fingerprint.removeprefix('sha256:')}.pem"


def sections(report: Report) -> dict[str, str]:
    """Section -> sha256 (hex)."""
    parts = {f.name: jsonform.plain(getattr(report, f.name)) for f in dataclasses.fields(report)}
    return {name: hashlib.sha256(_canonical(part)).hexdigest() for name, part in parts.items()}


def dumps(signed: Signed) -> bytes:
    return jsonform.dumps(KIND, SCHEMA, signed)


def loads(data: bytes) -> Signed:
    """Raises `BadDocument` with the place for anything that is no report of ours."""
    return jsonform.loads(KIND, SCHEMA, Signed, data)


def unsigned(report: Report) -> Signed:
    return Signed(report, sections(report), None)


def sign(report: Report, seed: bytes, version: str, now: float) -> Signed:
    """`seed`: the 32 bytes of the secret; `version`: that secret's."""
    private = Ed25519PrivateKey.from_private_bytes(seed)
    raw = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    digests, print_ = sections(report), fingerprint(raw)
    value = private.sign(_payload(digests, print_, version, now))
    made = Signature("Ed25519", base64.b64encode(raw).decode(), print_, version, now, base64.b64encode(value).decode())
    return Signed(report, digests, made)


def fingerprint(raw: bytes) -> str:
    return "sha256:" + hashlib.sha256(raw).hexdigest()


def pem(signature: Signature) -> bytes:
    """The public key as other tools read it."""
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(signature.public))
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def fingerprint_of_pem(data: bytes) -> str:
    """Raises `BadKey`."""
    try:
        found = load_pem_public_key(data)
    except ValueError as error:
        raise BadKey("this is no public key in PEM form") from error
    if not isinstance(found, Ed25519PublicKey):
        raise BadKey("this is a public key of another kind; reports are signed with Ed25519")
    return fingerprint(found.public_bytes(Encoding.Raw, PublicFormat.Raw))


def changed(signed: Signed) -> list[str]:
    """Sections that are not what their digest says, and digests without a section."""
    now = sections(signed.report)
    return sorted({n for n in now if signed.sections.get(n) != now[n]} | (signed.sections.keys() - now.keys()))


def genuine(signed: Signed) -> bool:
    """Whether the signature fits the digests, by the key that stands in it."""
    found = signed.signature
    if found is None:
        return False
    try:
        raw = base64.b64decode(found.public, validate=True)
        value = base64.b64decode(found.value, validate=True)
        if fingerprint(raw) != found.fingerprint:
            return False
        payload = _payload(signed.sections, found.fingerprint, found.version, found.signed)
        Ed25519PublicKey.from_public_bytes(raw).verify(value, payload)
    except (binascii.Error, ValueError, InvalidSignature):
        return False
    return True


def _payload(digests: Mapping[str, str], print_: str, version: str, now: float) -> bytes:
    return _CONTEXT + _canonical({"fingerprint": print_, "version": version, "signed": now, "sections": dict(digests)})


def _canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


__all__ = [
    "BadDocument", "BadKey", "changed", "dumps", "fingerprint", "fingerprint_of_pem", "folder", "genuine", "key_name",
    "leaves_name", "loads", "pem", "sections", "sign", "unsigned",
]  # fmt: skip
