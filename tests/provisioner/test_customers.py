"""The customers of partners, each with a Graph and a token of its own: looked at, and not touched unless listed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from plans.desired import SubjectKind
from plans.plan import NOT_LISTED, Entry, Filters
from plans.policy import Severity
from plans.problem import Problem
from provisioner.cli.clock import now
from provisioner.customers import entries
from provisioner.discovery import Discovery, discover
from provisioner.fleet import Fleet
from provisioner.managed import managed
from provisioner.manifest import load
from provisioner.manifest.model import LiveTenant
from provisioner.report.domain_yaml import discovered_document
from tests.emulators import graph_tenants
from tests.emulators.graph import Fault, contract, delegated_admin_customer, resource
from tests.emulators.graph_tenants import GraphTenants

PARTNER, CONTOSO, FABRIKAM, WINGTIP = (f"{digit * 8}-0000-4000-8000-000000000000" for digit in "abcd")
LIST = "/contracts?$select=customerId,defaultDomainName,displayName&$top=999"
DEFAULTS = "{provider: files, dane: false, dnssec: manage}"
MANIFEST = """version: 1
credentials:
  partner: {{type: azure-cli}}
partners:
  csp: {{tenant: {partner}, credential: partner, discover: contracts, defaults: {defaults}}}
providers:
  files: {{type: zonefile, directory: zones}}
graph: {{endpoint: "{url}"}}
"""


@pytest.fixture
def graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GraphTenants]:
    """Give the Graph of a partner with two customers, each of which holds a domain and its initial one."""
    with graph_tenants.running(GraphTenants(tmp_path)) as running:
        monkeypatch.setenv("PATH", str(running.path))
        partner = running.add(PARTNER)
        partner.contracts = [
            contract(CONTOSO, "contoso.onmicrosoft.com", displayName="Contoso"),
            contract(CONTOSO, "contoso.onmicrosoft.com", displayName="Contoso", contractType="BreadthPartner"),
            contract(FABRIKAM, "fabrikam.onmicrosoft.com", displayName="Fabrikam"),
        ]
        running.add(CONTOSO, "contoso.example", "contoso.onmicrosoft.com")
        running.add(FABRIKAM, "fabrikam.example", "fabrikam.onmicrosoft.com")
        yield running


def fleet(graph: GraphTenants, more: str = "") -> Fleet:
    manifest = graph.folder / "provisioner.yaml"
    manifest.write_text(MANIFEST.format(partner=PARTNER, url=graph.url, defaults=DEFAULTS) + more)
    (graph.folder / "zones").mkdir(exist_ok=True)
    return Fleet(load(manifest), now)


def told(opened: Fleet, *globs: str) -> tuple[list[Entry], dict[str, str]]:
    consents: dict[str, str] = {}
    return list(entries(opened, Filters(globs), consents)), consents


def brief(found: list[Entry]) -> list[tuple[str, str, str, Severity]]:
    assert all(entry.rollout is None and len(entry.findings) == 1 for entry in found)
    return [(str(one.subject), one.tenant, one.findings[0].code, one.findings[0].severity) for one in found]


def test_each_domain_that_is_not_listed_is_told_once_and_gets_no_steps(graph: GraphTenants) -> None:
    found, consents = told(fleet(graph))
    assert brief(found) == [
        ("contoso.example", "contoso", NOT_LISTED, Severity.NOTICE),
        ("fabrikam.example", "fabrikam", NOT_LISTED, Severity.NOTICE),
    ]
    finding = found[0].findings[0]
    assert "tenant contoso (Contoso), a customer of csp holds it" in finding.what
    assert finding.mend.endswith("provisioner discover --tenant contoso")
    assert consents == {}
    assert [one.paths for one in graph.tenants.values()] == [[f"GET {LIST}"], ["GET /domains"], ["GET /domains"]]


def test_nothing_of_a_customer_is_managed_unless_it_is_listed(graph: GraphTenants) -> None:
    assert managed(fleet(graph), Filters()) == []
    assert graph.tenants[PARTNER].seen == []


def test_filters_say_which_domains_are_told(graph: GraphTenants) -> None:
    assert [str(entry.subject) for entry in told(fleet(graph), "*.example")[0]] == ["contoso.example", "fabrikam.example"]
    assert [str(entry.subject) for entry in told(fleet(graph), "fab*")[0]] == ["fabrikam.example"]


NAMED = f"""tenants:
  ours: {{id: {CONTOSO.upper()}, credential: partner}}
domains:
  Contoso.example: {{tenant: ours, provider: files}}
