"""A lab beside an estate: its processes, the connection, the landing zone."""
