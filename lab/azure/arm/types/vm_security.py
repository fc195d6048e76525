"""What Compute refuses about a VM's licence and security type."""

from __future__ import annotations

from lab.azure.arm.errors import ArmError, bad_parameter
from lab.azure.arm.fields import Fields
from lab.azure.arm.types.sizes import Size

_LICENCES = {
    "Windows_Server": "Windows",
    "Windows_Client": "Windows",
    "RHEL_BYOS": "Linux",
    "SLES_BYOS": "Linux",
    "RHEL_BASE": "Linux",
    "SLES": "Linux",
}
_TYPES = ("TrustedLaunch", "ConfidentialVM", "Standard")
_UEFI = ("secureBootEnabled", "vTpmEnabled")


def check_licence(fields: Fields, os_type: str) -> None:
    """A licence type that exists, and for this OS."""
    licence = fields.text("properties.licenseType", allowed=(*_LICENCES, "None"))
    if licence in ("", "None") or _LICENCES[licence] == os_type:
        return
    text = f"The licenseType '{licence}' is not allowed for a virtual machine whose OS type is '{os_type}'."
    raise bad_parameter("licenseType", text)


def check_security(fields: Fields, size: Size, generation: str, supported: str) -> None:
    """A security profile that this size and OS disk can have. `supported`: the disk's supportedSecurityOption."""
    path = "properties.securityProfile"
    kind = fields.text(f"{path}.securityType", allowed=_TYPES)
    flags = [name for name in _UEFI if fields.flag(f"{path}.uefiSettings.{name}")]
    if kind == "ConfidentialVM":
        raise bad_parameter("securityProfile.securityType", "The lab has no confidential VMs.", code="NotSupported")
    if kind != "TrustedLaunch":
        if flags:
            text = "Uefi Settings are not allowed without a security type of 'TrustedLaunch'."
            raise bad_parameter("securityProfile.uefiSettings", text)
        return
    if generation != "V2":
        text = (
            "Use of TrustedLaunch setting is not supported for the provided image. Please select Trusted Launch Supported Gen2 "
            "OS Image. For more information, see https://aka.ms/TrustedLaunch-FAQ."
        )
        raise ArmError(400, "BadRequest", text)
    if not size.trusted_launch:
        text = (
            f"The VM size '{size.name}' is not supported for creation of VMs and Virtual Machine Scale Set with '{kind}' "
            "security type."
        )
        raise ArmError(400, "BadRequest", text)
    if not supported.startswith("TrustedLaunch"):
        text = "The OS disk does not support security type 'TrustedLaunch': its supportedSecurityOption does not say so."
        raise bad_parameter("securityProfile.securityType", text)
