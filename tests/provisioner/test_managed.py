"""Many tenants are asked side by side, and what they tell comes in their order."""

from __future__ import annotations

import threading
from pathlib import Path

from plans.desired import Cloud
from provisioner.managed import AT_ONCE, told_by
from provisioner.manifest.model import AzureCli, Credential, LiveTenant, Location, SavedTenant, Tenant

WHERE = Location(Path("provisioner.yaml"), 3)
CREDENTIAL = Credential("az", AzureCli(), WHERE)
LIVE = [LiveTenant(f"live-{number}", "contoso.example", CREDENTIAL, Cloud.GLOBAL, WHERE) for number in range(2 * AT_ONCE)]
SAVED = [SavedTenant(f"saved-{number}", Path("contoso.json"), Cloud.GLOBAL, WHERE) for number in range(3)]


def test_live_ones_are_asked_together_and_saved_answers_are_read_one_by_one_when_their_turn_comes() -> None:
    together, here = threading.Barrier(AT_ONCE), threading.get_ident()

    def question(tenant: Tenant) -> str:
        if isinstance(tenant, LiveTenant):
            together.wait(20)  # breaks, if fewer are asked at a time
        else:
            assert threading.get_ident() == here
        return tenant.label

    asked: list[Tenant] = [SAVED[0], *LIVE[:5], SAVED[1], *LIVE[5:], SAVED[2]]
    assert list(told_by(question, asked, lambda one: one)) == [one.label for one in asked]
