"""Advice on who may do what, and on where a command runs (WL44x)."""

from __future__ import annotations

from planner.advice.advice import Advice

_AZURE = (
    "azure:\n  tenant: corp.example\n"
    "  project: {subscription: sub-platform, region: koreacentral, resource_group: rg-wavelift}\n"
)
_LOGIN = _AZURE + "  login: {plan: env:AZ_PLAN, engine: file:/etc/wavelift/azure.json}\n"

ACCESS: dict[str, Advice] = {
    "WL441": Advice(
        "Apply as the identity that the estate declares, or declare the one that applies.",
        _AZURE + "  identities: {apply: f816b1b1-8d74-4a87-ae55-e0f8678fea78}   # and 7b1c6b0a-… is signed in\n",
        _AZURE + "  identities: {apply: 7b1c6b0a-52e5-4f6e-9d5e-0d5c2a1f0b11}\n",
        title="another identity than the declared one",
    ),
    "WL442": Advice(
        "Go on: apply checks the engine's login before it starts.",
        "(plan with a login of its own, or from a recorded inventory)",
        "(the same; it is a note, not a fault)",
        title="privileges in vCenter not checked",
    ),
    "WL443": Advice(
        "Declare the plan login's object id, and let somebody apply; or run the command of the message.",
        _LOGIN,
        _LOGIN + "  identities: {plan: 260a1b6b-1915-40d4-8584-74dbea117ddd}\n",
        title="the gateway store may not be read",
    ),
    "WL444": Advice(
        "Add the privileges that the message names to the login's role in vCenter, with propagation to children.",
        "(the role Read-only for the engine's login)",
        "(a role with the privileges of docs/security.md)",
        title="a privilege in vCenter is missing",
    ),
    "WL445": Advice(
        "Go on, or export the inventory again when it is old: `wavelift inventory export`.",
        "(a plan from an inventory of last night)",
        "(the same, read by somebody who knows what changed since)",
        title="planned from a recorded inventory",
    ),
    "WL447": Advice(
        "Export the inventory again with the estate's files of today.",
        "(an inventory of `seoul` alone, and a machine that comes from `busan`)",
        "(an inventory of both)",
        title="source not in the inventory",
    ),
    "WL491": Advice(
        "Export the inventory from the vCenter that the source names; when all its VMs were registered anew, `init` first.",
        "(an inventory of the test vCenter, given to a plan of production)",
        "(one that `wavelift inventory export -C` of this estate wrote)",
        title="the inventory is of another vCenter",
    ),
    "WL448": Advice(
        "Export the inventory again, or allow an older one.",
        "sources: {seoul: {vcenter: vc01.corp.example, login: env:VC, inventory_max_age: 1h}}   # it is of yesterday\n",
        "sources: {seoul: {vcenter: vc01.corp.example, login: env:VC, inventory_max_age: 2d}}\n",
        title="the inventory is too old",
    ),
}
