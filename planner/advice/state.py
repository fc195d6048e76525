"""Advice on the recorded state and on versions that do not fit (WL42x)."""

from __future__ import annotations

from planner.advice.advice import Advice

STATE: dict[str, Advice] = {
    "WL420": Advice(
        "Put the newest good copy back: a backup of the file, an earlier version of the blob. Without any, move the damaged "
        "one aside and run `wavelift plan`: it finds what carries the estate's tags; see docs/state.md, \"State lost\".",
        "(.wavelift/state.json cut off in the middle by a full disk)",
        "(the copy of it that was made after the last apply)",
        "state is damaged",
    ),
    "WL421": Advice(
        "Upgrade the wavelift that reads it to the release that is named, or a later one.",
        "(a laptop with an old wavelift beside a pipeline with a new one)",
        "(the same release for all that share a state)",
        "state of a newer release",
    ),
    "WL422": Advice(
        "Name the right place under `state`, or put the estate's name back.",
        "(`estate: {name: seoul-exit-2, …}` where the state is of seoul-exit)",
        "(`estate: {name: seoul-exit, …}`, or another place under `state`)",
        "state of another estate",
    ),
    "WL423": Advice(
        "Put the newest state back. Where there is none, keep a copy of the journal, move it aside and run `wavelift plan`.",
        "(an old state.json restored beside a newer state.json.journal)",
        "(the state.json that the journal goes on from)",
        "journal does not fit its state",
    ),
    "WL424": Advice(
        "Run `wavelift init --bootstrap`, or correct `state.azure_blob`.",
        "(`container: wavelfit`, where the container is called wavelift)",
        "(`container: wavelift`)",
        "no place for the state",
    ),
    "WL425": Advice(
        "Restore the newest one where it lies. To push: `wavelift state pull`, change that text; --force asks for what is lost.",
        "(a state that was pulled last week)",
        "(one that was pulled just now)",
        "older state, or one of another lineage",
    ),
    "WL426": Advice(
        "Upgrade the side that the message names; engines first, then those who apply.",
        "(an engine of release 0.1 and an apply of release 0.3)",
        "(both of one release)",
        "versions do not fit together",
    ),
    "WL429": Advice(
        "Do what the message says of that kind of document. An earlier version of the blob is best; else a record may be "
        "deleted while the engine is stopped: the machine is then stopped and replicated anew, a migrated one left alone.",
        "(records/….json cut off in the middle)",
        "(the blob as the engine wrote it)",
        "a document is damaged",
    ),
    "WL427": Advice(
        "Run the command of the message, or have somebody run it who may assign roles; a new role takes some minutes.",
        "(a login that has Reader on the subscription, and no role for blobs)",
        "(Storage Blob Data Reader on the state's account to plan, Storage Blob Data Contributor to apply)",
        "the state may not be read or written",
    ),
    "WL428": Advice(
        "Upgrade the engine on its host and start it; until then nothing replicates there.",
        "(apply of release 0.3, where the engine that was stopped last week is of release 0.1)",
        "(both of one release)",
        "an older engine is silent",
    ),
}
