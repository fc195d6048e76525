"""Advice on keys and values that are not of their form (WL12x, WL13x)."""

from __future__ import annotations

from planner.advice.advice import Advice

FORMS: dict[str, Advice] = {
    "WL565": Advice(
        "Close its brackets, and escape with a backslash what is meant literally.",
        "policies: {cutover: {night: {ready: {boot_log: 'shop [ready'}}}}\n",
        "policies: {cutover: {night: {ready: {boot_log: 'shop .ready'}}}}\n",
    ),
    "WL120": Advice(
        "Correct the spelling or move the key to where it belongs: `wavelift schema PATH` lists the keys of a place.",
        "waves: {shop: {target: korea, fase: test, machines: {web-01: Standard_D2s_v5}}}\n",
        "waves: {shop: {target: korea, phase: test, machines: {web-01: Standard_D2s_v5}}}\n",
    ),
    "WL121": Advice(
        "Remove one of the two places, or give one another name.",
        "defaults: {ip: keep}\ndefaults: {ip: dynamic}\n",
        "defaults: {ip: keep}\n",
    ),
    "WL122": Advice(
        "Add the key; `wavelift schema PATH` says what it may hold.",
        "waves: {shop: {machines: {web-01: Standard_D2s_v5}}}\n",
        "waves: {shop: {target: korea, machines: {web-01: Standard_D2s_v5}}}\n",
    ),
    "WL123": Advice(
        "Write the value in the kind that is named: `key: value` for a mapping, `[a, b]` for a list.",
        "waves: {shop: {target: korea, machines: [web-01, web-02]}}\n",
        "waves: {shop: {target: korea, machines: {web-01: Standard_D2s_v5, web-02: Standard_D2s_v5}}}\n",
    ),
    "WL124": Advice(
        "Take one of the listed values; case counts.",
        "defaults: {disk: premium}\n",
        "defaults: {disk: Premium_LRS}\n",
    ),
    "WL125": Advice(
        "Write it like the examples that the message gives; a unit is often what is missing.",
        "policies: {throttle: {wan: {rate: 200 MB/s}}}\n",
        "policies: {throttle: {wan: {rate: 1600 Mbps}}}\n",
    ),
    "WL126": Advice(
        "Take a number inside the range that the message gives.",
        "policies: {limits: {gentle: {disks_per_appliance: 0}}}\n",
        "policies: {limits: {gentle: {disks_per_appliance: 16}}}\n",
    ),
    "WL127": Advice(
        "Fill what is empty or remove its key; shorten what is too long.",
        "waves: {shop: {target: korea, machines: {web-01: {size: []}}}}\n",
        "waves: {shop: {target: korea, machines: {web-01: {size: [Standard_D2s_v5]}}}}\n",
    ),
    "WL128": Advice(
        "Keep one of the keys, or add the one that is missing; the message says which.",
        "policies: {blackout: {db: {weekly: [{days: Mon-Fri, time: 09:00-12:00, for: 3h}]}}}\n",
        "policies: {blackout: {db: {weekly: [{days: Mon-Fri, time: 09:00-12:00}]}}}\n",
    ),
    "WL129": Advice(
        "Write the key as plain text; put what machines share into `defaults` of the estate, a target or a wave.",
        "defaults: {? [a, b] : keep}\n",
        "defaults: {ip: keep}\n",
    ),
    "WL130": Advice(
        "Give a value, or remove the key. An empty mapping is `{}`.",
        "defaults:\n  ip:\n",
        "defaults:\n  ip: keep\n",
    ),
    "WL131": Advice(
        "Remove the tag; put a text in quotes where it needs them.",
        "defaults: {ip: !!str keep}\n",
        "defaults: {ip: keep}\n",
    ),
    "WL132": Advice(
        "Choose a name of the allowed letters. A machine keeps its name in vCenter: `vm` says it.",
        "waves: {shop: {target: korea, machines: {SHOP DB 01: Standard_D2s_v5}}}\n",
        "waves: {shop: {target: korea, machines: {shop-db-01: {vm: SHOP DB 01, size: Standard_D2s_v5}}}}\n",
    ),
    "WL133": Advice(
        "Use the release of wavelift that the files were written for, or write the number that this one reads.",
        "estate: {name: seoul-exit, schema: 9}\n",
        "estate: {name: seoul-exit, schema: 1}\n",
    ),
}
