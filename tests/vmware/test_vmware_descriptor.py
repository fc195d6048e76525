"""VMDK descriptors: where a disk's sectors lie, and what cannot be read as plain files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.vmware.readers.descriptor import FileExtent, parse

HEAD = '# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\ncreateType="vmfs"\n\n# Extent description\n'


def test_one_flat_extent() -> None:
    """Design, disk readers: extents are resolved from the descriptor, not guessed from the name."""
    found = parse(HEAD + 'RW 2048 VMFS "other name-flat.vmdk"\n\n# The Disk Data Base\nddb.adapterType = "lsilogic"\n')
    assert found.parent is None
    assert found.extents == (FileExtent(0, 1 << 20, "other name-flat.vmdk"),)


def test_several_extents_with_offsets_and_zeros() -> None:
    """A disk in pieces: each read is cut at the borders, in disk order."""
    found = parse(HEAD + 'RW 4 FLAT "a.vmdk" 8\nRW 2 ZERO\nRW 6 FLAT "b.vmdk" 0\n')
    assert found.size == 12 * 512
    assert list(found.pieces(1024, 4 * 512)) == [FileExtent(1024, 1024, "a.vmdk", 5120), FileExtent(2048, 1024, None)]
    assert list(found.pieces(3000, 600)) == [FileExtent(3000, 72, None, 952), FileExtent(3072, 528, "b.vmdk", 0)]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.data())
def test_pieces_cover_the_range_exactly(sizes: list[int], data: st.DataObject) -> None:
    """Pitfall 9: no byte twice, none left out, none beyond the end."""
    found = parse(HEAD + "".join(f'RW {size} FLAT "{i}" {i}\n' for i, size in enumerate(sizes)))
    offset = data.draw(st.integers(0, found.size))
    length = data.draw(st.integers(0, found.size - offset))
    pieces = list(found.pieces(offset, length))
    assert sum(piece.length for piece in pieces) == length
    at = offset
    for piece in pieces:
        extent = found.extents[int(piece.file or 0)]
        assert piece.offset == at
        assert piece.start - extent.start == piece.offset - extent.offset
        at = piece.end


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("KDMV\x01\x00\x00", "no VMDK descriptor"),
        (HEAD, "names no extent"),
        (HEAD + 'RW 2048 VMFSSPARSE "x-delta.vmdk"\n', "kind VMFSSPARSE"),
        (HEAD + 'RW 2048 SESPARSE "x-sesparse.vmdk"\n', "kind SESPARSE"),
        (HEAD + 'NOACCESS 2048 VMFS "x-flat.vmdk"\n', "NOACCESS"),
        (HEAD + 'RW 2048 VMFS "vsan://0e0f-11"\n', "vSAN or vVol"),
    ],
)
def test_what_cannot_be_read_says_why(text: str, why: str) -> None:
    """Design: vSAN and vVol are refused, and every kind that is not a plain file."""
    with pytest.raises(ValueError, match=why):
        parse(text)


def test_a_delta_names_its_parent() -> None:
    """Only a base without a parent can be read."""
    text = HEAD.replace("parentCID=ffffffff", 'parentCID=1a2b3c4d\nparentFileNameHint="vm.vmdk"')
    assert parse(text + 'RW 2048 VMFS "x-flat.vmdk"\n').parent == "vm.vmdk"
