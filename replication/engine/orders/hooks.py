"""Hooks around a cut-over, journalled: announced before they run, told after.

A hook that the journal says is done is never run again in this attempt. One that was announced and of which nobody knows
whether it ran (a crash) is run again under the same id, so whoever it speaks to can tell that it is the same: at least once.
"""

from __future__ import annotations

import uuid
from typing import Literal

from replication.engine.orders.steps import Refused, Steps
from replication.model.errors import PortError
from replication.model.item import Hook

BEGUN = "hooks begun"
"""Fact: the first hook before the power-off was announced, so those of the way back run."""


def run(steps: Steps, when: Literal["before", "after", "back"]) -> list[str]:
    """Run what is not done yet; what to tell people of each. `Refused` when one before the power-off fails and may."""
    if when == "back" and BEGUN not in steps.facts:
        return []
    return [_one(steps, hook) for hook in steps.order.cutover.hooks if hook.when == when]


def _one(steps: Steps, hook: Hook) -> str:
    work, fact = steps.work, f"hook/{hook.when}/{hook.name}"
    told = steps.facts.get(fact, "")
    if not told.startswith("running "):
        if told:
            return _judged(hook, told)
        told = f"running {work.clock.now():.3f}"
        steps.learn({fact: told, "doing": f"hook {hook.name}", **({BEGUN: "true"} if hook.when == "before" else {})})
    work.guard.check()
    work.note(f"hook {hook.name} ({hook.when})")
    try:
        work.hooks.run(hook, _told(steps, hook, told))
    except PortError as error:
        told = f"failed: {error}"
        work.note(f"hook {hook.name} {told}")
    else:
        told = "done"
    steps.learn({fact: told, "doing": ""})
    return _judged(hook, told)


def _judged(hook: Hook, told: str) -> str:
    text = f"hook {hook.name} {told}"
    if told != "done" and hook.when == "before" and hook.on_failure == "abort":
        raise Refused(f"{text}; nothing was powered off")
    return text


def _told(steps: Steps, hook: Hook, announced: str) -> dict[str, str]:
    """The id is of this order, this attempt at it and this hook."""
    work, order = steps.work, steps.order
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"wavelift:{order.id}/{hook.when}/{hook.name}/{announced}")),
        "machine": work.item.name,
        "wave": work.item.wave,
        "when": hook.when,
        "vm": order.vm.name if order.vm is not None else "",
    }
