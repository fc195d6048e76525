# At most three cut-overs in one plan, each in a window.
package wavelift.cutovers

import future.keywords.contains
import future.keywords.if

most := 3

cutovers[step.machine] = step if {
	some i
	step := input.steps[i]
	step.step == "SendOrder"
	step.order == "migrate"
}

deny contains message if {
	count(cutovers) > most
	message := sprintf("%d cut-overs in one plan; at most %d", [count(cutovers), most])
}

deny contains message if {
	some machine
	cutovers[machine].document.cutover.opens == null
	message := sprintf("%s: cut over without a window", [machine])
}
