"""S5.2, S6: a block comes back whole and as what it is, or not at all."""

import json
import os
import struct
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import zstandard
from blake3 import blake3
from core_strategies import extents, quick, thorough
from hypothesis import given
from hypothesis import strategies as st

from replication import logformat
from replication.engine.packing import own
from replication.logformat import Codec, Header
from replication.model.errors import Corrupt, NotFound, Temporary
from replication.model.extents import MIB, SECTOR, Extent, normal, subtract, total
from replication.sealing import AttemptKey, Block, Identity, Packing, Sealer, Unsealer, split_zeros

GOLDEN = Path(__file__).parents[1] / "golden"
ME = Identity("5f1c9e0a-replication", "6000C29a-disk", "77aa-attempt", 3)
MASTER = bytes(range(32))
KEY = AttemptKey.derive(MASTER, "v1", ME.replication, ME.attempt)
NONCE = b"twelve bytes"
SMALL = Block((Extent(1024, 512),), (Extent(0, 1024), Extent(1536, 4096)), b"\x07wave" * 102 + b"xx")


def keys(version):
    return {"v1": KEY}[version]


def unseal(sealed, identity=ME, **changes):
    sealed = replace(sealed, **changes)
    return Unsealer(keys).unseal(identity, sealed.data, sealed.checksum)


def content(size, seed=1):
    return blake3(bytes([seed])).digest(size)


SEALED = Sealer(KEY).seal(ME, SMALL, NONCE)


@quick
@given(extents(), extents(), st.binary(min_size=12, max_size=12), st.booleans())
def test_a_block_comes_back(data, zero, nonce, dull):
    """S5.2: what was sealed is what is opened, extents and bytes."""
    data_extents = tuple(normal(data))
    zero_extents = tuple(subtract(zero, data))
    if not data_extents + zero_extents:
        return
    size = total(data_extents)
    block = Block(data_extents, zero_extents, b"a" * size if dull else content(size))
    sealed = Sealer(KEY).seal(ME, block, nonce)
    found = Unsealer(keys).unseal(ME, sealed.data, sealed.checksum, sealed.digest)
    assert (found.data_extents, found.zero_extents, bytes(found.data)) == (data_extents, zero_extents, block.data)
    assert sealed.sectors == found.sectors == (size + total(zero_extents)) // SECTOR
    assert sealed.digest == blake3(sealed.data).hexdigest()


def test_the_checksum_is_of_the_plain_block():
    """S5.2: computed before compression, over the extent table and the data."""
    table = struct.pack(">II6Q", 1, 2, 2, 1, 0, 2, 3, 8)
    assert SEALED.checksum == blake3(table + SMALL.data).hexdigest()
    other = Sealer(KEY, Packing(level=9)).seal(replace(ME, chunk=9), SMALL, b"another one!")
    assert other.checksum == SEALED.checksum


def test_nothing_of_the_content_is_seen():
    """S6: compressed and encrypted; what cannot be compressed is encrypted too, and costs less than 400 bytes more."""
    assert b"wave" not in SEALED.data
    dull = Sealer(KEY).seal(ME, Block((Extent(0, MIB),), (), bytes(MIB)), NONCE)
    assert len(dull.data) < 1000
    noise = content(MIB)
    raw = Sealer(KEY).seal(ME, Block((Extent(0, MIB),), (), memoryview(noise)), NONCE)
    assert logformat.decode(raw.data)[0].codec is Codec.RAW
    assert MIB < len(raw.data) < MIB + 400
    assert noise[:64] not in raw.data
    assert bytes(unseal(raw).data) == noise


