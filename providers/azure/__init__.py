"""Azure through its own client libraries. Nothing is imported here: the libraries cost seconds and load on first use."""
