"""vCenter's inventory as files: recorded for a plan elsewhere, or turned into an estate."""
