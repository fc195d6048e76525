"""Resources that a PUT stores as Updating, and an operation finishes."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from lab.azure.arm.env import Call
from lab.azure.arm.lro import Done, Finisher, Operation
from lab.azure.arm.store import Json, Record
from lab.azure.arm.types.base import ResourceType, in_flight


class FinishedLater(ResourceType):
    """ETags, a put that finishes later, a deletion that does; `word` begins the names of the operations."""

    etags: ClassVar[bool] = True
    word: ClassVar[str]

    def register(self) -> None:
        """Tell the operations how a change and a deletion end."""
        self.env.operations.register(f"{self.word}.put", Finisher(self._ready))
        self.env.operations.register(f"{self.word}.delete", Finisher(self.discarded))

    def begin_put(self, call: Call, body: Json, existing: Record | None, **private: Any) -> tuple[Operation, Record]:
        """Store the resource with what is under way, and begin the operation that finishes it."""
        operation_id = str(uuid.uuid4())
        private |= in_flight(call, operation_id)
        item = self.stamped(existing, body, **private) if existing else self.new(call, body, private)
        operation = self.env.operations.start(
            f"{self.word}.put",
            call.method,
            call.target,
            location=body["location"],
            changes=[item],
            api_version=call.api_version,
            operation_id=operation_id,
        )
        return operation, item

    def _ready(self, operation: Operation) -> Done:
        item = self.env.store.get(operation.resource_id)
        if item is None:
            return Done()
        body = item.body
        body["properties"]["provisioningState"] = "Succeeded"
        return Done([self.stamped(item, body, busy=None, asked=None)])
