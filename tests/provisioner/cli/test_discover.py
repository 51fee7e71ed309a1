"""`discover`: entries for what tenants and providers hold and the manifest does not name, and comments on the rest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from provisioner.exits import Exit
from tests.emulators import graph, graph_tenants
from tests.provisioner.cli.conftest import Provisioner

TTLS = (0, 1, 30, 60, 300, 600, 900, 1800, 3600, 7200, 43200, 86400)
MANIFEST = """version: 1
tenants:
  contoso: {export: contoso.json}
  fabrikam: {export: fabrikam.json}
providers:
  a: {type: zonefile, directory: a}
  b: {type: zonefile, directory: b}
"""


def save(path: Path, *domains: str | dict[str, Any]) -> None:
    """Save what Graph says of a tenant's domains: those given by name are as they should be."""
    resources = [graph.resource(domain) if isinstance(domain, str) else domain for domain in domains]
    entries = [{"domain": one, "serviceConfigurationRecords": graph.records(one["id"])} for one in resources]
    head = {"format": "provisioner-export", "version": 1, "tenant": "t", "cloud": "global"}
    tail = {"endpoint": "https://graph.microsoft.com", "read_at": "2026-11-24T02:24:10Z", "domains": entries}
    path.write_text(json.dumps(head | tail))


def zone(folder: str, name: str, ttl: int = 3600) -> None:
    """Write a zone whose MX is what Graph asks for."""
    Path(folder).mkdir(exist_ok=True)
    host = f"{name.replace('.', '-')}.mail.protection.outlook.com."
    Path(folder, f"{name}.zone").write_text(
        f"$ORIGIN {name}.\n@ 3600 IN SOA ns1.example. admin.example. 1 7200 3600 1209600 3600\n@ 3600 IN NS ns1.example.\n"
        f"@ {ttl} IN MX 0 {host}\n"
    )


