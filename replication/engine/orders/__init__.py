"""Orders: what the engine carries to its end from its own journal, whoever asked for it may be gone."""
