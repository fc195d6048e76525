"""The one door to pyVmomi. Its import takes about 0.2 s, so nothing imports it before a vCenter is spoken to."""

from __future__ import annotations

from typing import Any, NamedTuple


class Sdk(NamedTuple):
    """pyVmomi's name spaces. They are untyped here on purpose: its constructors carry no annotations."""

    vim: Any
    vmodl: Any
    soap: Any
    """`pyVmomi.SoapAdapter`."""
    connect: Any
    """`pyVim.connect`."""


_sdk: Sdk | None = None


def load() -> Sdk:
    global _sdk
    if _sdk is None:
        from pyVim import connect
        from pyVmomi import SoapAdapter, vim, vmodl

        _sdk = Sdk(vim, vmodl, SoapAdapter, connect)
    return _sdk
