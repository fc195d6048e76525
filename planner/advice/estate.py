"""Advice on references and sense (WL14x to WL16x) and on the lock file (WL17x)."""

from __future__ import annotations

from planner.advice.advice import Advice

_TWO_SOURCES = "sources: {seoul: {vcenter: vc01.example, login: env:VC}, busan: {vcenter: vc02.example, login: env:VC}}\n"
_TWO_APPLIANCES = "appliances: {gw-1: {role: primary, source: seoul}, gw-2: {role: primary, source: busan}}\n"
_NO_TEST_NET = (
    "targets: {korea: {region: koreacentral, resource_group: rg-shop, vnet: vnet-prod, subnets: {VLAN110-web: snet-web}}}\n"
)
_TEST_NET = (
    "targets: {korea: {region: koreacentral, resource_group: rg-shop, vnet: vnet-prod, test_vnet: vnet-bubble,\n"
    "                  subnets: {VLAN110-web: snet-web}}}\n"
)

_AZURE = (
    "azure:\n  tenant: corp.example\n"
    "  project: {subscription: sub-platform, region: koreacentral, resource_group: rg-wavelift}\n"
)

ESTATE: dict[str, Advice] = {
    "WL140": Advice(
        "Correct the name, or declare the target under `targets`.",
        "waves: {shop: {target: corea, machines: {web-01: Standard_D2s_v5}}}\n",
        "waves: {shop: {target: korea, machines: {web-01: Standard_D2s_v5}}}\n",
    ),
    "WL141": Advice(
        "Correct the name, or declare the source under `sources`.",
        "appliances: {gw-1: {role: primary, source: soul}}\n",
        "appliances: {gw-1: {role: primary, source: seoul}}\n",
    ),
    "WL142": Advice(
        "Correct the name, declare the policy under `policies.<kind>`, or write it in place.",
        "defaults: {cutover: nigth}\npolicies: {cutover: {night: {downtime: 30m}}}\n",
        "defaults: {cutover: night}\npolicies: {cutover: {night: {downtime: 30m}}}\n",
    ),
    "WL143": Advice(
        "Correct the name, or declare the wave under `waves`.",
        "waves: {shop: {target: korea, after: {pilott: migrated}, machines: {web-01: Standard_D2s_v5}}}\n",
        "waves:\n  pilot: {target: korea, machines: {wiki-01: Standard_D2s_v5}}\n"
        "  shop: {target: korea, after: {pilot: migrated}, machines: {web-01: Standard_D2s_v5}}\n",
    ),
    "WL144": Advice(
        "Say `source` at the wave, or at the machine or appliance.",
        _TWO_SOURCES + _TWO_APPLIANCES + "waves: {shop: {target: korea, machines: {web-01: Standard_D2s_v5}}}\n",
        _TWO_SOURCES + _TWO_APPLIANCES + "waves: {shop: {target: korea, source: seoul, machines: {web-01: Standard_D2s_v5}}}\n",
    ),
    "WL145": Advice(
        "Declare one appliance of the source as `primary` and all others as `scale-out`.",
        "appliances: {gw-1: {role: primary}, gw-2: {role: primary}}\n",
        "appliances: {gw-1: {role: primary}, gw-2: {role: scale-out}}\n",
    ),
    "WL146": Advice(
        "Remove one `after` of the circle.",
        "waves:\n  a: {target: korea, after: {b: migrated}, machines: {web-01: Standard_D2s_v5}}\n"
        "  b: {target: korea, after: {a: migrated}, machines: {web-02: Standard_D2s_v5}}\n",
        "waves:\n  a: {target: korea, machines: {web-01: Standard_D2s_v5}}\n"
        "  b: {target: korea, after: {a: migrated}, machines: {web-02: Standard_D2s_v5}}\n",
    ),
    "WL147": Advice(
        "Let the earlier wave go as far, or keep the later one at `replicate` or `test` for now.",
        "waves:\n  a: {target: korea, phase: replicate, machines: {web-01: Standard_D2s_v5}}\n"
        "  b: {target: korea, phase: migrate, after: {a: migrated}, machines: {web-02: Standard_D2s_v5}}\n",
        "waves:\n  a: {target: korea, phase: migrate, machines: {web-01: Standard_D2s_v5}}\n"
        "  b: {target: korea, phase: migrate, after: {a: migrated}, machines: {web-02: Standard_D2s_v5}}\n",
    ),
    "WL148": Advice(
        "Remove the machine's own phase when it should go with its wave; leave it when it should stay behind.",
        "waves: {shop: {target: korea, phase: test, machines: {web-01: {size: Standard_D2s_v5, phase: replicate}}}}\n",
        "waves: {shop: {target: korea, phase: test, machines: {web-01: Standard_D2s_v5}}}\n",
    ),
    "WL149": Advice(
        "Name an isolated virtual network as `test_vnet` of the target.",
        _NO_TEST_NET + "waves: {shop: {target: korea, phase: test, machines: {web-01: Standard_D2s_v5}}}\n",
        _TEST_NET + "waves: {shop: {target: korea, phase: test, machines: {web-01: Standard_D2s_v5}}}\n",
    ),
    "WL150": Advice(
        "Leave the machine in one wave.",
        "waves:\n  a: {target: korea, machines: {web-01: Standard_D2s_v5}}\n"
        "  b: {target: korea, machines: {web-01: Standard_D2s_v5}}\n",
        "waves:\n  a: {target: korea, machines: {web-01: Standard_D2s_v5}}\n"
        "  b: {target: korea, machines: {web-02: Standard_D2s_v5}}\n",
    ),
    "WL151": Advice(
        "Give one of the two another name.",
        "waves: {shop: {target: korea, machines: {web-01: Standard_D2s_v5, WEB-01: Standard_D2s_v5}}}\n",
        "waves: {shop: {target: korea, machines: {web-01: Standard_D2s_v5, web-02: Standard_D2s_v5}}}\n",
    ),
    "WL152": Advice(
        "Remove one machine, or correct its `vm`.",
        "waves: {shop: {target: korea, machines: {a: {vm: DB, size: Standard_D2s_v5}, b: {vm: DB, size: Standard_D2s_v5}}}}\n",
        "waves: {shop: {target: korea, machines: {a: {vm: DB, size: Standard_D2s_v5}, b: {vm: DB2, size: Standard_D2s_v5}}}}\n",
    ),
    "WL153": Advice(
        "Give one adapter another address, or none.",
        "waves:\n  shop:\n    target: korea\n    machines:\n"
        "      a: {size: Standard_D2s_v5, nics: {0: {ip: 10.0.0.4}}}\n"
        "      b: {size: Standard_D2s_v5, nics: {0: {ip: 10.0.0.4}}}\n",
        "waves:\n  shop:\n    target: korea\n    machines:\n"
        "      a: {size: Standard_D2s_v5, nics: {0: {ip: 10.0.0.4}}}\n"
        "      b: {size: Standard_D2s_v5, nics: {0: {ip: 10.0.0.5}}}\n",
    ),
    "WL154": Advice(
        "Take a name such as Asia/Seoul. Abbreviations (KST) and offsets are not time zones.",
        "estate: {name: seoul-exit, schema: 1, time_zone: Asia/Soul}\n",
        "estate: {name: seoul-exit, schema: 1, time_zone: Asia/Seoul}\n",
    ),
    "WL155": Advice(
        "Set the variable where wavelift runs, in CI too, or write the value itself.",
        "azure:\n  tenant: env:NO_SUCH_TENANT\n"
        "  project: {subscription: sub-platform, region: koreacentral, resource_group: rg-wavelift}\n",
        "azure:\n  tenant: corp.example\n"
        "  project: {subscription: sub-platform, region: koreacentral, resource_group: rg-wavelift}\n",
    ),
    "WL156": Advice(
        "Take a day that the calendar has.",
        "waves: {shop: {target: korea, machines: {web-01: {size: Standard_D2s_v5, hold: {why: INC-1, until: 2027-02-30}}}}}\n",
        "waves: {shop: {target: korea, machines: {web-01: {size: Standard_D2s_v5, hold: {why: INC-1, until: 2027-02-28}}}}}\n",
    ),
    "WL157": Advice(
        "Remove tags of one of the levels: estate, target, wave or machine.",
        "(40 tags under the estate's `defaults` and 10 others at a machine)",
        "(at most 45 tags from all levels together)",
    ),
    "WL158": Advice(
        "Change one of the two values that the message names.",
        "policies: {schedule: {slow: {delta_minimum: 2h, delta_cap: 1h}}}\n",
        "policies: {schedule: {slow: {delta_minimum: 1h, delta_cap: 2h}}}\n",
    ),
    "WL159": Advice(
        "Give the appliances one policy by name, or leave it when the difference is meant.",
        'appliances: {gw-1: {role: primary, blackout: "Friday;18:00;5h"}, gw-2: {role: scale-out}}\n',
        'appliances: {gw-1: {role: primary, blackout: "Friday;18:00;5h"},\n'
        '             gw-2: {role: scale-out, blackout: "Friday;18:00;5h"}}\n',
    ),
    "WL580": Advice(
        "Rename one of the two, put one into another `resource_group`, or do not test the first while the second is in Azure.",
        "waves: {shop: {target: korea, machines: {web: Standard_D2s_v5, web-test: Standard_D2s_v5}}}\n",
        "waves: {shop: {target: korea, machines: {web: Standard_D2s_v5, web-uat: Standard_D2s_v5}}}\n",
    ),
    "WL160": Advice(
        "Add the part; the message shows how it begins.",
        "(a folder whose files hold `waves:` and no `estate:`)",
        "estate: {name: seoul-exit, schema: 1}\n",
    ),
    "WL161": Advice(
        "Write date, opening and end, the end after the opening.",
        "defaults: {cutover: {window: 2027-01-17 05:00/2027-01-17 01:00}}\n"
        "waves: {shop: {target: korea, machines: {web-01: Standard_D2s_v5}}}\n",
        "defaults: {cutover: {window: 2027-01-17 01:00/05:00}}\n"
        "waves: {shop: {target: korea, machines: {web-01: Standard_D2s_v5}}}\n",
    ),
    "WL165": Advice(
        "Say where the NBD server is: a command that starts one, a socket, or a host.",
        "sources: {seoul: {vcenter: vc01.corp.example, login: env:VC, reader: nbd}}\n",
        'sources: {seoul: {vcenter: vc01.corp.example, login: env:VC, reader: {nbd: {host: 127.0.0.1, export: "{uuid}"}}}}\n',
    ),
    "WL166": Advice(
        "Leave `on_failure` out behind the power-off, and give each hook its own name.",
        "defaults: {cutover: {hooks: {after: [{name: dns, command: [dns, up], on_failure: abort}]}}}\n",
        "defaults: {cutover: {hooks: {after: [{name: dns, command: [dns, up]}]}}}\n",
    ),
    "WL162": Advice(
        "Name a machine of the estate that goes as far, or remove `start_after`.",
        "waves: {shop: {target: korea, machines: {web-01: {size: Standard_D2s_v5, start_after: db}}}}\n",
        "waves:\n  shop: {target: korea, machines: {web-01: {size: Standard_D2s_v5, start_after: db}, db: Standard_E8s_v5}}\n",
    ),
    "WL163": Advice(
        "Leave a gap in the week, or say `hold` at the machines that should not go on.",
        "policies: {blackout: {always: {weekly: [{days: Mon-Sun}]}}}\n",
        "policies: {blackout: {working_days: {weekly: [{days: Mon-Fri}]}}}\n",
    ),
    "WL164": Advice(
        "Nothing, when wavelift itself replicates. Where Azure Migrate's own appliance does: give it weekly windows only.",
        "(`wavelift export appliance-config` of an appliance whose blackout has `dates`)",
        "(the same with `weekly` windows only)",
    ),
    "WL180": Advice(
        "Move the overlay to a place outside of the estate's files, such as `overlays/`.",
        "(wavelift plan --overlay rehearsal.yaml)",
        "(wavelift plan --overlay overlays/rehearsal.yaml)",
    ),
    "WL181": Advice(
        "Give the estate another name in the overlay.",
        "(an overlay that holds only `defaults: {size: Standard_B2s}`)",
        "(an overlay that begins with `estate: {name: seoul-exit-rehearsal}`)",
    ),
    "WL182": Advice(
        "Correct the key, or take the line out of the overlay.",
        "(an overlay that holds `waves: {shopp: null}`)",
        "(an overlay that holds `waves: {shop: null}`)",
    ),
    "WL183": Advice(
        "Say another path or key for the state in the overlay, or remove the one that production names with `null`.",
        "(`state: {local: {path: /srv/state.json}}` in the estate and nothing about it in the overlay)",
        "(`state: {local: {path: /srv/rehearsal.json}}` in the overlay)",
    ),
    "WL184": Advice(
        "Name an environment variable or a file, or sign in without a secret: by `workload_identity`, or with no `login` at all.",
        _AZURE
        + "  login: keyvault:kv-wavelift/azure\n",
        _AZURE
        + "  login: {workload_identity: {client_id: 3b1c6b0a-52e5-4f6e-9d5e-0d5c2a1f0b12, token_file: /var/run/token}}\n",
    ),
    "WL170": Advice(
        "Take the file from git again. When its entries are wrong, remove them and run `wavelift init`.",
        "(wavelift.lock.yaml edited by hand so that an instance uuid is no uuid any more)",
        "(`git checkout wavelift.lock.yaml`)",
    ),
    "WL190": Advice(
        "Write the marked place as the message says, or go on without formatting this file: it is read all the same.",
        "(`wavelift fmt` on a file with a line `? name`, a key in YAML's long form)",
        "(`name: value`)",
    ),
    "WL191": Advice(
        "Replace the brackets and what is in them; the message says what belongs there.",
        'targets: {korea: {region: koreacentral, resource_group: rg, vnet: vnet-prod, subnets: {VLAN110-web: "<subnet>"}}}\n',
        "targets: {korea: {region: koreacentral, resource_group: rg-shop, vnet: vnet-prod, subnets: {VLAN110-web: snet-web}}}\n",
    ),
    "WL192": Advice(
        "Put the whole address into a variable of the engine's host, a file or a Key Vault and name that; let a command read its "
        "secret from a file. Who has seen the old one knows it: replace it where it was given out.",
        "notify: {webhook: 'https://hooks.slack.com/services/T02/B07/0eXaMpLe1nOt2ReAl3'}\n",
        "notify: {webhook: env:OPS_WEBHOOK}\n",
    ),
    "WL171": Advice(
        "Remove the entry of the machine that the VM is not, then run `wavelift init`.",
        "(wavelift.lock.yaml with one instance uuid under two machines, after a merge)",
        "(one entry for each VM)",
    ),
    "WL505": Advice(
        "Take the machine out of its wave, or the entry out of `removed`.",
        "removed: [{machine: web-01, destroy: true, why: INC-881}]\n"
        "waves: {shop: {target: korea, machines: {web-01: Standard_D2s_v5}}}\n",
        "removed: [{machine: web-01, destroy: true, why: INC-881}]\n"
        "waves: {shop: {target: korea, machines: {web-02: Standard_D2s_v5}}}\n",
    ),
    "WL460": Advice(
        "Copy the address out of `wavelift drift --json`, or put `*` where it may be anything.",
        "drift: {allow: [{address: keyvault.koreacentral, why: CHG0077, until: 2027-01-20}]}\n",
        "drift: {allow: [{address: key_vault.koreacentral, why: CHG0077, until: 2027-01-20}]}\n",
    ),
}
