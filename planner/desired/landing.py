"""Whether what a machine asks of Azure fits what its guest is (pure): licence and OS type, security type and firmware."""

from __future__ import annotations

from collections.abc import Iterator

from planner.estate import LICENCES, Diagnostic, Machine
from planner.inventory import VmFacts


def landing_problems(machine: Machine, vm: VmFacts) -> Iterator[Diagnostic]:
    landing = machine.landing
    os_type = "Windows" if vm.os_type == "Windows" else "Linux"
    if landing.licence is not None and LICENCES[landing.licence] != os_type:
        detail = (
            f"`licence: {landing.licence}` is for {LICENCES[landing.licence]}, and {vm.path} runs {os_type}. Take one for "
            f"{os_type}, or write `licence: none` for this machine where the licence is a default."
        )
        yield _problem(machine, "WL560", "the licence is for another OS", detail, "licence")
    if landing.security is not None and landing.security.type == "TrustedLaunch" and vm.firmware != "efi":
        detail = (
            f"`security_type: TrustedLaunch` needs a VM of generation 2, and {vm.path} starts from BIOS (generation 1). Write "
            "`security_type: Standard`, or let its owner make it start from EFI first."
        )
        yield _problem(machine, "WL561", "no trusted launch from BIOS", detail, "security_type")


def _problem(machine: Machine, code: str, summary: str, detail: str, key: str) -> Diagnostic:
    path = f"waves.{machine.wave}.machines.{machine.name}.{key}"
    return Diagnostic(code, summary, f"{machine.name}: {detail}", path, machine.spans.get(key) or machine.span)
