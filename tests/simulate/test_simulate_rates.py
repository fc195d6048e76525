"""Sharing of the pipes (S8.5, S13)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replication.simulate.rates import Pipes, shares

groups = st.dictionaries(
    st.tuples(st.sampled_from(["h1", "h2", "h3"]), st.sampled_from(["a1", "a2"]), st.booleans()), st.integers(1, 9), min_size=1
)
rate = st.floats(1, 1000)


@given(groups, rate, rate, rate, rate, rate)
def test_no_pipe_carries_more_than_it_can_and_somebody_always_fills_one(streams, link, one, two, host, disk):
    pipes = Pipes(link, {"a1": one, "a2": two}, host, disk)
    found = shares(pipes, streams)
    flow = {group: found[group] * count for group, count in streams.items()}
    close = 1 + 1e-6
    assert sum(flow.values()) <= link * close
    for name, most in pipes.appliances.items():
        assert sum(f for g, f in flow.items() if g[1] == name) <= most * close
    for name in ("h1", "h2", "h3"):
        assert sum(f for g, f in flow.items() if g[0] == name) <= host * close
    assert all(0 < found[group] <= disk * close for group in streams)
    for group in streams:  # nobody could have more without another having less
        full = [
            found[group] * close >= disk,
            sum(flow.values()) * close >= link,
            sum(f for g, f in flow.items() if g[1] == group[1]) * close >= pipes.appliances[group[1]],
            sum(f for g, f in flow.items() if g[0] == group[0]) * close >= host,
        ]
        assert any(full) or group[2]


def test_fair_by_stream_and_what_one_leaves_the_others_take():
    found = shares(Pipes(100, {"a": 100}, 30, 1000), {("h1", "a", False): 3, ("h2", "a", False): 1, ("h3", "a", False): 1})
    assert found == pytest.approx({("h1", "a", False): 10, ("h2", "a", False): 30, ("h3", "a", False): 30})


def test_urgent_streams_go_first_and_leave_a_tenth():
    """S8.5, S13"""
    found = shares(Pipes(100, {"a": 100}, 1000, 1000), {("h1", "a", True): 1, ("h2", "a", False): 5})
    assert found == pytest.approx({("h1", "a", True): 90, ("h2", "a", False): 2})
    found = shares(Pipes(100, {"a": 100}, 1000, 40), {("h1", "a", True): 1, ("h2", "a", False): 5})
    assert found == pytest.approx({("h1", "a", True): 40, ("h2", "a", False): 12})
