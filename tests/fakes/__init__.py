"""In-memory implementations of every port in `replication.ports` that keep the ports' contracts, for quick tests."""
