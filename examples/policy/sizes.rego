# No M and L sizes; premium disks only in waves named prod-*.
package wavelift.sizes

import future.keywords.contains
import future.keywords.if

dear := {"Standard_M", "Standard_L"}

deny contains message if {
	some i, j, k, family
	size := input.steps[i].makes[j].spec.sizes[k]
	dear[family]
	startswith(size, family)
	message := sprintf("%s: size %s", [input.steps[i].machine, size])
}

deny contains message if {
	some i, j
	step := input.steps[i]
	disk := step.makes[j]
	startswith(disk.spec.sku, "Premium")
	not startswith(step.wave, "prod-")
	message := sprintf("%s: %s outside of prod-*", [disk.address, disk.spec.sku])
}
