"""Advice on narrowed plans, protection and destroying (WL50x)."""

from __future__ import annotations

from planner.advice.advice import Advice

PROTECTION: dict[str, Advice] = {
    "WL501": Advice(
        "Release it in two steps (`protect: false`, apply; then take it out), or state in `removed` that it leaves.",
        "(a wave file with `protect: true` was lost in a merge)",
        "removed: [{machine: web-07, destroy: true, why: INC-881}]\n",
        title="it is protected",
    ),
    "WL504": Advice(
        "Write the name that `wavelift state list` shows, or remove the entry.",
        "removed: [{machine: web-7, destroy: true, why: INC-881}]\n",
        "removed: [{machine: web-07, destroy: true, why: INC-881}]\n",
        title="removed, and never there",
    ),
    "WL506": Advice(
        "Mend what is named (space, rights, an engine that has a report to sign), then run `destroy` again.",
        "(`wavelift destroy` with the evidence folder on a full disk)",
        "(`wavelift destroy --evidence /srv/evidence`)",
        title="the evidence could not be exported",
    ),
    "WL507": Advice(
        "Keep the machine's name and bind it to its VM's new instance uuid: `wavelift state rebind`.",
        "(a VM restored from a backup, under another name in the files)",
        "(the old name in its wave, and `wavelift state rebind`)",
        title="this looks like a move",
    ),
    "WL530": Advice(
        "Take the machine out of its wave.",
        "(`wavelift release web-01`, and its line is still in waves/pilot.yaml)",
        "(the line is taken out with the next pull request)",
        title="released, and still in the files",
    ),
    "WL531": Advice(
        "Take the machine out of its wave; or, if it is to replicate once more, `wavelift release --undo` first.",
        "(`web-01`, released, stands in a wave with `phase: replicate`)",
        "(the same, after `wavelift release web-01 --undo --why INC-881`)",
        title="a released machine is asked for again",
    ),
    "WL540": Advice(
        "Take the line out.",
        "waves: {shop: {target: korea, machines: {web-01: {size: Standard_D2s_v5, acknowledge: INC-881}}}}\n",
        "waves: {shop: {target: korea, machines: {web-01: Standard_D2s_v5}}}\n",
        title="nothing to acknowledge",
    ),
    "WL541": Advice(
        "Name the one that stands, by its reason or its number; or take the line out.",
        "(`acknowledge: INC-881`, and the machine is held by INC-900)",
        "waves: {shop: {target: korea, machines: {web-01: {size: Standard_D2s_v5, acknowledge: INC-900}}}}\n",
        title="another intervention than the one that stands",
    ),
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
