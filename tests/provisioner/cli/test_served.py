"""From the delegation over the write at the provider's API to what the zone's own servers answer: nothing here is staged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from plans.values import Key, Live, Name, RRset, name
from providers.conformance import Bench, Record
from provisioner.dns import PublicLookup, ResolverOptions
from provisioner.exits import Exit
from tests.emulators.serving import HINTS, PublicDns, public_dns
from tests.providers.azure_bench import AzureBench
from tests.providers.cloudflare_bench import CloudflareBench
from tests.providers.route53_bench import Route53Bench
from tests.provisioner.cli.conftest import Provisioner
from tests.provisioner.cli.test_each_provider import SEEDED, Opened, held, on_azure, on_cloudflare, on_rfc2136, on_route53

EVERY = pytest.mark.parametrize("opened", [on_route53, on_cloudflare, on_azure, on_rfc2136])
CONTOSO, FABRIKAM = SEEDED
NEW = {CONTOSO: "0 contoso-example.o-v1.mx.microsoft.", FABRIKAM: "0 fabrikam-example.mail.protection.outlook.com."}


@dataclass
class Place:
    """A provider's account with the seeded zones, and public DNS in which they are delegated to it."""

    bench: Bench
    dns: PublicDns
    resolver: ResolverOptions

    def mx(self, zone: Name) -> Live:
        """Ask the zone's servers, as the program does."""
        key = Key(zone, "MX")
        return PublicLookup(self.resolver).served(zone, [key])[key].held


@contextmanager
def placed(opened: Opened, environment: pytest.MonkeyPatch, folder: Path, provider: str = "") -> Iterator[Place]:
    """Make a place, and a manifest of the quickstart's domains in it; `provider`: the line in place of the account's own."""
    with opened(environment, folder) as (bench, line), public_dns() as dns:
        dns.host(bench.open(SEEDED), bench, SEEDED)
        (folder / "root.hints").write_text(HINTS)
        manifest = folder / "provisioner.yaml"
        text = manifest.read_text().replace("{type: zonefile, directory: zones}", provider or line)
        credentials = "credentials: {arm: {type: token, token: {env: AZURE_TOKEN_OF_A_TEST}}}\n"
        manifest.write_text(f"{text}{credentials}resolver: {{hints: root.hints, port: {dns.world.port}}}\n")
        yield Place(bench, dns, ResolverOptions(hints=folder / "root.hints", port=dns.world.port))


@EVERY
def test_what_is_written_at_the_provider_is_what_its_servers_answer(
    provisioner: Provisioner, quickstart: Path, monkeypatch: pytest.MonkeyPatch, opened: Opened
) -> None:
    with placed(opened, monkeypatch, quickstart) as place:
        before = {zone: place.mx(zone) for zone in SEEDED}
        planned = provisioner("plan", "--out", "plan.jsonl", "--strict")
        assert planned.code == Exit.DONE, planned.out
        assert "staged" not in planned.out
        assert {zone: place.mx(zone) for zone in SEEDED} == before

        applied = provisioner("apply", "plan.jsonl", "--auto-approve")
        assert (applied.code, "2 done; 2 written" in applied.out) == (Exit.DONE, True), applied.out
        for zone, value in NEW.items():
            assert values(place.mx(zone)) == [value]
        again = provisioner("plan", "--detailed-exitcode")
        assert (again.code, again.out.startswith("No changes.")) == (Exit.DONE, True), again.out


@EVERY
def test_a_zone_that_another_operator_serves_is_not_written(
    provisioner: Provisioner, quickstart: Path, monkeypatch: pytest.MonkeyPatch, opened: Opened
) -> None:
    with placed(opened, monkeypatch, quickstart) as place:
        place.dns.delegate(CONTOSO, name("ns1.operator.net"), name("ns2.operator.net"))
        before = held(place.bench)
        planned = provisioner("plan", "--out", "plan.jsonl", "--strict")
        assert planned.code == Exit.REFUSED, planned.out
        assert "not-authoritative" in planned.out
        assert "The parent of contoso.example. names ns1.operator.net, ns2.operator.net;" in planned.out
        assert held(place.bench) == before

        applied = provisioner("apply", "plan.jsonl", "--auto-approve")
        assert (applied.code, "1 done, 1 refused; 1 written" in applied.out) == (Exit.PARTIAL, True), applied.out
        assert {line for line in held(place.bench) ^ before if line.startswith(CONTOSO)} == set()
        assert values(place.mx(FABRIKAM)) == [NEW[FABRIKAM]]


