"""Advice on what the files, the state and Azure do not agree on (WL3xx)."""

from __future__ import annotations

from planner.advice.advice import Advice

_TARGET = "targets:\n  korea: {region: koreacentral, resource_group: rg-shop, "

AZURE: dict[str, Advice] = {
    "WL310": Advice(
        "Rename ours (the machine's key, the group), or rename or delete what is there. A thing that another estate made keeps "
        "that estate's tags.",
        "(a VM `web-01` that somebody made by hand in rg-shop, and a machine `web-01` that is to land there)",
        "(the machine under another name, with `vm: web-01`)",
        title="exists and is not ours",
    ),
    "WL311": Advice(
        "Set the value back, or let the machine leave the estate (`--allow-destroy`) and come back with the new value.",
        "(the region of a target changed after its stores were made)",
        "(a second target with the new region, and the machines moved to it before they replicate)",
        title="cannot be changed in place",
    ),
    "WL312": Advice(
        "Rename through a third name, or let the machine that still has the name be stopped first.",
        "(web-01 renamed to web-02 while the state still has another web-02)",
        "(web-01 renamed to web-03, applied; then to web-02 when that one is gone)",
        title="the new name is taken",
    ),
    "WL320": Advice(
        "Declare a scale-out appliance for the source.",
        "appliances: {gw-1: {role: primary, source: seoul}}   # and 301 machines\n",
        "appliances: {gw-1: {role: primary, source: seoul}, gw-2: {role: scale-out, source: seoul}}\n",
        title="a scale-out appliance is needed",
    ),
    "WL321": Advice(
        "Leave the phase at `migrate` or `complete`. To migrate the machine anew, take it out of the estate and put it in again.",
        "waves: {shop: {target: korea, phase: replicate, machines: {web-01: Standard_D2s_v5}}}   # web-01 runs in Azure\n",
        "waves: {shop: {target: korea, phase: migrate, machines: {web-01: Standard_D2s_v5}}}\n",
        title="a migrated machine cannot go back",
    ),
    "WL330": Advice(
        "Read what the plan destroys. When that is meant, give the number that it prints.",
        "(`wavelift apply --allow-destroy 2`, and the plan destroys 5)",
        "(`wavelift apply --allow-destroy 5`)",
        title="the number of destroyed artifacts differs",
    ),
    "WL340": Advice(
        "Give the login the right to read, or go on: apply finds out.",
        "(a login without Reader on the subscription)",
        "(Reader on the subscription)",
        title="not checked",
    ),
    "WL341": Advice(
        "Make the group, correct its name, or let apply make it with `managed: true`.",
        _TARGET + "vnet: vnet-prod, subnets: {VLAN110-web: snet-web}}   # rg-shop does not exist\n",
        "targets:\n  korea: {region: koreacentral, resource_group: {name: rg-shop, managed: true}, vnet: vnet-prod,\n"
        "          network_group: rg-network, subnets: {VLAN110-web: snet-web}}\n",
        title="the resource group does not exist",
    ),
    "WL342": Advice(
        "Correct the name, or say in `network_group` which resource group holds the network.",
        _TARGET + "vnet: vnet-prod, subnets: {VLAN110-web: snet-web}}   # it is in rg-network\n",
        _TARGET + "network_group: rg-network, vnet: vnet-prod, subnets: {VLAN110-web: snet-web}}\n",
        title="the virtual network does not exist",
    ),
    "WL343": Advice(
        "Name a network of the target's region.",
        _TARGET + "vnet: vnet-japan, subnets: {VLAN110-web: snet-web}}\n",
        _TARGET + "vnet: vnet-prod, subnets: {VLAN110-web: snet-web}}\n",
        title="network in another region",
    ),
    "WL344": Advice(
        "Make the subnet, or map the port group to one that is there. A test network needs subnets of the same names.",
        _TARGET + "vnet: vnet-prod, subnets: {VLAN110-web: snet-wbe}}\n",
        _TARGET + "vnet: vnet-prod, subnets: {VLAN110-web: snet-web}}\n",
        title="the subnet does not exist",
    ),
    "WL345": Advice(
        "Take a size that the region offers, and one to fall back on.",
        "waves: {shop: {target: korea, machines: {web-01: Standard_D3s_v5}}}\n",
        "waves: {shop: {target: korea, machines: {web-01: {size: [Standard_D4s_v5, Standard_D4as_v5]}}}}\n",
        title="unknown VM size",
    ),
    "WL346": Advice(
        "Give the login Microsoft.Authorization/roleAssignments/read (Reader has it), or go on: apply finds out.",
        "(a login that may not read role assignments)",
        "(Reader on the two resource groups)",
        title="permissions not checked",
    ),
    "WL347": Advice(
        "Let whoever owns the scope run the command of the message: it assigns the role to the principal that lacks it.",
        "(Contributor without User Access Administrator on rg-shop, and a first replication)",
        "(Owner, or Contributor and User Access Administrator, on the project's and the target's group)",
        title="a permission is missing",
    ),
    "WL348": Advice(
        "Choose with `initial_in_blackout` of the schedule policy: `continue`, or `release-and-resume`.",
        'appliances: {gw-1: {role: primary, blackout: "Friday;18:00;5h"}}\n',
        'appliances: {gw-1: {role: primary, blackout: "Friday;18:00;5h", schedule: {initial_in_blackout: release-and-resume}}}\n',
        title="initial replications meet blackout windows",
    ),
}
