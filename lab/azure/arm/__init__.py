"""Azure Resource Manager: router, store, long-running operations, authorization and the resource types."""
