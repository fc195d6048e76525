"""Golden plan cases, a machine's life: from the first plan through test and migration to completion, or out of the estate."""

from __future__ import annotations

from dataclasses import replace

from replication.model.item import OrderKind
from replication.model.record import HoldMark, OrderProgress
from tests.planner.site import vm
from tests.planner.story import Story, case

SHOP = """\
  shop:
    target: korea
    phase: {phase}
    after: {{pilot: migrated}}
    machines: {{db-01: Standard_E8s_v5}}
"""


@case
def first_plan(story: Story) -> None:
    story.site.vms["web-01"] = vm(1, "web-01", (8, 16), tracking=False)
    story.wave("test", more=SHOP.format(phase="replicate"))


POLICIES = """\
policies:
  blackout: {payroll: "Friday;18:00;5h", db_hours: {weekly: [{days: Mon-Fri, time: 09:00-12:00}]}}
  cutover: {night: {in_blackout: refuse}}
appliances:
  gw-2: {role: scale-out, source: seoul, blackout: payroll, schedule: {initial_in_blackout: release-and-resume}}
"""


@case
def first_plan_with_windows(story: Story) -> None:
    story.site.files(policies=POLICIES)
    story.wave("replicate", machines="web-01: {size: Standard_D2s_v5, blackout: db_hours}")


@case
def migrate_refused_in_windows(story: Story) -> None:
    story.site.files(policies=POLICIES)
    story.replicated()
    story.wave("migrate", machines="web-01: {size: Standard_D2s_v5, blackout: db_hours, cutover: night}")


@case
def no_op_after_apply(story: Story) -> None:
    story.replicated()


@case
def renamed_in_yaml(story: Story) -> None:
    story.replicated()
    story.wave("replicate", "shop-web: {vm: web-01, size: Standard_D2s_v5}")


@case
def renamed_in_vmware(story: Story) -> None:
    story.replicated()
    story.site.vms["web-01"] = replace(vm(1, "SHOP WEB 1"), path="/Seoul/vm/new/SHOP WEB 1")


@case
def moved_to_another_wave(story: Story) -> None:
    story.wave("replicate", "web-01: Standard_D2s_v5, web-02: Standard_D2s_v5")
    story.site.go()
    late = "  late:\n    target: korea\n    phase: replicate\n    machines: {web-02: Standard_D2s_v5}\n"
    story.wave("replicate", more=late)


@case
def test_deferred_in_initial_replication(story: Story) -> None:
    story.wave("replicate")
    story.site.go(engine=False)
    story.wave("test")


@case
def test_(story: Story) -> None:
    story.replicated("test")


@case
def test_in_progress(story: Story) -> None:
    story.replicated("test")
    story.site.go(engine=False)


@case
def test_done(story: Story) -> None:
    story.replicated("test")
    story.site.go()


@case
def test_vm_removed_by_hand(story: Story) -> None:
    test_done(story)
    story.site.azure.remove(story.site.workspace.view().state.artifacts["test_vm.web-01"].id)


@case
def test_failed_again(story: Story) -> None:
    story.replicated("test")
    story.site.engine.refuse[OrderKind.TEST] = "no capacity for any of Standard_D2s_v5"
    story.site.go()


@case
def back_from_test(story: Story) -> None:
    test_done(story)
    story.wave("replicate")


@case
def migrate_from_test(story: Story) -> None:
    test_done(story)
    story.wave("migrate")


@case
def migrate_in_progress(story: Story) -> None:
    story.replicated("migrate")
    story.site.go(engine=False)


@case
def migrate_failed_again(story: Story) -> None:
    story.replicated("migrate")
    story.site.engine.refuse[OrderKind.MIGRATE] = "the guest did not shut down within 600 s"
    story.site.go()


@case
def migrate_on_hold(story: Story) -> None:
    story.replicated()
    story.wave("migrate", "web-01: {size: Standard_D2s_v5, hold: {why: INC-881, until: 2027-01-20}}")


def held(story: Story, name: str, why: str, number: int = 1) -> None:
    """`wavelift hold` was said and obeyed."""
    (documents,) = story.site.engine.stores.values()
    uuid = story.site.vms[name].uuid
    mark = HoldMark("kim@ops", why, 1_800_000_000.0, number=number)
    documents.records[uuid] = replace(documents.records[uuid], hold=mark, commands=number)


@case
def held_by_a_person(story: Story) -> None:
    story.replicated("migrate")
    held(story, "web-01", "INC-881")


@case
def hold_acknowledged(story: Story) -> None:
    story.replicated()
    story.wave("migrate", "web-01: {size: Standard_D2s_v5, acknowledge: INC-881}")
    held(story, "web-01", "INC-881")


@case
def acknowledges_what_does_not_stand(story: Story) -> None:
    story.wave("replicate", "web-01: Standard_D2s_v5, web-02: Standard_D2s_v5")
    story.site.go()
    each = "{size: Standard_D2s_v5, acknowledge: INC-881}"
    story.wave("migrate", f"web-01: {each}, web-02: {each}")
    held(story, "web-01", "INC-900", 4)


@case
def held_cut_over_acknowledged(story: Story) -> None:
    story.replicated("migrate")
    story.site.go(engine=False)
    story.wave("migrate", "web-01: {size: Standard_D2s_v5, acknowledge: 2}")
    held(story, "web-01", "INC-881 & more", 2)
    (documents,) = story.site.engine.stores.values()
    uuid = story.site.vms["web-01"].uuid
    progress = OrderProgress(1, documents.orders[uuid, 1].id, OrderKind.MIGRATE, ())
    documents.records[uuid] = replace(documents.records[uuid], order=progress)


@case
def migrate_after_another_wave(story: Story) -> None:
    story.wave("replicate", more=SHOP.format(phase="replicate"))
    story.site.go()
    story.wave("migrate", more=SHOP.format(phase="migrate"))


@case
def migrated(story: Story) -> None:
    story.replicated("migrate")
    story.site.go()


@case
def complete_from_delta(story: Story) -> None:
    story.replicated("complete")


@case
def complete_from_migrated(story: Story) -> None:
    migrated(story)
    story.wave("complete")


@case
def completed(story: Story) -> None:
    complete_from_migrated(story)
    story.site.go()


@case
def completed_and_its_source_deleted(story: Story) -> None:
    completed(story)
    del story.site.vms["web-01"]


@case
def migrated_going_back(story: Story) -> None:
    migrated(story)
    story.wave("test")


@case
def leaves_while_replicating(story: Story) -> None:
    story.wave("replicate", more=SHOP.format(phase="replicate"))
    story.site.go()
    story.wave("replicate")


@case
def leaves_and_may_be_destroyed(story: Story) -> None:
    leaves_while_replicating(story)
    story.ask["allow_destroy"] = 1


@case
def leaves_with_the_wrong_number(story: Story) -> None:
    leaves_while_replicating(story)
    story.ask["allow_destroy"] = 3


@case
def leaves_after_its_migration(story: Story) -> None:
    story.wave("replicate", more=SHOP.format(phase="replicate"))
    story.site.go()
    for phase in ("migrate", "complete"):
        story.wave(phase, more=SHOP.format(phase="replicate"))
        story.site.go()
    story.site.files(waves="waves:\n" + SHOP.format(phase="replicate").replace("    after: {pilot: migrated}\n", ""))
