"""Tests; the folders with an `__init__` are packages below this one, so that none of them hides a package of the product."""
