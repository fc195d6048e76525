"""Everything that we set, out of the very bodies that we send: each leaf of each PUT, changed alone behind our back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from tests.e2e.site import Site

Place = tuple[str | int, ...]


class Leaf(NamedTuple):
    """`value` stands at `at` in the document of the resource `id`, because a PUT set it so."""

    address: str
    id: str
    at: Place
    value: Any

    @property
    def kind(self) -> str:
        """ "type: path", without numbers and names of ours: what the exceptions are listed by."""
        parts = self.id.split("/providers/")[-1].split("/")
        type_ = "/".join([parts[0], *parts[1::2]]) if len(parts) > 1 else "resourceGroups"
        return f"{type_.rpartition('.')[2]}: {'.'.join(str(one) for one in self.at if isinstance(one, str))}"


FIXED = {
    "KeyVault/vaults: properties.sku.family": "there is one family",
    "Network/networkInterfaces: properties.ipConfigurations.name": "ours is found by it; Azure renames none",
    "Compute/virtualMachines: properties.storageProfile.osDisk.createOption": "fixed for a VM's life; another has other disks",
    "Compute/virtualMachines: properties.storageProfile.osDisk.osType": "the disk's, where it is compared",
    "Compute/virtualMachines: properties.storageProfile.dataDisks.createOption": "as that of the OS disk",
    "Compute/disks: properties.creationData.uploadSizeBytes": "fixed for a disk's life; its size is compared",
}
"""Kinds of leaves that Azure changes for nobody, and that drift does not compare."""

ELSEWHERE = {"Storage/storageAccounts/blobServices: properties.deleteRetentionPolicy.enabled"}
"""Kinds of leaves that the lab keeps in no document of their own: changed by a call, in `CHANGES` ("soft delete")."""


def sent(site: Site) -> list[Leaf]:
    """The leaves of the last PUT of each resource that is recorded."""
    owners = {str(one["id"]).lower(): address for address, one in site.state["artifacts"].items() if one.get("id")}
    owners |= {
        str(one["attributes"]["assignment"]).lower(): address
        for address, one in site.state["artifacts"].items()
        if "assignment" in one.get("attributes", {})
    }
    last = {path.lower(): (path, body) for method, path, body in site.control("azure", "GET", "azure/sent") if method == "PUT"}
    found = []
    for key, (path, body) in last.items():
        owner = owners.get(key) or owners.get(key.rsplit("/", 2)[0])  # a queue is told with its namespace
        if owner:
            found += [Leaf(owner, path, at, value) for at, value in _leaves(body)]
    return found


def _leaves(value: Any, at: Place = ()) -> Iterator[tuple[Place, Any]]:
    match value:
        case dict():
            for key, one in value.items():
                yield from _leaves(one, (*at, key))
        case list():
            for number, one in enumerate(value):
                yield from _leaves(one, (*at, number))
        case _:
            yield at, value


def rounds(leaves: Sequence[Leaf]) -> Iterator[list[Leaf]]:
    """All leaves, in as many rounds as the largest artifact has: one of each artifact at a time."""
    by: dict[str, list[Leaf]] = defaultdict(list)
    for leaf in leaves:
        by[leaf.address].append(leaf)
    for number in range(max(map(len, by.values()))):
        yield [those[number] for those in by.values() if number < len(those)]


def put(site: Site, leaf: Leaf, value: Any) -> None:
    """Another value in the lab's document, by no call that Azure could refuse."""
    site.control("azure", "POST", "azure/rewrite", {"id": leaf.id, "at": leaf.at, "value": value})


def take(site: Site, leaf: Leaf) -> None:
    """Take it out of the document."""
    site.control("azure", "POST", "azure/rewrite", {"id": leaf.id, "at": leaf.at})


def otherwise(value: Any) -> Any:
    """Another value of the same kind."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case _:
            return f"{value}x"