def test_every_single_bit_counts():
    """S5.2: a bit flipped anywhere in the blob is found without the manifest's digest, and with it."""
    opener = Unsealer(keys)
    for at in range(len(SEALED.data) * 8):
        bad = bytearray(SEALED.data)
        bad[at // 8] ^= 1 << at % 8
        with pytest.raises(Corrupt):
            opener.unseal(ME, bytes(bad), SEALED.checksum)
        with pytest.raises(Corrupt):
            opener.unseal(ME, bytes(bad), SEALED.checksum, SEALED.digest)


def test_every_prefix_and_any_tail_is_refused():
    for length in range(len(SEALED.data)):
        with pytest.raises(Corrupt):
            unseal(SEALED, data=SEALED.data[:length])
    for tail in (b"\0", SEALED.data, b"x" * 100):
        with pytest.raises(Corrupt):
            unseal(SEALED, data=SEALED.data + tail)


@pytest.mark.parametrize("field", ["replication", "disk", "attempt", "chunk"])
def test_a_blob_cannot_take_anothers_place(field):
    """Identity is bound: another replication's, disk's, attempt's or chunk's blob is refused, also with its own key."""
    other = replace(ME, **{field: 4 if field == "chunk" else "other"})
    key = AttemptKey.derive(MASTER, "v1", other.replication, other.attempt)
    theirs = Sealer(key).seal(other, SMALL, NONCE)
    with pytest.raises(Corrupt, match="it says that it is"):
        unseal(theirs)
    with pytest.raises(Corrupt):
        unseal(SEALED, identity=other)


@pytest.mark.parametrize("field", ["replication", "disk", "attempt", "chunk", "sectors", "plain", "codec", "key_version"])
def test_a_forged_header_is_refused(field):
    """A header rewritten to the expected identity over another's body fails authentication."""
    header, _, body = logformat.decode(SEALED.data)
    value = getattr(header, field)
    forged = replace(
        header, **{field: value + "x" if isinstance(value, str) else Codec.RAW if field == "codec" else value + 1}
    )
    bad = logformat.encode(forged, len(body)) + bytes(body)
    named = Identity(forged.replication, forged.disk, forged.attempt, forged.chunk)
    key = AttemptKey.derive(MASTER, forged.key_version, named.replication, named.attempt)
    with pytest.raises(Corrupt, match="authentication failed"):
        Unsealer(lambda _: key).unseal(named, bad, SEALED.checksum)


def test_another_checksum_or_digest_is_refused():
    """S5.2: the checksum after decompression must be the one from before compression."""
    with pytest.raises(Corrupt, match="checksum"):
        unseal(SEALED, checksum="0" * 64)
    with pytest.raises(Corrupt, match="checksum"):
        unseal(SEALED, checksum="")
    with pytest.raises(Corrupt, match="manifest"):
        Unsealer(keys).unseal(ME, SEALED.data, SEALED.checksum, "0" * 64)


def test_another_key_or_none():
    stranger = AttemptKey.derive(b"k" * 32, "v1", ME.replication, ME.attempt)
    with pytest.raises(Corrupt, match="authentication failed"):
        Unsealer(lambda _: stranger).unseal(ME, SEALED.data, SEALED.checksum)

    def gone(version):
        raise NotFound("no such version", subject=version)

    with pytest.raises(Corrupt, match="key version 'v1'"):
        Unsealer(gone).unseal(ME, SEALED.data, SEALED.checksum)

    def busy(version):
        raise Temporary("Key Vault is busy")

    with pytest.raises(Temporary):  # not the blob's fault: to be tried again
        Unsealer(busy).unseal(ME, SEALED.data, SEALED.checksum)
    wrong = AttemptKey.derive(MASTER, "v1", ME.replication, "older")
    with pytest.raises(ValueError, match="offered for another blob"):
        Unsealer(lambda _: wrong).unseal(ME, SEALED.data, SEALED.checksum)


def test_keys_differ_by_everything_they_are_made_of_and_are_not_shown():
    blobs = set()
    for master, version, replication, attempt in [
        (MASTER, "v", "r", "a"),
        (b"m" * 32, "v", "r", "a"),
        (MASTER, "w", "r", "a"),
        (MASTER, "v", "s", "a"),
        (MASTER, "v", "r", "b"),
        (MASTER, "v", "ra", ""),
    ]:
        key = AttemptKey.derive(master, version, replication, attempt)
        blobs.add(key.aead.encrypt(NONCE, b"same", b""))
        assert "aead" not in repr(key)
    assert len(blobs) == 6
    with pytest.raises(ValueError, match="32 bytes"):
        AttemptKey.derive(b"short", "v", "r", "a")


def sealed_by_hand(plain, codec=Codec.RAW, packed=None, announced=None, sectors=1):
    """A blob that authenticates: what a broken writer (or a stolen key) could make."""
    packed = plain if packed is None else packed
    header = Header(ME.replication, ME.disk, ME.attempt, ME.chunk, sectors, announced or len(plain), codec, "v1", NONCE)
    head = logformat.encode(header, len(packed) + logformat.TAG)
    return head + KEY.aead.encrypt(NONCE, packed, head), blake3(plain).hexdigest()


def table(data, zero, counts=None):
    numbers = [n for pair in (*data, *zero) for n in pair]
    return struct.pack(f">II{len(numbers)}Q", *(counts or (len(data), len(zero))), *numbers)


@pytest.mark.parametrize(
    ("plain", "says"),
    [
        (table([], []), "out of bounds"),
        (table([(0, 1), (1, 1)], []) + bytes(1024), "touch or are out of order"),
        (table([(4, 1), (0, 1)], []) + bytes(1024), "touch or are out of order"),
        (table([], [(4, 1), (0, 1)]), "touch or are out of order"),
        (table([(0, 1)], [(0, 1)]) + bytes(512), "in two extents"),
        (table([(5, 2)], [(0, 9)]) + bytes(1024), "in two extents"),
        (table([(0, 0)], []), "impossible"),
        (table([(2**37, 1)], []) + bytes(512), "impossible"),
        (table([], [(2**60, 2**60)]), "impossible"),
        (table([(0, 1)], []) + bytes(511), "512 data bytes in the extent table, 511 bytes there"),
        (table([(0, 1)], []) + bytes(513), "513 bytes there"),
        (table([(0, 2**20)], []), "at most 16777216"),
        (table([(0, 1)], [], (2**32 - 1, 2**32 - 1)) + bytes(512), "out of bounds"),
        (table([(0, 1)], [], (1, 7)) + bytes(96), "out of bounds"),
        (table([(0, 2)], []) + bytes(1024), "2 sectors in the table, 1 in the header"),
    ],
)
def test_a_table_that_cannot_be_is_refused(plain, says):
    """Also when it authenticates: no size is believed, nothing out of order is taken."""
    data, checksum = sealed_by_hand(plain)
    with pytest.raises(Corrupt, match=says):
        Unsealer(keys).unseal(ME, data, checksum)


def test_a_small_blob_cannot_ask_for_much_memory():
    """A frame that unpacks to far more than its header says, or does not say how much, is refused unopened."""
    bomb = zstandard.ZstdCompressor().compress(bytes(512 * MIB))
    plain = table([(0, 1)], []) + bytes(512)
    for packed in (bomb, zstandard.ZstdCompressor(write_content_size=False).compress(plain), b"no frame", bomb[:8]):
        data, checksum = sealed_by_hand(plain, Codec.ZSTD, packed)
        with pytest.raises(Corrupt):
            Unsealer(keys).unseal(ME, data, checksum)
    data, checksum = sealed_by_hand(plain, Codec.ZSTD, zstandard.ZstdCompressor().compress(plain) + b"tail")
    with pytest.raises(Corrupt):
        Unsealer(keys).unseal(ME, data, checksum)


@pytest.mark.parametrize(
    "block",
    [
        Block((), (), b""),
        Block((Extent(0, 512),), (), bytes(511)),
        Block((Extent(0, 511),), (), bytes(511)),
        Block((Extent(0, 512),), (Extent(0, 512),), bytes(512)),
        Block((Extent(512, 512), Extent(0, 512)), (), bytes(1024)),
        Block((Extent(0, 512), Extent(512, 512)), (), bytes(1024)),
        Block((Extent(0, 17 * MIB),), (), bytes(17 * MIB)),
        Block((), tuple(Extent(n * 1024, 512) for n in range(65_537)), b""),
    ],
)
def test_a_block_that_is_not_whole_is_not_sealed_and_ends_the_sealer(block):
    sealer = Sealer(KEY)
    with pytest.raises(ValueError):
        sealer.seal(ME, block, NONCE)
    with pytest.raises(ValueError, match="failed before"):
        sealer.seal(ME, SMALL, NONCE)


def test_the_largest_block_there_is():
    zero = tuple(Extent(32 * MIB + n * 1024, 512) for n in range(65_535))
    block = Block((Extent(0, 16 * MIB),), zero, content(16 * MIB))
    assert unseal(Sealer(KEY).seal(ME, block, NONCE)).zero_extents == zero


def test_a_sealer_takes_only_its_own_attempt_and_a_whole_nonce():
    with pytest.raises(ValueError, match="key of attempt"):
        Sealer(KEY).seal(replace(ME, attempt="other"), SMALL, NONCE)
    with pytest.raises(ValueError, match="nonce"):
        Sealer(KEY).seal(ME, SMALL, b"short")


def test_one_key_serves_many_threads():
    def work(chunk):
        identity = replace(ME, chunk=chunk)
        block = Block((Extent(0, 64 * 1024),), (), content(64 * 1024, chunk % 256))
        sealed = Sealer(KEY).seal(identity, block, os.urandom(12))
        return bytes(unseal(sealed, identity=identity).data) == block.data

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(64)))