"""


@pytest.mark.parametrize("glob", ["CONTOSO.example.", "contoso.example"])
def test_a_filter_that_names_a_listed_domain_leaves_partners_unasked(graph: GraphTenants, glob: str) -> None:
    assert told(fleet(graph, NAMED), glob) == ([], {})
    assert graph.tenants[PARTNER].seen == []


@pytest.mark.parametrize("tenant", [CONTOSO, CONTOSO.upper(), "Contoso.onmicrosoft.com", "second.contoso.example"])
def test_a_customer_that_the_manifest_names_keeps_its_label_and_settings(graph: GraphTenants, tenant: str) -> None:
    graph.tenants[CONTOSO].hold("other.example", "second.contoso.example")
    opened = fleet(graph, NAMED.replace(CONTOSO.upper(), tenant).replace("provider: files", "provider: files, dnssec: keep"))
    assert brief(told(opened)[0]) == [("fabrikam.example", "fabrikam", NOT_LISTED, Severity.NOTICE)]
    assert [one.label for one in managed(opened, Filters())] == ["ours"]
    asked = graph.tenants[CONTOSO].paths
    assert asked == (["GET /domains"] if tenant == "second.contoso.example" else [])


def test_a_listed_domain_of_a_customer_is_not_told_wherever_it_is_listed(graph: GraphTenants) -> None:
    opened = fleet(graph, NAMED.replace(CONTOSO.upper(), WINGTIP))
    assert brief(told(opened)[0]) == [("fabrikam.example", "fabrikam", NOT_LISTED, Severity.NOTICE)]


def test_a_domain_that_two_customers_hold_is_told_once(graph: GraphTenants) -> None:
    graph.tenants[FABRIKAM].hold_unverified("contoso.example", "MS=ms1")
    assert [(str(entry.subject), entry.tenant) for entry in told(fleet(graph))[0]] == [
        ("contoso.example", "contoso"),
        ("fabrikam.example", "fabrikam"),
    ]


def test_a_partner_that_cannot_be_read_is_an_error_and_others_go_on(graph: GraphTenants) -> None:
    second = graph.add(WINGTIP)
    second.delegated_admin_customers = [delegated_admin_customer(FABRIKAM, "Fabrikam")]
    graph.tenants[PARTNER].fail(LIST, Fault(403))
    manifest = graph.folder / "more.yaml"
    more = f"include: [{manifest.name}]\n"
    manifest.write_text(f"partners: {{two: {{tenant: {WINGTIP}, credential: partner, discover: delegated-admin}}}}\n")
    found, consents = told(fleet(graph, more))
    assert brief(found) == [
        ("csp", "csp", "consent-missing", Severity.ERROR),
        ("fabrikam.example", FABRIKAM, NOT_LISTED, Severity.NOTICE),
    ]
    assert found[0].subject.kind is SubjectKind.TENANT
    assert list(consents) == ["csp"]
    assert f"/{PARTNER}/adminconsent" in consents["csp"]


def test_a_customer_of_two_partners_is_one(graph: GraphTenants) -> None:
    graph.add(WINGTIP).delegated_admin_customers = [delegated_admin_customer(guid, "") for guid in (CONTOSO, FABRIKAM)]
    (graph.folder / "more.yaml").write_text(
        f"partners: {{two: {{tenant: {WINGTIP}, credential: partner, discover: delegated-admin}}}}\n"
    )
    found, _ = told(fleet(graph, "include: [more.yaml]\n"))
    assert [entry.tenant for entry in found] == ["contoso", "fabrikam"]
    assert [len(graph.tenants[guid].seen) for guid in (CONTOSO, FABRIKAM)] == [1, 1]


def test_a_list_without_any_customer_is_an_error(graph: GraphTenants) -> None:
    graph.tenants[PARTNER].contracts = []
    found, _ = told(fleet(graph))
    assert brief(found) == [("csp", "csp", "partner-unreadable", Severity.ERROR)]
    assert "lists no customer of partner csp" in found[0].findings[0].what


def test_a_customer_that_cannot_be_read_is_a_warning_and_others_go_on(graph: GraphTenants) -> None:
    graph.tenants[CONTOSO].fail("/domains", Fault(403))
    graph.tenants[PARTNER].contracts += [contract(WINGTIP, "wingtip.onmicrosoft.com")]
    graph.refuse(WINGTIP, "ERROR: AADSTS90002: Tenant was not found.")
    found, consents = told(fleet(graph))
    assert brief(found) == [
        ("contoso", "contoso", "consent-missing", Severity.WARNING),
        ("fabrikam.example", "fabrikam", NOT_LISTED, Severity.NOTICE),
        ("wingtip", "wingtip", "customer-unreadable", Severity.WARNING),
    ]
    assert list(consents) == ["contoso"]


def test_a_customer_for_which_the_partners_own_token_comes_is_not_read(graph: GraphTenants) -> None:
    graph.add(CONTOSO, "stranger.example", token_of=PARTNER)
    found, _ = told(fleet(graph))
    assert brief(found)[0] == ("contoso", "contoso", "customer-unreadable", Severity.WARNING)
    assert "is for another tenant" in found[0].findings[0].what
    assert graph.tenants[CONTOSO].seen == []


def looked(opened: Fleet, *tenants: str) -> tuple[Discovery, str]:
    found = discover(opened, tenants, ())
    return found, "".join(discovered_document(found))


def test_discover_prints_what_takes_customers_over(graph: GraphTenants) -> None:
    graph.tenants[PARTNER].contracts[0]["displayName"] = graph.tenants[PARTNER].contracts[1]["displayName"] = "Con\u202etoso"
    graph.tenants[FABRIKAM].resources["fabrikam.example"] = resource("fabrikam.example", supportedServices=[])
    found, printed = looked(fleet(graph))
    assert printed == (
        "tenants:\n"
        f"  contoso: {{id: {CONTOSO}, credential: partner, defaults: {{provider: files, dnssec: manage, dane: false}}}}"
        "  # Con toso\n"
        "domains:\n"
        "  contoso.example: {tenant: contoso}  # no provider here holds its zone\n"
        "  # fabrikam.example: {tenant: fabrikam}  # it is not used for mail: it has no service Email; "
        "no provider here holds its zone\n"
    )
    assert found.asked == "customers of partner csp and provider files"
    assert found.problems == ()

    opened = fleet(graph, printed)
    (domain,) = opened.manifest.domains
    assert isinstance(domain.tenant, LiveTenant)
    assert (domain.tenant.id, domain.provider and domain.provider.label) == (CONTOSO, "files")
    assert brief(told(opened)[0]) == [("fabrikam.example", "fabrikam", NOT_LISTED, Severity.NOTICE)]
    assert looked(opened)[0].tenants == ()


def test_discover_can_be_about_one_customer(graph: GraphTenants) -> None:
    _, printed = looked(fleet(graph), "fabrikam")
    assert "contoso" not in printed
    assert "  fabrikam.example: {tenant: fabrikam}" in printed
    assert graph.tenants[CONTOSO].seen == []


def test_discover_about_a_tenant_of_the_manifest_asks_no_partner(graph: GraphTenants) -> None:
    looked(fleet(graph, NAMED), "ours")
    assert graph.tenants[PARTNER].seen == []


def test_discover_says_the_cloud_where_it_is_another(graph: GraphTenants) -> None:
    opened = fleet(graph)
    text = opened.manifest.file.read_text().replace("discover: contracts", "discover: contracts, cloud: usgov")
    opened.manifest.file.write_text(text.replace(f", defaults: {DEFAULTS}", ""))
    _, printed = looked(Fleet(load(opened.manifest.file), now))
    assert f"  contoso: {{id: {CONTOSO}, credential: partner, cloud: usgov}}  # Contoso\n" in printed


def test_a_domain_that_a_tenants_globs_choose_is_not_new(graph: GraphTenants) -> None:
    graph.add(WINGTIP, "contoso.example")
    more = f"tenants: {{ours: {{id: {WINGTIP}, credential: partner, domains: all}}}}\n"
    assert [str(domain.name) for domain in looked(fleet(graph, more))[0].domains] == ["fabrikam.example."]


def test_discover_tells_what_could_not_be_asked(graph: GraphTenants) -> None:
    graph.tenants[CONTOSO].fail("/domains", Fault(403))
    found, printed = looked(fleet(graph))
    assert [problem.headline for problem in found.problems] == ["The application may not read the domains of tenant contoso"]
    assert "fabrikam.example" in printed

    graph.tenants[PARTNER].fail(LIST, *[Fault(403)] * 2)
    found, printed = looked(fleet(graph))
    assert [problem.headline for problem in found.problems] == ["The application may not list the customers of tenant csp"]
    assert printed == "domains: {}\n"
    with pytest.raises(Problem, match="may not list the customers"):
        looked(fleet(graph), "contoso")


def test_discover_knows_no_other_names(graph: GraphTenants) -> None:
    with pytest.raises(Problem) as caught:
        looked(fleet(graph), "contosso")
    assert caught.value.headline == "The manifest names no tenant contosso"
    assert caught.value.detail.endswith("names: contoso, fabrikam.")
