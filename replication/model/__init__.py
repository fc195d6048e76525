"""Values of the replication engine: pure, shared by planner, engine and providers. Import from the modules below."""
