"""What Azure keeps of what was deleted: key vaults, which can be recovered until their time is over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from planner.artifact import Kind
from planner.state import Recorded
from replication.model.errors import NotFound, PortError

if TYPE_CHECKING:
    from providers.azure.session import AzureSession


def soft_deleted(session: AzureSession, gone: Iterable[Recorded]) -> Iterator[str]:
    """A line for each key vault of `gone` that is kept; what cannot be looked up is said, too."""
    from providers.azure.artifacts.shared import kept_until

    for recorded in gone:
        if recorded.kind is not Kind.KEY_VAULT:
            continue
        name, place = recorded.id.rpartition("/")[2], str(recorded.spec.get("location", ""))
        purge = f"az keyvault purge --name {name} --location {place}"
        try:
            until = kept_until(session, recorded.id, place)
        except NotFound:
            continue
        except PortError as error:
            yield f"Whether {recorded.address} ({name}) is kept soft-deleted could not be looked up: {error}"
            continue
        yield f"Soft-deleted: {recorded.address} ({name}) can be recovered until {until}; to be rid of it now: {purge}"
