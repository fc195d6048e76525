"""Advice on narrowed plans, protection and destroying (WL50x)."""

from __future__ import annotations

from planner.advice.advice import Advice

PROTECTION: dict[str, Advice] = {
    "WL502": Advice(
        "Correct the name or the glob; quote globs, so that the shell leaves them alone.",
        "(`wavelift plan --wave shpo`)",
        "(`wavelift plan --wave shop --exclude 'shop-db-*'`)",
        title="narrowed to what is not there",
    ),
    "WL503": Advice(
        "Leave the options out, or plan again with them.",
        "(`wavelift apply plan.wavelift --wave shop`, planned whole)",
        "(`wavelift plan --wave shop --out plan.wavelift`, then `wavelift apply plan.wavelift`)",
        title="planned with other narrowing options",
    ),
}
