"""What the tests of the pure core share: values by type hint, disks small enough to think about."""

import dataclasses
import types
import typing
from collections.abc import Mapping
from enum import Enum

from hypothesis import settings
from hypothesis import strategies as st

from replication.model.extents import SECTOR, Extent

quick = settings(deadline=None, max_examples=60)
thorough = settings(deadline=None, max_examples=200)

_finite = st.floats(allow_nan=False, allow_infinity=False)
_simple = {str: st.text(max_size=12), int: st.integers(-(2**63), 2**63), bool: st.booleans(), float: _finite}


def of(hint):
    """Any value of a type that the model uses."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint in _simple:
        return _simple[hint]
    if origin is typing.Literal:
        return st.sampled_from(args)
    if origin in (typing.Union, types.UnionType):
        return st.one_of(st.none() if a is type(None) else of(a) for a in args)
    if origin is tuple:
        return st.lists(of(args[0]), max_size=3).map(tuple)
    if origin is Mapping:
        keys = st.integers(-(10**6), 10**6) if args[0] is int else st.text(max_size=8)
        return st.dictionaries(keys, of(args[1]), max_size=3)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(list(hint))
    assert dataclasses.is_dataclass(hint), hint
    return st.builds(hint, **{name: of(h) for name, h in typing.get_type_hints(hint).items()})


def extents(disk_sectors=300, longest=40):
    """Extents of a small disk: any order, overlapping."""
    one = st.builds(
        lambda start, count: Extent(start * SECTOR, count * SECTOR), st.integers(0, disk_sectors), st.integers(0, longest)
    )
    return st.lists(one, max_size=25)


def sectors(found):
    """The plain set of sectors of extents: the model beside the machine."""
    return {s for e in found for s in range(e.offset // SECTOR, e.end // SECTOR)}