@pytest.fixture(autouse=True)
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two tenants with saved answers and two folders of zones, of which the manifest names nothing yet."""
    monkeypatch.chdir(tmp_path)
    Path("provisioner.yaml").write_text(MANIFEST)
    save(
        Path("contoso.json"),
        "contoso.example",
        "sub.contoso.example",
        "mail.contoso.example",
        graph.resource("contoso.onmicrosoft.com", isInitial=True),
        graph.resource("initial.example", isInitial=True),
        graph.resource("new.example", isVerified=False),
        graph.resource("web.example", supportedServices=[]),
    )
    save(Path("fabrikam.json"), "fabrikam.example", "lost.example", graph.resource("delegated.example", isAdminManaged=False))
    for folder, name in (
        ("a", "contoso.example"),
        ("b", "sub.contoso.example"),
        ("b", "fabrikam.example"),
        ("b", "free.example"),
    ):
        zone(folder, name)


def test_everything_that_is_new_is_printed_with_its_tenant_and_the_closest_zone(provisioner: Provisioner) -> None:
    ran = provisioner("discover")
    assert ran.out == (
        "domains:\n"
        "  contoso.example: {tenant: contoso, provider: a}\n"
        "  fabrikam.example: {tenant: fabrikam, provider: b}\n"
        "  lost.example: {tenant: fabrikam}  # no provider here holds its zone\n"
        "  mail.contoso.example: {tenant: contoso, provider: a}\n"
        "  sub.contoso.example: {tenant: contoso, provider: b}\n"
        "  # delegated.example: {tenant: fabrikam}  # its DNS is delegated to Microsoft; no provider here holds its zone\n"
        "  # initial.example: {tenant: contoso}  # it is the tenant's initial domain, whose DNS Microsoft runs; "
        "no provider here holds its zone\n"
        "  # new.example: {tenant: contoso}  # the tenant has not verified it yet; no provider here holds its zone\n"
        "  # web.example: {tenant: contoso}  # it is not used for mail: it has no service Email; "
        "no provider here holds its zone\n"
        "  # contoso.onmicrosoft.com: Microsoft itself runs its DNS (tenant contoso)\n"
        "  # free.example: a zone of b; no tenant asked holds a domain in it\n"
    )
    assert ran.code == Exit.DONE
    assert ran.err.startswith("5 domains are new.")
    assert ran.err.endswith("Next: provisioner plan\n")


def test_one_tenant_is_told_alone_wherever_its_zones_are(provisioner: Provisioner) -> None:
    ran = provisioner("discover", "--tenant", "fabrikam")
    assert ran.out == (
        "domains:\n"
        "  fabrikam.example: {tenant: fabrikam, provider: b}\n"
        "  lost.example: {tenant: fabrikam}  # no provider here holds its zone\n"
        "  # delegated.example: {tenant: fabrikam}  # its DNS is delegated to Microsoft; no provider here holds its zone\n"
    )


def test_one_provider_is_told_alone_whoever_holds_the_domains(provisioner: Provisioner) -> None:
    ran = provisioner("discover", "--provider", "b")
    assert ran.out == (
        "domains:\n"
        "  fabrikam.example: {tenant: fabrikam, provider: b}\n"
        "  sub.contoso.example: {tenant: contoso, provider: b}\n"
        "  # free.example: a zone of b; no tenant asked holds a domain in it\n"
    )


def test_a_tenant_and_a_provider_are_looked_at_together(provisioner: Provisioner) -> None:
    ran = provisioner("discover", "--provider", "a", "--tenant", "fabrikam")
    assert "  fabrikam.example: {tenant: fabrikam}  # no provider here holds its zone\n" in ran.out
    assert "  # contoso.example: a zone of a; no tenant asked holds a domain in it\n" in ran.out


def test_what_the_manifest_names_or_chooses_by_globs_is_not_new(provisioner: Provisioner) -> None:
    text = MANIFEST.replace("contoso.json}", "contoso.json, domains: ['*.contoso.example'], defaults: {provider: a}}")
    listed = "domains:\n  contoso.example: {tenant: contoso, provider: a}\n  free.example: {tenant: fabrikam, provider: b}\n"
    Path("provisioner.yaml").write_text(text + listed)
    ran = provisioner("discover")
    assert "contoso.example:" not in ran.out
    assert "free.example" not in ran.out
    assert "  fabrikam.example: {" in ran.out


def test_where_nothing_is_new_it_says_so_and_is_still_yaml(provisioner: Provisioner) -> None:
    assert provisioner("discover", "--tenant", "fabrikam", "--provider", "b").out.startswith("domains:\n  fab")
    save(Path("fabrikam.json"), "fabrikam.example")
    Path("provisioner.yaml").write_text(MANIFEST + "domains: {fabrikam.example: {tenant: fabrikam, provider: b}}\n")
    ran = provisioner("discover", "--tenant", "fabrikam")
    assert (ran.code, ran.err) == (Exit.DONE, "")
    assert ran.out == (
        "# Nothing new: provisioner.yaml names every domain to be managed that was found at "
        "tenant fabrikam and providers a, b.\n"
        "domains: {}\n"
    )
    Path("provisioner.yaml").write_text("version: 1\n")
    assert "found at nobody." in provisioner("discover").out


def test_a_zone_at_two_providers_is_nobodys_guess(provisioner: Provisioner) -> None:
    zone("a", "fabrikam.example")
    ran = provisioner("discover", "--tenant", "fabrikam")
    assert "  fabrikam.example: {tenant: fabrikam}  # providers a and b hold its zone: name one\n" in ran.out


def test_a_domain_of_two_tenants_is_the_one_s_that_can_use_it(provisioner: Provisioner) -> None:
    save(Path("fabrikam.json"), "new.example", graph.resource("contoso.example", isVerified=False), "mail.contoso.example")
    ran = provisioner("discover")
    assert "  new.example: {tenant: fabrikam}" in ran.out
    assert "  contoso.example: {tenant: contoso, provider: a}\n" in ran.out
    assert "  mail.contoso.example: {tenant: contoso, provider: a}  # tenant fabrikam holds it too\n" in ran.out


def test_an_answer_that_holds_records_alone_is_taken_for_what_it_is(provisioner: Provisioner) -> None:
    Path("fabrikam.json").write_text(json.dumps({"value": graph.records("fabrikam.example")}))
    assert "  fabrikam.example: {tenant: fabrikam, provider: b}\n" in provisioner("discover", "--tenant", "fabrikam").out


def test_a_tenant_that_fails_does_not_stop_the_others(provisioner: Provisioner) -> None:
    Path("fabrikam.json").write_text("<html>")
    ran = provisioner("discover")
    assert ran.code == Exit.ERROR
    assert "  contoso.example: {tenant: contoso, provider: a}\n" in ran.out
    assert "  # fabrikam.example: a zone of b; no tenant that answered holds a domain in it\n" in ran.out
    assert "Error: The answer of Microsoft Graph for tenant fabrikam is unreadable\n  fabrikam.json" in ran.err
    assert ran.err.count("Error: ") == 1


def test_a_domain_that_cannot_be_read_is_told_and_left_out(provisioner: Provisioner) -> None:
    answer = json.loads(Path("fabrikam.json").read_text())
    del answer["domains"][0]["domain"]["isVerified"]
    Path("fabrikam.json").write_text(json.dumps(answer))
    ran = provisioner("discover")
    assert ran.code == Exit.ERROR
    told = "  # fabrikam.example: {tenant: fabrikam, provider: b}  # what Microsoft Graph says of it could not be read\n"
    assert told in ran.out
    assert "isVerified" in ran.err


def test_a_provider_that_fails_does_not_stop_the_others(provisioner: Provisioner) -> None:
    Path("provisioner.yaml").write_text(MANIFEST.replace("directory: b", "directory: nowhere"))
    ran = provisioner("discover")
    assert ran.code == Exit.ERROR
    assert "  contoso.example: {tenant: contoso, provider: a}\n" in ran.out
    assert "  fabrikam.example: {tenant: fabrikam}  # no provider that answered holds its zone\n" in ran.out
    assert ran.err.count("Error: ") == 1
    assert "nowhere" in ran.err


@pytest.mark.parametrize(("option", "known"), [("tenant", "contoso, fabrikam"), ("provider", "a, b")])
def test_a_name_that_the_manifest_does_not_have_is_told(provisioner: Provisioner, option: str, known: str) -> None:
    ran = provisioner("discover", f"--{option}", "nobody")
    assert (ran.code, ran.out) == (Exit.ERROR, "")
    assert ran.err.splitlines()[0] == f"Error: The manifest names no {option} nobody"
    assert f"provisioner.yaml names: {known}." in ran.err


def test_five_hundred_right_domains_are_adopted_without_a_change_whatever_their_ttl(provisioner: Provisioner) -> None:
    names = [f"d{number:03}.adopted.example" for number in range(500)]
    for number, name in enumerate(names):
        zone("c", name, TTLS[number % len(TTLS)])
    save(Path("all.json"), *names)
    manifest = "version: 1\ntenants: {all: {export: all.json}}\nproviders: {c: {type: zonefile, directory: c}}\n"
    Path("provisioner.yaml").write_text(manifest)
    found = provisioner("discover")
    assert (found.code, found.out.count("{tenant: all, provider: c}\n")) == (Exit.DONE, 500)
    Path("provisioner.yaml").write_text(manifest + found.out)
    ran = provisioner("plan", "--detailed-exitcode", "--strict")
    assert (ran.code, ran.err) == (Exit.DONE, "")
    assert ran.out == "No changes. The MX of 500 domains is what Microsoft Graph asks for.\n"
    assert provisioner("discover").out.startswith("# Nothing new: ")


def test_what_customers_of_a_partner_hold_is_printed_with_their_tenants(
    provisioner: Provisioner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    partner, customer = "aaaaaaaa-0000-4000-8000-000000000000", "bbbbbbbb-0000-4000-8000-000000000000"
    with graph_tenants.running(graph_tenants.GraphTenants(tmp_path)) as tenants:
        monkeypatch.setenv("PATH", str(tenants.path))
        tenants.add(partner).contracts = [graph.contract(customer, "wingtip.onmicrosoft.com")]
        tenants.add(customer, "wingtip.example")
        Path("provisioner.yaml").write_text(
            "version: 1\ncredentials: {cli: {type: azure-cli}}\n"
            f"partners: {{csp: {{tenant: {partner}, credential: cli, discover: contracts}}}}\n"
            f"graph: {{endpoint: '{tenants.url}'}}\n"
        )
        ran = provisioner("discover")
    assert ran.code == Exit.DONE
    assert ran.out.startswith(f"tenants:\n  wingtip: {{id: {customer}, credential: cli}}")
    assert "Put the lines below `tenants:` and `domains:` into the manifest" in ran.err
