"""What the codes outside the estate's files mean: code -> one or two sentences. A new diagnostic gets its line here.

A test fails when the product makes one that is not here, or lost one.
"""

from __future__ import annotations

MEANING: dict[str, str] = {
    "WL200": "Source, name or path is wrong, or the VM left vCenter. Correct `vm`, or the machine's key in its wave.",
    "WL201": "Several VMs have that name. Give the inventory path in `vm`.",
    "WL202": (
        "The instance uuid of the lock file is in no VM of the source. If the VM was restored or registered anew, remove its "
        "entry from the lock file and run `wavelift init`."
    ),
    "WL203": "Two machines of the estate resolve to one instance uuid. Remove one.",
    "WL210": "There is nothing to replicate.",
    "WL211": "A key under `disks` fits no disk. Keys are `os`, a place such as `scsi0:1`, or the label in vCenter.",
    "WL212": "Two keys under `disks` mean one disk.",
    "WL213": "A VM without the disk that it boots from would not start.",
    "WL214": "`gib` is less than the source disk holds. A disk can grow on its way and never shrink.",
    "WL215": "A key under `nics` is a number that the VM has no adapter for; the first is 0.",
    "WL216": "The target's `subnets` lacks the port group of an adapter.",
    "WL217": "Every adapter is left out.",
    "WL310": "Something with the name that the plan needs is there without this estate's tags. It is never taken over.",
    "WL311": "The change would mean to delete and make anew, which is not done for you.",
    "WL312": "A renamed machine takes the name of one that the state still has. Go through a third name, or stop that one first.",
    "WL320": "Every appliance of the source has as many machines as its limit allows (S10). Declare one with `role: scale-out`.",
    "WL321": "Phase `replicate` or `test` of a machine that is migrated already.",
    "WL330": "`--allow-destroy` must name the number that the plan prints, so that nobody destroys more than was read.",
    "WL340": "The login may not look. The plan goes on without these checks and says so.",
    "WL341": "A resource group that is not `managed` must exist.",
    "WL342": "`vnet` or `test_vnet` of a target is not there. Networks belong to the landing zone.",
    "WL343": "A VM needs a network in its own region.",
    "WL344": "The virtual network lacks a subnet that `subnets` names.",
    "WL345": "The region, or the subscription in it, does not offer the size.",
    "WL346": "Whether somebody has a role cannot be told from here; the text says why. Listed under NOT CHECKED in the plan.",
    "WL347": "S4: a role is missing; the text names principal, role and scope, and the command that grants it.",
    "WL348": (
        "S14: initial replications take long, and windows will open while they run. The text says what happens then, by the "
        "schedule policy's `initial_in_blackout`."
    ),
    "WL560": "Azure's licence types are each for one OS type. A default for a wave with both needs `licence: none` on some.",
    "WL561": "Trusted launch is of generation 2 alone; a source that starts from BIOS becomes generation 1.",
    "WL562": "The size's capabilities say that trusted launch is disabled. Every size of the list must support it.",
    "WL563": "A disk encryption set must be there, in region and subscription of the disks, with keys of a customer.",
    "WL564": "The region has the size, and not in the zone that the machine asks for.",
    "WL566": "Said once for each OS type while machines of it are about to start in Azure: what its owner vouches for.",
    "WL430": "By the size's capabilities (data disks, adapters, generation, zone, premium disks) none of the list can be the VM.",
    "WL431": "An address is outside of its subnet, is Azure's own there, is asked for twice, or is held by another NIC.",
    "WL433": "The region's vCPU quota is too small for what is to start there; it is asked again before a power-off.",
    "WL432": "A network interface holds the address that this machine asks for. An error once the machine is to be cut over.",
    "WL570": "`azure.existing` names something that the subscription does not hold, or in another group than it says.",
    "WL571": "What others have made is used as it is; the text names each thing about it that the design cannot live with.",
    "WL572": "An existing artifact answers inside of its virtual network alone. Said in every plan, since other hosts plan too.",
    "WL441": "The rights that count are those of whoever is signed in. Sign in as the declared identity, or declare this one.",
    "WL442": "Privileges in vCenter cannot be told from here. Listed under NOT CHECKED; apply checks before it starts.",
    "WL443": "A plan-only login needs Storage Blob Data Reader on the gateway stores; `azure.identities.plan` has it assigned.",
    "WL491": "No machine that is pinned to this source is in the inventory file: a plan would take all of them for gone.",
    "WL445": "The plan shows how old the inventory is that it was made from. Listed under NOT CHECKED; apply looks again.",
    "WL447": "`plan --inventory` needs every source that a machine comes from.",
    "WL448": "`inventory_max_age` of the source says how old an inventory may be that a plan is made from.",
    "WL444": "The login's role in vCenter lacks privileges; the text names them and the machines.",
    "WL400": "There is no plan file of that name, or it is something else.",
    "WL401": "A plan file holds a sha256 of its plan and a checksum of the rest; one does not fit, or the end is missing.",
    "WL402": "Every wavelift reads the formats that it names.",
    "WL403": "A plan holds the estate's name and the state's lineage.",
    "WL404": (
        "What a step of the plan file rests on is not what it was: existence, ids, properties that we set, the class of a "
        "machine's life, or what the files ask for. Cycles, hosts, free space and the state's serial do not count. All that "
        "moved is listed; nothing was changed. Exit code 3."
    ),
    "WL405": (
        "`apply --expect-sha` names another plan than the one at hand. Exit code 5 for a file, 3 for a plan that was just made."
    ),
    "WL406": "Plan files can be applied for 72 hours, or for the `plan_valid` of a rule. Exit code 3.",
    "WL407": "The state remembers which steps of which plan are done: a plan is applied once. Exit code 3.",
    "WL408": "A plan file carries the number that it was planned with.",
    "WL480": "A rule about a machine or a wave that the estate does not have would never be broken; a pattern may match none.",
    "WL481": "`rules`, `depends_on`: a machine would move before one that it depends on.",
    "WL482": "`rules`, `never_together`: two of these machines are in one wave, or their windows open in one night.",
    "WL483": "`rules`, `wave_size`: a wave has fewer or more machines than the rule allows.",
    "WL484": "`rules`, `max_cutovers_a_night`: a night goes from noon to noon by the estate's clocks.",
    "WL485": "`rules`, `no_cutover`: a window meets a day on which nothing is cut over, or the apply would begin on one.",
    "WL486": "`rules`, `sizes`, `regions` or `required_tags`: a machine asks for what the rule does not allow.",
    "WL487": "`rules`, `max_destroys`: data-bearing artifacts of one plan, whatever `--allow-destroy` says.",
    "WL420": "What lies where the state should be is no state of wavelift, or is cut or changed.",
    "WL421": "The state was written by a newer wavelift, which is named; this one does not know its form.",
    "WL422": "The state is that of an estate of another name: the place of the state is wrong, or the name.",
    "WL423": "The journal beside the state goes on from another one, or cannot be read: one of them was replaced by hand.",
    "WL424": "The storage account or container that `state.azure_blob` names is not there.",
    "WL488": "By what its cycles have measured, the cut-over takes longer than its window or its downtime budget.",
    "WL489": "Window, blackout, days that rules close and cut-overs a night leave no time at which the cut-over may begin.",
    "WL490": "By churn (measured, or assumed) the snapshots of initial replications would need more than a datastore has free.",
    "WL425": "A state older than what was recorded, or of another lineage, is refused: pushed, put back by hand, or gone.",
    "WL501": "A machine that the state has as protected would lose its replicas, by leaving the files or otherwise.",
    "WL504": "`removed` names a machine that the state does not have: most likely misspelled.",
    "WL506": "`destroy` exports the evidence first, and something of it could not be read or written.",
    "WL507": "A machine that leaves and one that begins have the same disks.",
    "WL530": "The machine was handed over with `wavelift release`. A wave still holds it; nothing is done with it.",
    "WL531": "The machine was handed over with `wavelift release`, and the files ask to replicate it once more.",
    "WL540": "`acknowledge` names no intervention that stands: it has done its work, or never had any.",
    "WL541": "`acknowledge` names another intervention than the one that stands: a later hold is not ended by an old word.",
    "WL502": "A name or glob that narrows a plan fits nothing that is there.",
    "WL503": "A plan file carries the options that narrowed it.",
    "WL426": "Apply and engine exchange documents, and one of the two found a newer form than it knows.",
    "WL429": "A document that apply and engine exchange is cut off or changed; its blob is named. No release could read it.",
    "WL427": "The login of this command has no role that lets it read, or write, the blobs of the state.",
    "WL428": "The engine that last was in a region is of an older release and silent: it will not read what is written now.",
}
WARNINGS = frozenset(
    [
        "WL340",
        "WL346",
        "WL348",
        "WL432",
        "WL433",
        "WL566",
        "WL572",
        "WL507",
        "WL530",
        "WL540",
        "WL541",
        "WL428",
        "WL441",
        "WL442",
        "WL445",
        "WL488",
        "WL489",
        "WL490",
    ]
)
"""Codes of `MEANING` that stop nothing; a test holds them against the product."""
