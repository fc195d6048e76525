"""Advice on what a machine asks of Azure besides its size, and on artifacts that exist already (WL56x, WL57x)."""

from __future__ import annotations

from planner.advice.advice import Advice

_WAVE = "waves: {shop: {target: korea, machines: {web-01: "

LANDING: dict[str, Advice] = {
    "WL560": Advice(
        "Take a licence of the guest's OS, or `none` where a level above says one for the others.",
        _WAVE + "{size: Standard_D2s_v5, licence: Windows_Server}}}}\n",
        _WAVE + "{size: Standard_D2s_v5, licence: none}}}}\n",
        title="the licence is for another OS",
    ),
    "WL561": Advice(
        "Say `Standard`, or have the source start from EFI before it is replicated.",
        _WAVE + "{size: Standard_D2s_v5, security_type: TrustedLaunch}}}}\n",
        _WAVE + "{size: Standard_D2s_v5, security_type: Standard}}}}\n",
        title="no trusted launch from BIOS",
    ),
    "WL562": Advice(
        "Take sizes that support it; `az vm list-skus -l REGION --size SIZE` shows TrustedLaunchDisabled.",
        _WAVE + "{size: Standard_M8ms, security_type: TrustedLaunch}}}}\n",
        _WAVE + "{size: Standard_E8s_v5, security_type: TrustedLaunch}}}}\n",
        title="the size does not support trusted launch",
    ),
    "WL563": Advice(
        "Name a set that is there, in the region and the subscription of the disks.",
        _WAVE + "{size: Standard_D2s_v5, disk_encryption_set: des-japan}}}}\n",
        _WAVE + "{size: Standard_D2s_v5, disk_encryption_set: des-korea}}}}\n",
        title="the disk encryption set cannot be used",
    ),
    "WL430": Advice(
        "Name a size that takes the machine's disks, adapters and firmware; another disk type where it takes no premium disks.",
        _WAVE + "{size: Standard_B1s}}}}   # 2 data disks; the VM has 5\n",
        _WAVE + "{size: Standard_D2s_v5}}}}\n",
        title="no size fits the machine",
    ),
    "WL431": Advice(
        "Give the adapter an address of the subnet that nobody has (not its first four, nor its last), or let Azure choose.",
        _WAVE + "{size: Standard_D2s_v5, ip: keep}}}}   # 10.1.0.3 of 10.1.0.0/24\n",
        _WAVE + "{size: Standard_D2s_v5, nics: {0: {ip: 10.1.0.30}}}}}}\n",
        title="the address cannot be had",
    ),
    "WL432": Advice(
        "Free the address before the machine is cut over: then the plan refuses.",
        "(a temporary machine holds 10.1.0.30, and web-01 keeps that address)",
        "(the temporary machine has another one)",
        title="the address is taken",
    ),
    "WL433": Advice(
        "Ask Azure for more quota of that family in that region, name another size beside it, or cut over fewer machines.",
        _WAVE + "{size: Standard_E64s_v5}}}}   # 64 vCPUs; 32 are left\n",
        _WAVE + "{size: [Standard_E64s_v5, Standard_E32as_v5]}}}}\n",
        title="not enough vCPU quota",
    ),
    "WL570": Advice(
        "Correct the name; give the ARM id where it is in another resource group than ours would be.",
        "(`azure: existing: {key_vault: {koreacentral: kv-cropp}}`)",
        "(`azure: existing: {key_vault: {koreacentral: kv-corp}}`)",
        title="the existing artifact is not there",
    ),
    "WL571": Advice(
        "Have its owner change it, name another one, or leave the key out and let apply make one.",
        "(a storage account with blob soft delete as `log_store`)",
        "(`az storage account blob-service-properties update --account-name stcorplog --enable-delete-retention false`)",
        title="the existing artifact cannot be used",
    ),
    "WL572": Advice(
        "Run `wavelift doctor` on the hosts that plan, apply or run the engine; they need the endpoint and its DNS zone.",
        "(a hosted runner that plans, and a key vault with publicNetworkAccess: Disabled)",
        "(a runner inside of the virtual network, and `wavelift doctor --role plan` that says ok)",
        title="reached through a private endpoint alone",
    ),
    "WL566": Advice(
        "Go through the checklist of docs/landing.md with the guests' owners, and take phase `test` first.",
        "(a first `migrate` of a Linux machine whose initramfs holds VMware's drivers alone)",
        "(phase `test`, a look at its boot log, then `migrate`)",
        title="guests are prepared by their owners",
    ),
    "WL564": Advice(
        "Take a zone in which the size is offered, or another size.",
        _WAVE + "{size: Standard_D2s_v5, zone: 3}}}}\n",
        _WAVE + "{size: Standard_D2s_v5, zone: 1}}}}\n",
        title="the size is not in that zone",
    ),
}
