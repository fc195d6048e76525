"""Advice on plan files (WL40x)."""

from __future__ import annotations

from planner.advice.advice import Advice

PLAN_FILES: dict[str, Advice] = {
    "WL400": Advice(
        "Name the file that `wavelift plan --out FILE` wrote.",
        "(`wavelift apply state.json`)",
        "(`wavelift plan --out plan.wavelift`, then `wavelift apply plan.wavelift`)",
        title="not a plan file",
    ),
    "WL401": Advice(
        "Fetch the artifact again, or plan again. Plan files are not edited: change the estate.",
        "(a plan file with a step deleted in an editor, or half downloaded)",
        "(the file as `plan --out` wrote it)",
        title="the plan file is damaged or was changed",
    ),
    "WL402": Advice(
        "Use the same wavelift for `plan` and `apply`.",
        "(planned by a newer wavelift than the one that applies)",
        "(one pinned version in both jobs)",
        title="another version's plan file",
    ),
    "WL403": Advice(
        "Apply it in the folder, and with the state, that it was planned with.",
        "(the rehearsal estate's plan applied to production)",
        "(`wavelift apply -C production production.wavelift`)",
        title="another estate's plan",
    ),
    "WL404": Advice(
        "Plan again, look at what is different, have it approved again.",
        "(a disk of a machine was made larger between review and merge)",
        "(a new plan, which moves the disk as it is now)",
        title="the plan is stale",
    ),
    "WL405": Advice(
        "Approve the plan that is to be applied, and hand its digest on.",
        "(the plan of an earlier commit was approved)",
        "(`wavelift apply plan.wavelift --expect-sha` with the digest of the comment that was approved)",
        title="not the plan that was reviewed",
    ),
    "WL406": Advice(
        "Plan again. A longer time stands under `rules`.",
        "(a plan of last week)",
        "(a plan of today)",
        title="the plan is too old",
    ),
    "WL407": Advice(
        "Plan again: it says whether anything is left to do.",
        "(a pipeline that was run twice)",
        "(a new plan, which may be empty)",
        title="the plan is used up",
    ),
    "WL408": Advice(
        "Leave the option out, or plan again with the number.",
        "(`wavelift apply plan.wavelift --allow-destroy 3`, planned without)",
        "(`wavelift plan --allow-destroy 3 --out plan.wavelift`, then `wavelift apply plan.wavelift`)",
        title="planned with another number of destroyed artifacts",
    ),
}
