"""Writing break-glass commands: by whom, under which number, and the one that `apply` writes for a pull request."""

from __future__ import annotations

import getpass
import os
import socket
import time
from dataclasses import replace

from replication.model.command import Command, Verb
from replication.model.documents import command_name, dumps, load_command, load_record, number_of, record_name
from replication.model.errors import Conflict
from replication.model.record import Record
from replication.model.standing import standing
from replication.ports import DocumentStore
from wavelift.problems import UserProblem


def put_next(documents: DocumentStore, record: Record, command: Command) -> Command:
    """Write `command` under the next free number of its machine."""
    for _ in range(20):
        names = documents.list(f"commands/{command.machine}/")
        made = replace(command, number=max([record.commands, *(number_of(name) or 0 for name in names)]) + 1)
        try:
            documents.put(command_name(made.machine, made.number), dumps(made), None)
        except Conflict:
            continue
        return made
    raise UserProblem("Others keep writing commands for this machine. Look at `wavelift status` first.")


def acknowledge(documents: DocumentStore, machine: str, since: float, word: str, why: str) -> None:
    """Tell the engine that what stands since `since` is acknowledged. Done or told already is success."""
    found = documents.get(record_name(machine))
    record = load_record(found[0]) if found is not None else None
    stands = standing(record) if record is not None else None
    if record is None or stands is None or stands.since != since:
        return
    for name in documents.list(f"commands/{machine}/"):
        told = documents.get(name) if (number_of(name) or 0) > record.commands else None
        if told is not None and load_command(told[0]).since == since:
            return
    put_next(documents, record, Command(machine, 0, Verb.ACKNOWLEDGE, who(), why, time.time(), since=since, word=word))


def who() -> str:
    """The person as this host knows them; WAVELIFT_WHO where a pipeline speaks for somebody."""
    return os.environ.get("WAVELIFT_WHO") or f"{getpass.getuser()}@{socket.gethostname()}"
