"""The quickstart's two domains on every provider, by lines of the manifest alone: the same plan, applied and read back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from plans.values import Key, name
from providers.conformance import Bench, Record
from provisioner.exits import Exit
from tests.emulators import azure_dns, cloudflare, dns_update, route53
from tests.providers.azure_bench import AzureBench
from tests.providers.cloudflare_bench import TOKEN, CloudflareBench
from tests.providers.route53_bench import Route53Bench, account
from tests.providers.test_rfc2136_conformance import PrimaryBench
from tests.provisioner.cli.conftest import Provisioner, Ran
from tests.provisioner.cli.golden import GOLDEN

Opened = Callable[[pytest.MonkeyPatch, Path], AbstractContextManager[tuple[Bench, str]]]
"""Opens a provider's emulator, and gives it with the manifest's line for it."""


@contextmanager
def on_route53(environment: pytest.MonkeyPatch, folder: Path) -> Iterator[tuple[Bench, str]]:
    with account(environment, folder) as held:
        yield Route53Bench(held), f"{{type: route53, endpoint: '{held.emulator.url}'}}"


@contextmanager
def on_cloudflare(environment: pytest.MonkeyPatch, _folder: Path) -> Iterator[tuple[Bench, str]]:
    environment.setenv("CLOUDFLARE_TOKEN_OF_A_TEST", TOKEN)
    with cloudflare.running(cloudflare.CloudflareEmulator(TOKEN)) as emulator:
        option = f"token: {{env: CLOUDFLARE_TOKEN_OF_A_TEST}}, endpoint: '{emulator.endpoint}'"
        yield CloudflareBench(emulator), f"{{type: cloudflare, {option}}}"


@contextmanager
def on_azure(environment: pytest.MonkeyPatch, _folder: Path) -> Iterator[tuple[Bench, str]]:
    environment.setenv("AZURE_TOKEN_OF_A_TEST", azure_dns.TOKEN)
    with azure_dns.running(azure_dns.AzureDnsEmulator()) as emulator:
        options = f"subscription: {azure_dns.SUBSCRIPTION}, credential: arm, endpoint: '{emulator.url}'"
        yield AzureBench(emulator), f"{{type: azure, {options}}}"


@contextmanager
def on_rfc2136(_environment: pytest.MonkeyPatch, folder: Path) -> Iterator[tuple[Bench, str]]:
    (folder / "update.key").write_text(dns_update.KEY_FILE)
    with dns_update.running(dns_update.Primary()) as primary:
        options = f"server: 127.0.0.1, port: {primary.port}, tsig: {{file: update.key}}"
        yield PrimaryBench(primary, "query"), f"{{type: rfc2136, {options}}}"


SECRETS = (route53.SECRET, TOKEN, azure_dns.TOKEN, dns_update.SECRET)
SEEDED = {
    name("contoso.example"): [
        Record.of("contoso.example", "MX", 3600, "0 contoso-example.mail.protection.outlook.com."),
        Record.of("www.contoso.example", "A", 300, "192.0.2.20"),
    ],
    name("fabrikam.example"): [
        Record.of("fabrikam.example", "MX", 14400, "5 fabrikam-example.mail.eo.outlook.com."),
        Record.of("fabrikam.example", "TXT", 3600, '"v=spf1 -all"'),
    ],
}


@pytest.mark.parametrize("opened", [on_route53, on_cloudflare, on_azure, on_rfc2136])
def test_the_same_plan_on_every_provider(
    provisioner: Provisioner, quickstart: Path, monkeypatch: pytest.MonkeyPatch, opened: Opened
) -> None:
    with opened(monkeypatch, quickstart) as (bench, line):
        bench.open(SEEDED)
        manifest = quickstart / "provisioner.yaml"
        text = manifest.read_text().replace("{type: zonefile, directory: zones}", line)
        credentials = "credentials: {arm: {type: token, token: {env: AZURE_TOKEN_OF_A_TEST}}}\n"
        manifest.write_text(text.replace("defaults: {", "defaults: {staged: true, ") + credentials)

        planned = provisioner("plan", "--out", "plan.jsonl")
        assert planned.code == Exit.DONE
        assert planned.err.startswith("Requests: ")
        assert told(planned) == (GOLDEN / "plan.txt").read_text()

        applied = provisioner("apply", "plan.jsonl", "--auto-approve")
        assert applied.code == Exit.DONE, applied.out
        assert "2 done; 2 written" in applied.out
        assert held(bench) == {
            "contoso.example. 3600 MX 0 contoso-example.o-v1.mx.microsoft.",
            "www.contoso.example. 300 A 192.0.2.20",
            "fabrikam.example. 14400 MX 0 fabrikam-example.mail.protection.outlook.com.",
            'fabrikam.example. 3600 TXT "v=spf1 -all"',
        }
        again = provisioner("plan", "--detailed-exitcode")
        assert (again.code, again.out) == (Exit.DONE, "No changes. The MX of 2 domains is what Microsoft Graph asks for.\n")

        kept = b"".join(path.read_bytes() for path in sorted(quickstart.rglob("*")) if path.is_file() and path.suffix != ".key")
        outputs = "".join(ran.out + ran.err for ran in (planned, applied, again))
        assert not [secret for secret in SECRETS if secret in outputs or secret.encode() in kept]

        bench.put(name("contoso.example"), Key(name("contoso.example"), "MX"), [])
        edited = provisioner("plan")
        assert "+ CREATE contoso.example. MX" in edited.out


def told(ran: Ran) -> str:
    """Give a plan's text without what a staged zone adds, and without the plan's id."""
    text = re.sub(r"  i notice: staged\n.*\n.*\n", "", ran.out)
    return re.sub(r"\b[0-9a-f]{12}\b", "<plan id>", text)


def held(bench: Bench) -> set[str]:
    return {f"{one.owner} {one.ttl} {one.type} {one.value}" for zone in SEEDED for one in bench.records(zone)}