@pytest.mark.parametrize("name", ["log-1-zstd", "log-1-raw"])
def test_golden_blobs_are_read_for_ever(name):
    """Version 1 as it was first written. A new version adds golden blobs and keeps these."""
    told = json.loads((GOLDEN / f"{name}.json").read_text())
    data = (GOLDEN / f"{name}.bin").read_bytes()
    identity = Identity(**told["identity"])
    key = AttemptKey.derive(bytes.fromhex(told["master"]), told["key_version"], identity.replication, identity.attempt)
    block = Unsealer(lambda _: key).unseal(identity, data, told["checksum"], told["digest"])
    assert [list(e) for e in block.data_extents] == told["data_extents"]
    assert [list(e) for e in block.zero_extents] == told["zero_extents"]
    assert bytes(block.data) == bytes.fromhex(told["data"])
    if name.endswith("raw"):  # zstd may compress differently one day; what it wrote stays readable
        assert Sealer(key).seal(identity, block, bytes.fromhex(told["nonce"])).data == data


@st.composite
def sparse(draw):
    runs = draw(st.lists(st.tuples(st.integers(1, 300), st.booleans()), min_size=1, max_size=12))
    return b"".join(bytes(n * SECTOR) if zero else content(n * SECTOR, 3) for n, zero in runs)