@EVERY
def test_a_change_by_hand_at_the_provider_is_seen_when_it_is_served(
    provisioner: Provisioner, quickstart: Path, monkeypatch: pytest.MonkeyPatch, opened: Opened
) -> None:
    with placed(opened, monkeypatch, quickstart, "{type: manual}") as place:
        assert provisioner("plan", "--out", "plan.jsonl", "--strict").code == Exit.DONE
        assert provisioner("apply", "plan.jsonl", "--auto-approve").code == Exit.WAITING

        for zone, value in NEW.items():
            place.dns.hold_back(zone)
            (ttl,) = {record.ttl for record in place.bench.records(zone) if record.type == "MX"}
            place.bench.put(zone, Key(zone, "MX"), [Record.of(zone, "MX", ttl, value)])
        assert provisioner("apply", "plan.jsonl", "--auto-approve").code == Exit.WAITING
        place.dns.publish(CONTOSO)
        half = provisioner("apply", "plan.jsonl", "--auto-approve")
        assert (half.code, "1 done" in half.out) == (Exit.WAITING, True), half.out

        place.dns.publish(FABRIKAM)
        done = provisioner("apply", "plan.jsonl", "--auto-approve")
        assert (done.code, "2 done; 0 written" in done.out) == (Exit.DONE, True), done.out


def test_while_servers_do_not_answer_alike_nothing_is_seen_to_be_done(
    provisioner: Provisioner, quickstart: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with placed(on_route53, monkeypatch, quickstart, "{type: manual}") as place:
        assert provisioner("plan", "--domain", "contoso.example", "--out", "plan.jsonl").code == Exit.DONE
        place.dns.hold_back(CONTOSO, name("ns-3.awsdns-03.org"))
        place.bench.put(CONTOSO, Key(CONTOSO, "MX"), [Record.of(CONTOSO, "MX", 3600, NEW[CONTOSO])])
        apart = provisioner("apply", "plan.jsonl", "--auto-approve")
        assert (apart.code, "answer differently for contoso.example. MX" in apart.out) == (Exit.ERROR, True), apart.out
        place.dns.publish(CONTOSO)
        assert provisioner("apply", "plan.jsonl", "--auto-approve").code == Exit.DONE


@pytest.mark.parametrize("opened", [on_route53, on_cloudflare, on_azure])
def test_what_an_api_accepts_and_does_not_show_is_waited_for(
    provisioner: Provisioner, quickstart: Path, monkeypatch: pytest.MonkeyPatch, opened: Opened
) -> None:
    with placed(opened, monkeypatch, quickstart) as place:
        assert isinstance(place.bench, Route53Bench | CloudflareBench | AzureBench)
        before, old = held(place.bench), place.mx(CONTOSO)
        assert provisioner("plan", "--domain", "contoso.example", "--out", "plan.jsonl").code == Exit.DONE
        place.bench.neglect(writes=1)
        for written in (1, 0):
            applied = provisioner("apply", "plan.jsonl", "--auto-approve")
            assert (applied.code, f"1 waiting; {written} written" in applied.out) == (Exit.WAITING, True), applied.out
            assert (held(place.bench), place.mx(CONTOSO)) == (before, old)

        place.bench.put(CONTOSO, Key(CONTOSO, "MX"), [Record.of(CONTOSO, "MX", 3600, NEW[CONTOSO])])
        assert provisioner("apply", "plan.jsonl", "--auto-approve").code == Exit.DONE
        assert values(place.mx(CONTOSO)) == [NEW[CONTOSO]]


def values(live: Live) -> list[str]:
    assert isinstance(live, RRset)
    return list(map(str, live.values))
