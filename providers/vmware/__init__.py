"""vCenter and ESXi through pyVmomi. Importing this package loads no SDK: `sdk.load` does, when first needed."""