@thorough
@given(sparse(), st.sampled_from([512, 1024, 4096, 65536]), st.integers(0, 9))
def test_zeros_are_split_off_to_the_sector(data, granularity, start):
    offset = start * SECTOR
    found, zeros = split_zeros(offset, data, granularity)
    assert normal([*found, *zeros]) == [Extent(offset, len(data))]
    assert normal(found) == found and normal(zeros) == zeros
    assert total(found) + total(zeros) == len(data)
    longest = runs_of_zero(data)
    assert [(e.offset - offset, e.length) for e in zeros] == [run for run in longest if run[1] >= granularity]


def runs_of_zero(data):
    """The obvious way: sector by sector."""
    runs, begin = [], None
    for at in range(0, len(data) + SECTOR, SECTOR):
        zero = at < len(data) and not any(data[at : at + SECTOR])
        if zero and begin is None:
            begin = at
        if not zero and begin is not None:
            runs.append((begin, at - begin))
            begin = None
    return runs


def test_split_zeros_takes_views_and_refuses_parts_of_sectors():
    assert split_zeros(512, memoryview(bytes(65536))) == ([], [Extent(512, 65536)])
    assert split_zeros(0, b"") == ([], [])
    for offset, size in ((1, 512), (0, 511)):
        with pytest.raises(ValueError, match="whole sectors"):
            split_zeros(offset, bytes(size))


def test_the_codec_itself_refuses_a_tail_and_every_prefix():
    """Before any key is asked for: the header says how long the blob is."""
    assert logformat.decode(SEALED.data)[0].chunk == ME.chunk
    for bad in (SEALED.data + b"\0", *(SEALED.data[:length] for length in range(len(SEALED.data)))):
        with pytest.raises(logformat.BadFormat):
            logformat.decode(bad)


def test_attempts_share_a_threads_packing_and_no_thread_has_anothers():
    """Issue 3, bench: memory with 52 disks in flight does not grow with attempts; what is sealed does not depend on it."""
    shared, key = own(), AttemptKey.derive(MASTER, "v1", ME.replication, "another")
    mine, other = Sealer(KEY, shared), Sealer(key, shared)
    theirs = replace(ME, attempt="another")
    for _ in range(2):
        assert mine.seal(ME, SMALL, NONCE) == SEALED
        assert other.seal(theirs, SMALL, NONCE) == Sealer(key).seal(theirs, SMALL, NONCE)
    with ThreadPoolExecutor(1) as elsewhere:
        assert own() is shared is not elsewhere.submit(own).result()
