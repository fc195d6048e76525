"""The demo: an estate, a lab with real file systems on its disks, and a whole migration by the same commands."""
