"""The recorded state where it lies: opened, who may use it, changed by hand."""
