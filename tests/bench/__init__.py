"""Figures: how long, how much, how fast. `make bench`, or `python -m tests.bench [--only NAME…] [--list]`."""
