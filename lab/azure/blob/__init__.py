"""Azure Blob Storage and the endpoint behind managed-disk SAS addresses, as the real SDK speaks to them."""
