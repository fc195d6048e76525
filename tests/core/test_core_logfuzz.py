"""Issue 3, proof: the log format's decoder under bytes of any kind, whole, one by one, and with a tail.

It answers with a value that encodes to the very same bytes, or with `BadFormat`; it raises nothing else, and `Unsealer`
nothing but `Corrupt`.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replication import logformat
from replication.logformat import BadFormat, Cipher, Codec, Header
from replication.model.errors import Corrupt
from replication.sealing import AttemptKey, Identity, Unsealer
from tests.full import size

pytestmark = pytest.mark.faults
GOLDEN = Path(__file__).parents[1] / "golden"
fuzz = settings(deadline=None, max_examples=size(5_000, 80))

names = st.text(min_size=1, max_size=40)
headers = st.builds(
    Header,
    replication=names,
    disk=names,
    attempt=names,
    chunk=st.integers(0, 2**32 - 1),
    sectors=st.integers(0, 2**64 - 1),
    plain=st.integers(8, logformat.MAX_PLAIN),
    codec=st.sampled_from(Codec),
    key_version=names,
    nonce=st.binary(min_size=12, max_size=12),
    cipher=st.sampled_from(Cipher),
)
bodies = st.binary(min_size=logformat.TAG, max_size=200)


@st.composite
def blobs(draw: st.DrawFn) -> bytes:
    """A header that could be, and a body as long as it says."""
    body = draw(bodies)
    return logformat.encode(draw(headers), len(body)) + body


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """One that was right, with some bytes overwritten, put in or taken out."""
    data = bytearray(draw(blobs()))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 9))] = draw(st.binary(max_size=9))
    return bytes(data)


@st.composite
def announced(draw: st.DrawFn) -> bytes:
    """A beginning as it should be with numbers of any size: nothing may be read or allocated because of them."""
    fixed = struct.pack(
        ">8sHBBIIIIQ12s", logformat.MAGIC, draw(st.integers(0, 3)), draw(st.integers(0, 3)), draw(st.integers(0, 2)),
        *(draw(st.integers(0, 2**32 - 1) | st.integers(0, 400)) for _ in range(4)), draw(st.integers(0, 2**64 - 1)), bytes(12),
    )  # fmt: skip
    return fixed + draw(st.binary(max_size=300))


def decoded(data: bytes) -> bool:
    """Whether the decoder takes `data`; what it takes is canonical and whole."""
    try:
        header, head, body = logformat.decode(data)
    except BadFormat:
        return False
    assert logformat.encode(header, len(body)) == bytes(head) and bytes(head) + bytes(body) == data
    return True


@fuzz
@given(st.binary(max_size=600) | damaged() | announced())
def test_any_bytes_are_decoded_or_refused(data: bytes) -> None:
    decoded(data)
    decoded(logformat.MAGIC + data)
    key = AttemptKey.derive(bytes(32), "v", "r", "a")
    with pytest.raises(Corrupt):
        Unsealer(lambda _: key).unseal(Identity("r", "d", "a", 1), data, "")


@fuzz
@given(blobs(), st.binary(min_size=1, max_size=20))
def test_whole_it_is_taken_byte_by_byte_and_with_a_tail_it_is_not(data: bytes, tail: bytes) -> None:
    """As they come over a wire: nothing is taken before the last byte is there, and nothing after it."""
    assert decoded(data)
    assert decoded(bytes(memoryview(data)))
    assert not any(decoded(data[:length]) for length in range(len(data)))
    assert not decoded(data + tail) and not decoded(tail + data) and not decoded(data + data)


@fuzz
@given(
    st.binary(max_size=300)
    | st.builds(
        lambda counts, numbers, data: struct.pack(f">II{len(numbers)}Q", *counts, *numbers) + data,
        st.tuples(st.integers(0, 4), st.integers(0, 4)),
        st.lists(st.integers(0, 8) | st.integers(0, 2**64 - 1), max_size=12),
        st.sampled_from((b"", bytes(512), bytes(1024), bytes(511))),
    )
)
def test_any_extent_table_is_decoded_or_refused(plain: bytes) -> None:
    try:
        data, zero, content = logformat.decode_table(plain)
    except BadFormat:
        return
    assert logformat.encode_table(data, zero) + bytes(content) == plain
    assert sum(extent.length for extent in data) == len(content)


@pytest.mark.parametrize("version", range(1, logformat.VERSION + 1))
def test_there_is_a_golden_log_per_version(version: int) -> None:
    """A new version cannot be added without its golden blobs (`test_golden_blobs_are_read_for_ever` reads them)."""
    there = sorted(GOLDEN.glob(f"log-{version}-*.bin"))
    assert there, f"no golden log of version {version}"
    for path in there:
        header, _, _ = logformat.decode(path.read_bytes())
        assert header.version == version and json.loads(path.with_suffix(".json").read_text())
