"""Reading a tenant live, on the wire with the real SDK."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from plans.desired import Cloud, DomainFacts, GraphAnswer, MailExchange, Source
from plans.problem import Problem
from plans.values import name
from provisioner.desired.export import ExportSource
from provisioner.manifest.model import SavedTenant
from tests.emulators.graph import REQUEST_ID, Fault, GraphEmulator
from tests.provisioner.desired.live import APP, CONTOSO, FABRIKAM, NOW, TENANT, WHERE, Opener, answered, path, problem, results


def test_an_answer_holds_what_graph_says(emulator: GraphEmulator, open_graph: Opener) -> None:
    emulator.hold("contoso.com")
    emulator.resources["contoso.com"]["supportedServices"] = ["Sharepoint", "Email"]
    assert results(open_graph(), "contoso.com") == {
        CONTOSO: GraphAnswer(
            domain=CONTOSO,
            source=Source("contoso", emulator.url),
            cloud=Cloud.GLOBAL,
            read_at=NOW,
            mail_exchanges=(MailExchange(CONTOSO, name("contoso-com.mail.protection.outlook.com"), 0, 3600),),
            facts=DomainFacts(
                is_verified=True, is_initial=False, is_admin_managed=True, supported_services=("Email", "Sharepoint")
            ),
        )
    }


def test_domains_are_listed_ascending_and_once_for_a_source(emulator: GraphEmulator, open_graph: Opener) -> None:
    emulator.hold("fabrikam.com", "contoso.com")
    source = open_graph()
    assert source.domains() == (CONTOSO, FABRIKAM)
    assert source.domains() == (CONTOSO, FABRIKAM)
    assert answered(results(source, "contoso.com").values()) == 1
    assert emulator.paths == ["GET /domains", "POST /$batch"]


def test_no_names_need_no_request(emulator: GraphEmulator, open_graph: Opener) -> None:
    assert results(open_graph()) == {}
    assert emulator.paths == []


def test_many_domains_are_asked_in_batches_of_twenty(emulator: GraphEmulator, open_graph: Opener) -> None:
    domains = [f"d{number}.example" for number in range(101)]
    emulator.hold(*domains)
    found = results(open_graph(), *domains)
    assert list(found) == [name(domain) for domain in domains]
    assert answered(found.values()) == 101
    assert sorted(len(seen.body["requests"]) for seen in emulator.seen[1:]) == [1, 20, 20, 20, 20, 20]


def test_a_name_that_is_wanted_twice_is_told_once(emulator: GraphEmulator, open_graph: Opener) -> None:
    emulator.hold("contoso.com")
    assert len(list(open_graph().answers([CONTOSO, CONTOSO]))) == 1


@pytest.mark.parametrize("empty_pages", [False, True])
def test_pages_are_followed_to_their_end(emulator: GraphEmulator, open_graph: Opener, empty_pages: bool) -> None:
    emulator.hold("contoso.com", "fabrikam.com", "wingtip.com")
    emulator.page_size, emulator.empty_pages = 1, empty_pages
    found = results(open_graph(), "contoso.com", "fabrikam.com", "wingtip.com")
    assert answered(found.values()) == 3
    assert all(isinstance(result, GraphAnswer) and result.mail_exchanges for result in found.values())
    followed = [line for line in emulator.paths if "skiptoken" in line]
    assert all("$foo=a%2Fb" in line for line in followed), "a link is followed as it was given"


@pytest.mark.parametrize("collection", ["/domains", path("contoso.com")])
@pytest.mark.parametrize(
    ("link", "words"),
    [
        ("https://evil.example/v1.0/domains", "is not at"),
        ("http://127.0.0.1:1/v1.0/domains", "is not at"),
        ("http://127.0.0.1:99999/v1.0/domains", "is not at"),
        ("/v1.0/domains", "is not at"),
        ("SELF", "in a circle"),
    ],
)
def test_a_next_page_elsewhere_or_in_a_circle_is_refused(
    emulator: GraphEmulator, open_graph: Opener, collection: str, link: str, words: str
) -> None:
    emulator.hold("contoso.com")
    emulator.link(collection, f"{emulator.url}/v1.0{collection}" if link == "SELF" else link)
    assert words in problem(open_graph()).detail
    assert len(emulator.seen) <= 3


def test_a_domain_that_the_tenant_does_not_hold(emulator: GraphEmulator, open_graph: Opener) -> None:
    emulator.hold("contoso.com")
    found = results(open_graph(), "fabrikam.com", "contoso.com")
    assert isinstance(found[CONTOSO], GraphAnswer)
    missing = found[FABRIKAM]
    assert isinstance(missing, Problem)
    assert missing.headline == "fabrikam.com is no domain of tenant contoso"


def test_a_domain_that_vanishes_between_two_requests(emulator: GraphEmulator, open_graph: Opener) -> None:
    emulator.hold("contoso.com", "fabrikam.com")
    del emulator.records["fabrikam.com"]
    found = results(open_graph(), "contoso.com", "fabrikam.com")
    assert isinstance(found[CONTOSO], GraphAnswer)
    missing = found[FABRIKAM]
    assert isinstance(missing, Problem)
    assert missing.headline == "fabrikam.com is no domain of tenant contoso"
    assert REQUEST_ID in missing.detail


@pytest.mark.parametrize(
    ("fault", "headline", "mend"),
    [
        (Fault(401), "does not take the token", "Get a new token for credential test (provisioner.yaml:7)"),
        (Fault(403), "may not read the domains", "Domain.Read.All; then an administrator of the tenant consents"),
        (Fault(403), "may not read", f"https://login.microsoftonline.com/{TENANT}/adminconsent?client_id={APP}"),
        (Fault(404), "no Microsoft Graph at the endpoint", "graph.endpoint"),
        (Fault(400), "refuses the request", "proxy"),
        (Fault(403, body=b"<html>No.</html>"), "may not read the domains", "Domain.Read.All"),
        (Fault(403, body=b'{"error": {"code": "x", "innerError": 5}}'), "may not read the domains", "Domain.Read.All"),
        (Fault(302, {"Location": "https://evil.example/"}), "refuses the request", "proxy"),
        (Fault(200, body=b"<html>Please log in</html>"), "unreadable", "proxy"),
        (Fault(200, body=b'{"value": [{"id": "conto'), "unreadable", "Run again"),
        (Fault(200, body=b"[]"), "unreadable", "Run again"),
        (Fault(200, body=b"{}"), "unreadable", "Run again"),
        (Fault(200, body=b'{"value": 3}'), "unreadable", "Run again"),
        (Fault(200, body=b'{"value": [{"isVerified": true}]}'), "unreadable", "Run again"),
        (Fault(200, body=b'{"value": [{"id": "a..b"}]}'), "unreadable", "Run again"),
        (Fault(200, body=b'{"value": [{"id": "a.example"}, {"id": "A.example"}]}'), "unreadable", "Run again"),
    ],
)  # fmt: skip
def test_what_fails_for_the_tenant_is_told_of_every_name(
    emulator: GraphEmulator, open_graph: Opener, token: str, fault: Fault, headline: str, mend: str
) -> None:
    emulator.hold("contoso.com", "fabrikam.com")
    emulator.fail("/domains", fault, fault)
    found = results(open_graph(), "contoso.com", "fabrikam.com")
    for result in found.values():
        assert isinstance(result, Problem)
        assert headline in result.headline
        assert mend in result.mend
        assert token not in str(result)
        assert fault.status == 200 or REQUEST_ID in result.detail
    assert len(found) == 2
    assert len(emulator.seen) == 1
    with pytest.raises(Problem, match=headline):
        open_graph().domains()


def test_graphs_own_id_of_a_request_is_found_in_the_body_too(emulator: GraphEmulator, open_graph: Opener) -> None:
    emulator.hold("contoso.com")
    emulator.fail(path("contoso.com"), Fault(400))
    assert f"(request-id {REQUEST_ID})" in problem(open_graph()).detail


def test_an_error_that_repeats_the_token_is_told_without_it(emulator: GraphEmulator, open_graph: Opener, token: str) -> None:
    emulator.fail("/domains", Fault(400, echo_token=True))
    told = problem(open_graph())
    assert "Bearer …" in told.detail
    assert token not in str(told)
    assert not any(part in str(told) for part in token.split("."))


@pytest.mark.parametrize(
    "change",
    [
        lambda responses: responses[1:],
        lambda responses: [*responses, responses[0]],
        lambda responses: [*responses[1:], responses[0] | {"id": "99"}],
        lambda responses: [*responses[1:], responses[0] | {"status": "200"}],
        lambda responses: [*responses[1:], 5],
        lambda _: None,
    ],
)
def test_a_batch_whose_responses_do_not_match_is_refused(
    emulator: GraphEmulator, open_graph: Opener, change: Callable[[list[object]], object]
) -> None:
    emulator.hold("contoso.com", "fabrikam.com")
    emulator.respond(change)
    found = results(open_graph(), "contoso.com", "fabrikam.com")
    assert [isinstance(result, Problem) and "unreadable" in result.headline for result in found.values()] == [True, True]


@pytest.mark.parametrize(
    "body", ["PGh0bWw+", [], None, {"value": None}, {"value": [{"@odata.type": 5}]}, {"error": {"code": "x"}}]
)
def test_one_broken_answer_in_a_batch_leaves_the_others(emulator: GraphEmulator, open_graph: Opener, body: object) -> None:
    emulator.hold("contoso.com", "fabrikam.com")
    emulator.fail(path("contoso.com"), Fault(200, body=json.dumps(body).encode()))
    found = results(open_graph(), "contoso.com", "fabrikam.com")
    assert isinstance(found[CONTOSO], Problem)
    assert isinstance(found[FABRIKAM], GraphAnswer)


def test_a_domain_whose_facts_are_broken_leaves_the_others(emulator: GraphEmulator, open_graph: Opener) -> None:
    emulator.hold("contoso.com", "fabrikam.com")
    del emulator.resources["contoso.com"]["isAdminManaged"]
    found = results(open_graph(), "contoso.com", "fabrikam.com")
    broken = found[CONTOSO]
    assert isinstance(broken, Problem)
    assert "isAdminManaged" in broken.detail
    assert isinstance(found[FABRIKAM], GraphAnswer)


def test_a_reading_that_is_broken_off_leaves_nothing_open(emulator: GraphEmulator, open_graph: Opener) -> None:
    domains = [f"d{number}.example" for number in range(100)]
    emulator.hold(*domains)
    answers = open_graph().answers([name(domain) for domain in domains])
    next(answers)
    answers.close()  # type: ignore[attr-defined] # an iterator that is a generator
    assert len(emulator.seen) == 6


def test_a_token_that_is_no_jwt_is_a_notice(
    emulator: GraphEmulator, open_graph: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRAPH_TOKEN", "opaque")
    emulator.token = "opaque"
    emulator.hold("contoso.com")
    source = open_graph(tenant="contoso.onmicrosoft.com")
    before = source.notices
    assert source.domains() == (CONTOSO,)
    assert before == ()
    assert [("is no JWT" in notice, "contoso.onmicrosoft.com" in notice) for notice in source.notices] == [(True, True)]


def test_a_token_of_another_tenant_is_never_sent(emulator: GraphEmulator, open_graph: Opener, token: str) -> None:
    emulator.hold("contoso.com")
    other = "00000000-2222-3333-4444-555555555555"
    told = problem(open_graph(tenant=other))
    assert told.headline == "The token of credential test is for another tenant"
    assert TENANT in told.detail
    assert other in told.detail
    assert token not in str(told)
    assert emulator.seen == []


def test_an_export_is_read_back_as_the_same_answers(emulator: GraphEmulator, open_graph: Opener, tmp_path: Path) -> None:
    emulator.hold("fabrikam.com", "contoso.com")
    emulator.records["contoso.com"][1]["text"] = "Ünicode \ud800"
    emulator.page_size = 3
    source = open_graph()
    file = tmp_path / "graph" / "contoso.json"
    file.parent.mkdir()
    with file.open("wb") as out:
        assert source.export(out) == 2
    document = json.loads(file.read_bytes())
    assert {key: document[key] for key in ("format", "version", "tenant", "cloud", "endpoint", "read_at")} == {
        "format": "provisioner-export",
        "version": 1,
        "tenant": TENANT,
        "cloud": "global",
        "endpoint": emulator.url,
        "read_at": "2026-11-24T10:00:00+00:00",
    }
    assert document["domains"] == [
        {"domain": emulator.resources[domain], "serviceConfigurationRecords": emulator.records[domain]}
        for domain in ("contoso.com", "fabrikam.com")
    ]
    saved = ExportSource(SavedTenant("contoso", file, Cloud.GLOBAL, WHERE), tmp_path)
    assert saved.domains() == source.domains()
    for (_, live), (_, read) in zip(source.answers([CONTOSO]), saved.answers([CONTOSO]), strict=True):
        assert isinstance(live, GraphAnswer)
        assert isinstance(read, GraphAnswer)
        assert read.source == Source("contoso", "graph/contoso.json")
        assert (read.mail_exchanges, read.facts, read.read_at) == (live.mail_exchanges, live.facts, live.read_at)


def test_an_export_that_would_not_be_whole_is_not_written(emulator: GraphEmulator, open_graph: Opener) -> None:
    emulator.hold("contoso.com", "fabrikam.com", "wingtip.com")
    emulator.fail(path("contoso.com"), Fault(403))
    emulator.records["wingtip.com"][0]["mailExchange"] = "not a host"
    out = io.BytesIO()
    with pytest.raises(Problem) as caught:
        open_graph().export(out)
    assert "2 of its domains" in caught.value.headline
    assert "contoso.com" in caught.value.detail
    assert "wingtip.com" in caught.value.detail
    assert "fabrikam.com" not in caught.value.detail
    assert out.getvalue() == b""


def test_an_export_of_a_tenant_that_cannot_be_asked_is_not_written(emulator: GraphEmulator, open_graph: Opener) -> None:
    emulator.fail("/domains", Fault(403))
    out = io.BytesIO()
    with pytest.raises(Problem, match="may not read the domains"):
        open_graph().export(out)
    assert out.getvalue() == b""


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    program = """
import importlib, pkgutil, sys
import provisioner.desired, provisioner.secrets
for module in pkgutil.iter_modules(provisioner.desired.__path__):
    importlib.import_module(f"provisioner.desired.{module.name}")
heavy = {"msgraph", "msgraph_core", "azure", "msal", "kiota_http", "kiota_abstractions", "httpx", "requests", "boto3"}
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("missing", ["msgraph", "azure.core.credentials"])
def test_without_the_extra_the_mend_says_how_to_install_it(emulator: GraphEmulator, token: str, missing: str) -> None:
    program = f"""
import sys
sys.modules[{missing!r}] = None
from datetime import UTC, datetime
from pathlib import Path
from plans.desired import Cloud
from plans.values import name
from provisioner.desired.sources import open_source
from provisioner.manifest.model import *
where = Location(Path("provisioner.yaml"), 7)
credential = Credential("test", BearerToken(Secret(where, env="GRAPH_TOKEN")), where)
tenant = LiveTenant("contoso", {TENANT!r}, credential, Cloud.GLOBAL, where)
source = open_source(tenant, {emulator.url!r}, datetime.now(UTC))
print(*source.answers([name("contoso.com")]))
"""
    environment = os.environ | {"GRAPH_TOKEN": token}
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, env=environment)
    assert "pip install 'provisioner[graph]'" in done.stdout
