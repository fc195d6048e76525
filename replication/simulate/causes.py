"""The reasons of `decide` in few words, to add up machine-hours by."""

from __future__ import annotations

HELD = "held by hand"
WINDOW = "blackout window"
FULL = {
    "appliance": "appliance: all disk slots taken",
    "host": "host: buffers taken",
    "datastore": "datastore: snapshots taken",
}
KEPT = "room kept for on-demand cycles"
YIELDS = "yields to one that goes first"
SCALE_OUT = "needs a scale-out appliance"

_SIGNS = (
    ("blackout window", WINDOW),
    ("kept for on-demand", KEPT),
    (": yields to ", YIELDS),
    ("scale-out appliance", SCALE_OUT),
    ("disk snapshots open", FULL["datastore"]),
)


def cause(why: str, appliance: str) -> str:
    """The cause in a reason of `Hold` for a machine of this appliance; what a person wrote is `HELD`."""
    for sign, found in _SIGNS:
        if sign in why:
            return found
    if "disks in flight" in why:
        return FULL["appliance" if why.startswith(f"{appliance}: ") else "host"]
    return HELD
