"""The engine's host: where the replication engine runs, what it may reach and run, what it tells others."""
