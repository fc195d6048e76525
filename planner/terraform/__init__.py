"""What was handed over as Terraform's language: import blocks and the resources that they lead to."""

from planner.terraform.files import PROVIDER, render
from planner.terraform.model import Disk, DiskAt, Found, Identity, Nic, NicAddress, Vm

__all__ = ["PROVIDER", "Disk", "DiskAt", "Found", "Identity", "Nic", "NicAddress", "Vm", "render"]
