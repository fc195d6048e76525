"""`azure.existing`: artifacts that others have made, by kind, and by region or target where there are several."""

from __future__ import annotations

from collections.abc import Mapping

from planner.config.context import Context
from planner.config.tree import Item, entries, text
from planner.estate import Existing

REGIONAL = ("service_bus", "log_store", "gateway_store", "key_vault")


def read_existing(context: Context, items: Mapping[str, Item]) -> Existing:
    """What stands under `azure.existing`; a seed store of a target that is not there is a problem."""
    known = entries(items, "existing")
    for name, item in entries(known, "seed_store").items():
        context.refer(name, context.known("targets"), "WL140", item.key, f"azure.existing.seed_store.{name}")
    places = tuple(
        (f"{kind}.{place}", item.text)
        for kind in (*REGIONAL, "seed_store")
        for place, item in entries(known, kind).items()
        if item.text
    )
    return Existing(text(known, "vault"), places)
