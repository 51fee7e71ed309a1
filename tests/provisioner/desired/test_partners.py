"""Listing a partner's customers, on the wire with the real SDK, and what they are called here."""

from __future__ import annotations

import string
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.desired import Cloud
from plans.problem import Problem
from plans.values import Name, name
from provisioner.desired.clouds import endpoint
from provisioner.desired.credential import Login
from provisioner.desired.partners import Customer, customers, labelled
from provisioner.desired.problems import ConsentMissing
from provisioner.manifest.model import Credential, Listing, LiveTenant, Partner, Settings
from tests.emulators.graph import Fault, GraphEmulator, contract, delegated_admin_customer
from tests.emulators.login import jwt
from tests.provisioner.desired.live import NOW, TENANT, WHERE

CONTRACTS = "/contracts?$select=customerId,defaultDomainName,displayName&$top=999"
DELEGATED = "/tenantRelationships/delegatedAdminCustomers?$select=tenantId,displayName&$top=300"
Lister = Callable[..., tuple[Customer, ...]]


def guid(number: int) -> str:
    return f"aaaaaaaa-0000-4000-8000-{number:012d}"


@pytest.fixture
def listing(emulator: GraphEmulator, credential: Credential, pauses: list[float]) -> Lister:
    """List the customers of a partner whose Graph is the emulator."""

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    def listed(discover: Listing = Listing.CONTRACTS, **how: float) -> tuple[Customer, ...]:
        partner = Partner(LiveTenant("csp", TENANT, credential, Cloud.GLOBAL, WHERE), discover, Settings())
        at, login = endpoint(emulator.url, Cloud.GLOBAL), Login(credential, TENANT, Cloud.GLOBAL, label="csp")
        return customers(partner, at, login, NOW, sleep=sleep, **how)

    return listed


def told(listing: Lister, discover: Listing = Listing.CONTRACTS, **how: float) -> Problem:
    with pytest.raises(Problem) as caught:
        listing(discover, **how)
    assert caught.value.headline
    assert caught.value.detail
    assert caught.value.mend
    return caught.value


def test_contracts_tell_of_customers_by_guid_each_once(emulator: GraphEmulator, listing: Lister) -> None:
    emulator.contracts = [
        contract(guid(2).upper(), "Fabrikam.com", displayName="Fabrikam\nLtd"),
        contract(guid(1), None, contractType="BreadthPartner", displayName=None),
        contract(guid(1), "contoso.onmicrosoft.com", contractType="SyndicationPartner", displayName="Contoso"),
        contract(guid(3), "no domain..at all", contractType=None),
    ]
    assert listing() == (
        Customer(guid(1), name("contoso.onmicrosoft.com"), "Contoso"),
        Customer(guid(2), name("fabrikam.com"), "Fabrikam Ltd"),
        Customer(guid(3), None, "The customer no domain..at all"),
    )
    assert emulator.paths == [f"GET {CONTRACTS}"]


def test_delegated_admin_customers_have_no_domain(emulator: GraphEmulator, listing: Lister) -> None:
    emulator.delegated_admin_customers = [delegated_admin_customer(guid(number), f"C{number}") for number in range(301)]
    found = listing(Listing.DELEGATED_ADMIN)
    assert found == tuple(Customer(guid(number), None, f"C{number}") for number in range(301))
    assert len(emulator.paths) == 2
    assert emulator.paths[0] == f"GET {DELEGATED}"


def test_three_thousand_customers_are_four_requests(emulator: GraphEmulator, listing: Lister) -> None:
    emulator.contracts = [contract(guid(number), f"c{number}.example") for number in range(3000)]
    assert len(listing()) == 3000
    assert len(emulator.paths) == 4
    assert all(path.startswith("GET /contracts?") for path in emulator.paths)


@pytest.mark.parametrize("next_link", ["https://attacker.example/v1.0/contracts", 7, "/contracts?$skiptoken=1"])
def test_a_next_page_elsewhere_is_not_asked_for(emulator: GraphEmulator, listing: Lister, next_link: str) -> None:
    emulator.contracts = [contract(guid(1), "contoso.com")]
    emulator.link(CONTRACTS, next_link)
    assert "the next page is not at" in told(listing).detail
    assert len(emulator.seen) == 1


def test_a_page_that_fails_gives_no_customer_at_all(emulator: GraphEmulator, listing: Lister) -> None:
    emulator.page_size = 2
    emulator.contracts = [contract(guid(number), "contoso.com") for number in range(5)]
    emulator.fail_number(2, Fault(403))
    assert told(listing).headline == "The application may not list the customers of tenant csp"


