"""Private addresses that network interfaces of a subscription hold: one listing, whatever the number of interfaces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from planner.ports import Observed, ResourceRef
from providers.azure.errors import translated
from providers.azure.session import AzureSession
from replication.model.errors import Denied


class Addresses:
    """`/subscriptions/<guid>#addresses`: {taken: {"<subnet id>|<address>": NIC id}}, ids in lower case."""

    def __init__(self, session: AzureSession) -> None:
        self._session = session

    def observe(self, refs: Sequence[ResourceRef]) -> dict[str, Observed]:
        return {ref.id.lower(): self._subscription(ref) for ref in refs}

    def _subscription(self, ref: ResourceRef) -> Observed:
        subscription = ref.id.split("/")[2].partition("#")[0]
        try:
            with translated(f"network interfaces of {subscription}"):
                nics = list(self._session.network(subscription).network_interfaces.list_all())
        except Denied:
            return Observed(ref.id, ours=False, readable=False)
        return Observed(ref.id, {"taken": {key: str(nic.id).lower() for nic in nics for key in _held(nic)}}, ours=False)


def _held(nic: Any) -> Iterator[str]:
    for one in nic.properties.ip_configurations or ():
        at = one.properties
        if at is not None and at.subnet is not None and at.private_ip_address:
            yield f"{at.subnet.id}|{at.private_ip_address}".lower()
