"""vSphere's faults at the provider's edge: the right class, the VM's name, a remedy."""

from __future__ import annotations

from http.client import RemoteDisconnected

import pytest

from providers.vmware import sdk
from providers.vmware.errors import _RULES, translate
from replication.model.errors import Conflict, Denied, NotFound, Permanent, PortError, Temporary

vim, vmodl = sdk.load().vim, sdk.load().vmodl


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (vim.fault.InvalidLogin(), Denied),
        (vim.fault.NoPermission(privilegeId="VirtualMachine.State.CreateSnapshot"), Denied),
        (vim.fault.NotAuthenticated(), Temporary),
        (vmodl.fault.ManagedObjectNotFound(), NotFound),
        (vim.fault.TaskInProgress(), Temporary),
        (vim.fault.ToolsUnavailable(), Permanent),
        (vim.fault.InvalidPowerState(), Conflict),
        (vim.fault.NoDiskSpace(file="[ds-01] x"), Permanent),
        (vim.fault.FileLocked(), Temporary),
        (vim.fault.TooManySnapshotLevels(), Permanent),
        (vim.fault.InsufficientHostMemoryCapacityFault(), Temporary),
        (vmodl.fault.HostNotConnected(), Temporary),
        (vmodl.fault.SystemError(), Temporary),
        (vmodl.fault.InvalidArgument(invalidProperty="deviceKey"), Permanent),
        (ConnectionResetError("reset"), Temporary),
        (RemoteDisconnected("closed"), Temporary),
        (TimeoutError("slow"), Temporary),
    ],
)
def test_every_fault_has_its_class(fault: Exception, kind: type[PortError]) -> None:
    """Design, providers: vendor errors become the model's at the edge; families are understood too."""
    error = translate(fault, subject="web-01", doing="making a snapshot")
    assert type(error) is kind
    assert str(error).startswith("web-01: making a snapshot: ")


def test_what_the_fault_tells_is_kept() -> None:
    """Errors are part of the interface: vCenter's own words, the privilege, the file, the parameter."""
    refused = translate(
        vim.fault.NoPermission(msg="Permission denied.", privilegeId="Datastore.Browse"), subject="x", doing="y"
    )
    assert "Permission denied [NoPermission] (privilege Datastore.Browse)" in refused.message
    assert refused.remedy
    full = translate(vim.fault.NoDiskSpace(file="[ds-01] x.vmdk"), subject="x", doing="y")
    assert "file [ds-01] x.vmdk" in full.message


def test_every_rule_is_about_a_fault_that_exists() -> None:
    """A misspelt name would never match and nobody would notice."""
    for name in _RULES:
        space, _, fault = name.rpartition(".")
        found = getattr({"vim.fault": vim.fault, "vmodl.fault": vmodl.fault}[space], fault)
        assert issubclass(found, vmodl.MethodFault), name
