"""Advice on broken rules and on forecasts (WL48x)."""

from __future__ import annotations

from planner.advice.advice import Advice

_MEANT = "When it is meant, whoever owns the rules changes the rule."

RULES: dict[str, Advice] = {
    "WL480": Advice(
        "Correct the name, or take it out of the rule.",
        "rules: {domain: {never_together: [dc-01, ghost]}}\n",
        "rules: {domain: {never_together: [dc-01, dc-02]}}\n",
        title="a rule names what is not there",
    ),
    "WL481": Advice(
        f"Put both machines into one wave, or let the wave wait for the other one with `after`. {_MEANT}",
        "rules: {shop: {depends_on: {shop-web: [shop-db]}}}   # shop-db is in a wave that comes later\n",
        "rules: {shop: {depends_on: {shop-web: [shop-db]}}}   # both are in one wave\n",
        title="a dependency moves later",
    ),
    "WL482": Advice(
        f"Put them into different waves whose windows open in different nights. {_MEANT}",
        "rules: {domain: {never_together: [dc-01, dc-02]}}   # both are in one wave\n",
        "rules: {domain: {never_together: [dc-01, dc-02]}}   # two waves, two weekends\n",
        title="machines that never go together",
    ),
    "WL483": Advice(
        f"Split the wave, or put it together with another. {_MEANT}",
        "rules: {shape: {wave_size: {max: 40}}}   # a wave has 41 machines\n",
        "rules: {shape: {wave_size: {max: 40}}}   # two waves with 21 and 20\n",
        title="wave too small or too large",
    ),
    "WL484": Advice(
        f"Give some machines a window in another night; without windows, apply fewer at once. {_MEANT}",
        "rules: {nights: {max_cutovers_a_night: 3}}   # four windows open in one night\n",
        "rules: {nights: {max_cutovers_a_night: 3}}   # three and one\n",
        title="too many cut-overs a night",
    ),
    "WL485": Advice(
        f"Give the cut-over a window on another day; one without a window is applied on another day. {_MEANT}",
        "rules: {calm: {no_cutover: {weekly: [{days: Fri}]}}}   # window: 2027-01-15 22:00/23:00, a Friday\n",
        "rules: {calm: {no_cutover: {weekly: [{days: Fri}]}}}   # window: 2027-01-16 22:00/23:00\n",
        title="cut-over on a forbidden day",
    ),
    "WL486": Advice(
        f"Ask for a size, a region and tags that the rule allows. {_MEANT}",
        "rules: {small: {sizes: [Standard_D*]}}   # a machine asks for Standard_M128s\n",
        "rules: {small: {sizes: [Standard_D*]}}   # it asks for Standard_D16s_v5\n",
        title="not allowed by a rule",
    ),
    "WL487": Advice(
        f"Read what the plan destroys; take it in smaller parts. {_MEANT}",
        "rules: {careful: {max_destroys: 4}}   # the plan destroys 12\n",
        "rules: {careful: {max_destroys: 4}}   # three plans that destroy 4 each\n",
        title="the plan destroys too much",
    ),
    "WL488": Advice(
        "Choose a longer window or budget, or a time when the guest writes less; `wavelift churn` shows what it writes.",
        "(a window of 20 minutes, and a cut-over that takes up to 25 by what its cycles have measured)",
        "(a window of an hour)",
        title="cut-over will not fit",
    ),
    "WL489": Advice(
        "Give the machine a window that no blackout, no rule and no other night's places cover; `wavelift forecast` prints the "
        "earliest legal start of every machine.",
        "(a window of Sunday 01:00 to 05:00, and a blackout from Saturday 22:00 to Sunday 06:00 with `in_blackout: wait`)",
        "(a window of Sunday 06:30 to 10:00)",
        title="cut-over may never begin",
    ),
    "WL490": Advice(
        "Make room on the datastore, move machines off it, or begin with fewer machines: `plan --wave`, `--exclude`.",
        "(twenty machines on one datastore whose snapshots may grow to 300 GiB, and 120 GiB are free)",
        "(five of them at a time)",
        title="a datastore may fill",
    ),
}
