"""pyVmomi's type system, used from the server's side.

pyVmomi ships stubs whose constructors are untyped, and makes its classes at run time: to the type checker they are
all `Any`, here and nowhere else.
"""

from __future__ import annotations

from typing import Any

from pyVmomi import SoapAdapter as _soap
from pyVmomi import VmomiSupport as _support
from pyVmomi import vim as _vim
from pyVmomi import vmodl as _vmodl

vim: Any = _vim
vmodl: Any = _vmodl
soap: Any = _soap
support: Any = _support

VIM_NAMESPACE = "urn:vim25"
SERVED_VERSION = "8.0.3.0"  # the newest API version that this vCenter offers


class Fault(Exception):
    """A vSphere fault to be answered: wraps pyVmomi's object, with the text that vCenter would show."""

    def __init__(self, fault: Any, message: str) -> None:
        super().__init__(message)
        fault.msg = message
        self.fault = fault


def invalid_argument(name: str) -> Fault:
    return Fault(
        vmodl.fault.InvalidArgument(invalidProperty=name), f"A specified parameter was not correct: {name}"
    )


def not_found(moid: str, kind: str) -> Fault:
    text = f"The object 'vim.{kind}:{moid}' has already been deleted or has not been completely created"
    return Fault(vmodl.fault.ManagedObjectNotFound(obj=reference(kind, moid)), text)


def reference(kind: str, moid: str) -> Any:
    """A managed object reference; `kind` is the type's name on the wire."""
    return _wire_type(kind)(moid)


def array(kind: str, values: list[Any]) -> Any:
    """A typed array ("vim.vm.device.VirtualDevice"), as a property of type Any needs it."""
    return support.GetVmodlType(f"{kind}[]")(values)


_TYPES: dict[str, Any] = {}


def _wire_type(kind: str) -> Any:
    found = _TYPES.get(kind)
    if found is None:
        found = _TYPES[kind] = support.GuessWsdlType(kind)
    return found


def managed_type(kind: str) -> Any:
    """pyVmomi's class for a type name on the wire."""
    return _wire_type(kind)
