"""What runs when (S8, S9, S10, S14): pure functions with reasons. No clock, no thread: `now` comes in.

`decide` answers for every candidate with `Start` or `Hold`; `give_way` names cycles that are to release;
`next_delta` says when a cycle is due.
"""

from replication.schedule.decide import decide
from replication.schedule.due import next_delta, next_retry
from replication.schedule.giveway import give_way
from replication.schedule.values import Candidate, Decision, Hold, Policy, Running, Start

__all__ = ["Candidate", "Decision", "Hold", "Policy", "Running", "Start", "decide", "give_way", "next_delta", "next_retry"]