@pytest.mark.parametrize(
    ("discover", "permission"),
    [(Listing.CONTRACTS, "Directory.Read.All"), (Listing.DELEGATED_ADMIN, "DelegatedAdminRelationship.Read.All")],
)
def test_a_missing_permission_is_told_with_the_page_of_consent(
    emulator: GraphEmulator, listing: Lister, discover: Listing, permission: str
) -> None:
    emulator.fail_number(0, Fault(403))
    problem = told(listing, discover)
    assert isinstance(problem, ConsentMissing)
    assert problem.tenant == "csp"
    assert f"/{TENANT}/adminconsent?client_id=" in problem.url
    assert problem.mend.startswith(f"Give it the permission {permission}; ")


def test_a_person_who_lacks_the_role_is_told_so(
    emulator: GraphEmulator, listing: Lister, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.token = jwt(tid=TENANT, scp="User.Read")
    monkeypatch.setenv("GRAPH_TOKEN", emulator.token)
    emulator.fail_number(0, Fault(403))
    problem = told(listing)
    assert problem.headline == "The person who logged in may not list the customers of tenant csp"
    assert "the role Directory Readers" in problem.mend


def test_a_busy_service_is_waited_for_and_then_told(emulator: GraphEmulator, listing: Lister, pauses: list[float]) -> None:
    emulator.contracts = [contract(guid(1), "contoso.com")]
    emulator.fail_number(0, Fault(429, {"Retry-After": "7"}))
    assert len(listing()) == 1
    assert pauses == [7.0]
    emulator.fail(CONTRACTS, Fault(429, {"Retry-After": "7"}))
    assert told(listing, patience=6.0).headline == "Microsoft Graph is throttling tenant csp"


def test_a_token_of_another_tenant_lists_nothing(
    emulator: GraphEmulator, listing: Lister, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRAPH_TOKEN", jwt(tid=guid(9)))
    assert told(listing).headline == "The token of credential test is for another tenant"
    assert emulator.seen == []


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (contract(guid(1), "contoso.com", customerId=None), "contracts, value[1].customerId"),
        (contract(guid(1), "contoso.com", customerId="contoso.com"), "contracts, value[1].customerId"),
        ({"displayName": "Contoso"}, "contracts, value[1].customerId"),
        (contract(guid(1), "contoso.com", displayName=["x"]), "contracts, value[1].displayName"),
        ("contoso", "contracts, value[1]:"),
    ],
)
def test_a_row_that_cannot_be_read_makes_the_list_unreadable(
    emulator: GraphEmulator, listing: Lister, row: object, words: str
) -> None:
    emulator.contracts = [contract(guid(2), "fabrikam.com"), row]
    problem = told(listing)
    assert problem.headline == "The answer of Microsoft Graph for tenant csp is unreadable"
    assert words in problem.detail


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"value": 1}'])
def test_what_is_no_list_is_no_empty_list(emulator: GraphEmulator, listing: Lister, body: bytes) -> None:
    emulator.fail_number(0, Fault(body=body))
    assert "unreadable" in told(listing).headline


def test_a_customer_is_called_by_its_default_domain() -> None:
    found = [
        Customer(guid(1), name("contoso.onmicrosoft.com")),
        Customer(guid(2), name("fabrikam.com")),
        Customer(guid(3), name("wingtip.partner.onmschina.cn")),
        Customer(guid(4), name("a b.onmicrosoft.com")),
        Customer(guid(5), None, "Contoso"),
        Customer(guid(6), name("taken.onmicrosoft.com")),
        Customer(guid(7), name("same.onmicrosoft.com")),
        Customer(guid(8), name("same.onmicrosoft.us")),
    ]
    assert {label: one.guid[-1] for label, one in labelled(found, {"taken"}).items()} == {
        guid(4): "4",
        guid(5): "5",
        "contoso": "1",
        "fabrikam.com": "2",
        f"same-{guid(7)}": "7",
        f"same-{guid(8)}": "8",
        f"taken-{guid(6)}": "6",
        "wingtip": "3",
    }


DOMAINS = st.none() | st.builds(
    lambda word, suffix: Name(f"{word}.{suffix}."),
    st.text(string.ascii_lowercase, min_size=1, max_size=2),
    st.sampled_from(["onmicrosoft.com", "onmicrosoft.us", "example"]),
)


@given(domains=st.lists(DOMAINS, max_size=12), taken=st.sets(st.text("ab", min_size=1, max_size=2)), random=st.randoms())
def test_every_customer_has_a_label_of_its_own_in_whichever_order_they_come(
    domains: list[Name | None], taken: set[str], random: Random
) -> None:
    found = [Customer(guid(number), domain) for number, domain in enumerate(domains)]
    shuffled = random.sample(found, len(found))
    made = labelled(found, taken)
    assert made == labelled(shuffled, taken)
    assert list(made) == sorted(made)
    assert sorted(made.values(), key=lambda one: one.guid) == found
    assert not taken & made.keys()
