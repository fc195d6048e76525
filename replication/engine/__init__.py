"""The replication engine around the pure core: gateway, applier, cycles, orders and the coordinator that runs them."""
