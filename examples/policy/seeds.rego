# A seed may go only with the stop that follows a finished migration (phase `complete`).
package wavelift.seeds

import future.keywords.contains
import future.keywords.if

deny contains message if {
	some i
	step := input.steps[i]
	step.step == "Delete"
	startswith(step.address, "seed_disk.")
	message := sprintf("%s would be destroyed", [step.address])
}

deny contains message if {
	some i, j
	step := input.steps[i]
	step.step == "SendOrder"
	step.order == "stop"
	step.wave == null
	address := step.removes[j]
	startswith(address, "seed_disk.")
	message := sprintf("%s would be destroyed: its machine left the estate", [address])
}
