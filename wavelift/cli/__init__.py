"""The command line: one module per verb, each importing what it needs when it runs (`--help` must not pay for Azure)."""
