"""Saved answers."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from plans.desired import Cloud, DomainFacts, GraphAnswer, MailExchange, Source, VerificationText
from plans.problem import Problem
from plans.values import name
from provisioner.desired.export import LARGEST, ExportSource
from provisioner.desired.sources import open_source
from provisioner.manifest.model import Location, SavedTenant
from tests.emulators.graph import mx, records, resource, verification_records

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
SAVED_AT = datetime(2026, 11, 20, 9, 8, 7, tzinfo=UTC)
CONTOSO = name("contoso.com")
FABRIKAM = name("fabrikam.com")
HOST = name("contoso-com.mail.protection.outlook.com")


def save(folder: Path, content: Any, cloud: Cloud = Cloud.GLOBAL) -> ExportSource:
    file = folder / "graph" / "offline.json"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    os.utime(file, (SAVED_AT.timestamp() + 0.75,) * 2)
    where = Location(folder / "provisioner.yaml", 12)
    source = open_source(SavedTenant("offline", file, cloud, where), None, NOW)
    assert isinstance(source, ExportSource)
    return source


def whole(*domains: Any, **changes: Any) -> dict[str, Any]:
    header = {"format": "provisioner-export", "version": 1, "tenant": "contoso.onmicrosoft.com", "cloud": "global"}
    return (
        header
        | {"endpoint": "https://graph.microsoft.com", "read_at": "2026-11-23T12:00:00+02:00", "domains": domains}
        | changes
    )


def entry(domain: str, /, **changes: Any) -> dict[str, Any]:
    return {"domain": resource(domain), "serviceConfigurationRecords": records(domain)} | changes


def unverified(domain: str, text: str) -> dict[str, Any]:
    return {
        "domain": resource(domain, isVerified=False, supportedServices=[]),
        "serviceConfigurationRecords": [],
        "verificationDnsRecords": verification_records(domain, text),
    }


def answer(source: ExportSource, domain: str = "contoso.com") -> GraphAnswer | Problem:
    ((_, result),) = source.answers([name(domain)])
    return result


def refused(source: ExportSource, domain: str = "contoso.com") -> Problem:
    result = answer(source, domain)
    assert isinstance(result, Problem)
    assert "graph/offline.json" in result.detail
    assert result.mend
    return result


def test_one_answer_as_graph_gave_it(tmp_path: Path) -> None:
    context = "https://graph.microsoft.com/v1.0/$metadata#domains('contoso.com')/serviceConfigurationRecords"
    source = save(tmp_path, {"@odata.context": context, "value": records("contoso.com")})
    assert source.source == Source("offline", "graph/offline.json")
    assert source.notices == ()
    assert source.domains() == (CONTOSO,)
    assert answer(source) == GraphAnswer(
        CONTOSO, source.source, Cloud.GLOBAL, SAVED_AT, (MailExchange(CONTOSO, HOST, 0, 3600),), facts=None
    )


def test_the_manifests_cloud_is_that_of_a_single_answer(tmp_path: Path) -> None:
    result = answer(save(tmp_path, {"value": records("contoso.com")}, Cloud.CHINA))
    assert isinstance(result, GraphAnswer)
    assert result.cloud is Cloud.CHINA


def test_a_single_answer_is_only_about_its_own_domain(tmp_path: Path) -> None:
    told = refused(save(tmp_path, {"value": records("contoso.com")}), "fabrikam.com")
    assert "the saved answer is about contoso.com, not fabrikam.com" in told.detail
    assert "provisioner export --tenant NAME --out graph/offline.json" in told.mend


def test_mail_exchanges_of_another_domain_are_no_answer_without_any(tmp_path: Path) -> None:
    mixed = [*records("contoso.com")[1:], mx("fabrikam.com", HOST)]
    assert "is about fabrikam.com, not contoso.com" in refused(save(tmp_path, {"value": mixed})).detail


def test_an_answer_without_mail_exchanges_is_one(tmp_path: Path) -> None:
    source = save(tmp_path, {"value": records("contoso.com")[1:]})
    result = answer(source)
    assert isinstance(result, GraphAnswer)
    assert result.mail_exchanges == ()
    assert source.domains() == ()
    assert "is about contoso.com, not fabrikam.com" in refused(source, "fabrikam.com").detail


def test_an_answer_without_records_is_about_nothing(tmp_path: Path) -> None:
    assert "is about no domain at all" in refused(save(tmp_path, {"value": []})).detail


def test_records_of_several_domains_are_told_apart_by_their_labels(tmp_path: Path) -> None:
    source = save(tmp_path, {"value": records("contoso.com") + records("fabrikam.com")})
    assert source.domains() == (CONTOSO, FABRIKAM)
    result = answer(source)
    assert isinstance(result, GraphAnswer)
    assert [mail.label for mail in result.mail_exchanges] == [CONTOSO]


def test_a_mail_exchange_below_the_domain_is_kept_for_the_core_to_judge(tmp_path: Path) -> None:
    source = save(tmp_path, {"value": [*records("contoso.com"), mx("sub.contoso.com", HOST)]})
    result = answer(source)
    assert isinstance(result, GraphAnswer)
    assert [mail.label for mail in result.mail_exchanges] == [CONTOSO, name("sub.contoso.com")]


@pytest.mark.parametrize("label", ["@", "a..b", None, 5])
def test_a_mail_exchange_whose_label_is_unreadable_is_not_passed_over(tmp_path: Path, label: object) -> None:
    source = save(tmp_path, {"value": [*records("contoso.com"), mx("x", HOST, label=label)]})
    assert "value[4].label" in refused(source).detail or "label" in refused(source).detail
    with pytest.raises(Problem, match=r"value\[4\].label"):
        source.domains()


def test_an_unavailable_record_without_a_label_is_about_every_domain(tmp_path: Path) -> None:
    unavailable = {"@odata.type": "#microsoft.graph.domainDnsUnavailableRecord", "description": "Not now."}
    result = answer(save(tmp_path, {"value": [unavailable, *records("contoso.com")]}))
    assert isinstance(result, GraphAnswer)
    assert result.unavailable == ("Not now.",)


def test_a_record_that_is_no_object_is_about_every_domain(tmp_path: Path) -> None:
    assert "value[0]" in refused(save(tmp_path, {"value": [5]})).detail


def test_a_whole_tenant(tmp_path: Path) -> None:
    source = save(tmp_path, whole(entry("fabrikam.com"), entry("contoso.com")))
    assert source.domains() == (CONTOSO, FABRIKAM)
    assert answer(source) == GraphAnswer(
        CONTOSO,
        Source("offline", "graph/offline.json"),
        Cloud.GLOBAL,
        datetime(2026, 11, 23, 10, 0, tzinfo=UTC),
        (MailExchange(CONTOSO, HOST, 0, 3600),),
        DomainFacts(
            is_verified=True,
            is_initial=False,
            is_admin_managed=True,
            supported_services=("Email", "OfficeCommunicationsOnline"),
        ),
    )


def test_what_a_domain_has_yet_to_prove(tmp_path: Path) -> None:
    old = unverified("fabrikam.com", "unread")
    del old["verificationDnsRecords"]
    source = save(tmp_path, whole(unverified("contoso.com", "MS=ms48151623"), old))
    found = dict(source.answers([CONTOSO, FABRIKAM]))
    for domain, texts in ((CONTOSO, (VerificationText(CONTOSO, "MS=ms48151623", 3600),)), (FABRIKAM, ())):
        result = found[domain]
        assert isinstance(result, GraphAnswer)
        assert result.facts is not None
        assert not result.facts.is_verified
        assert (result.verification, result.mail_exchanges, result.unknown) == (texts, (), ())


def test_the_file_is_read_again_after_a_refresh(tmp_path: Path) -> None:
    source = save(tmp_path, whole(entry("contoso.com")))
    assert source.domains() == (CONTOSO,)
    save(tmp_path, whole(entry("fabrikam.com"), read_at="2026-11-24T09:00:00Z"))
    assert source.domains() == (CONTOSO,)
    source.refresh(NOW)
    assert source.domains() == (FABRIKAM,)
    result = answer(source, "fabrikam.com")
    assert isinstance(result, GraphAnswer)
    assert result.read_at == datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def test_a_foreign_label_in_a_domains_own_answer_is_kept(tmp_path: Path) -> None:
    result = answer(save(tmp_path, whole(entry("contoso.com", serviceConfigurationRecords=[mx("fabrikam.com", HOST)]))))
    assert isinstance(result, GraphAnswer)
    assert result.mail_exchanges[0].label == FABRIKAM


def test_a_domain_that_is_not_in_the_file(tmp_path: Path) -> None:
    told = refused(save(tmp_path, whole(entry("contoso.com"))), "fabrikam.com")
    assert told.headline == "There is no saved answer for fabrikam.com"
    assert "2026-11-23T10:00:00+00:00" in told.detail
    assert told.mend.startswith("Save it anew: provisioner export --tenant NAME --out graph/offline.json")


@pytest.mark.parametrize(
    ("broken", "place"),
    [
        ({"domain": resource("contoso.com")}, "domains[1].serviceConfigurationRecords"),
        (entry("contoso.com", serviceConfigurationRecords={}), "domains[1].serviceConfigurationRecords"),
        (entry("contoso.com", serviceConfigurationRecords=[5]), "domains[1].serviceConfigurationRecords[0]"),
        (entry("contoso.com", domain={"id": "contoso.com"}), "domains[1].domain.isVerified"),
        (entry("contoso.com", verificationDnsRecords=None), "domains[1].verificationDnsRecords"),
        (unverified("contoso.com", 'MS="'), "domains[1].verificationDnsRecords[0].text"),
    ],
)
def test_one_broken_domain_leaves_the_others(tmp_path: Path, broken: dict[str, Any], place: str) -> None:
    source = save(tmp_path, whole(entry("fabrikam.com"), broken))
    assert f", {place}: " in refused(source).detail
    assert isinstance(answer(source, "fabrikam.com"), GraphAnswer)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (whole(format="something"), "format"),
        (whole(version=2), "reads version 1 only"),
        (whole(cloud="moon"), "cloud: "),
        (whole(cloud=None), "cloud: "),
        (whole(read_at="yesterday"), "read_at: "),
        (whole(read_at="2026-11-23T12:00:00"), "read_at: "),
        (whole(domains=None), "domains: "),
        (whole(5), "domains[0].domain.id"),
        (whole({}), "domains[0].domain.id"),
        (whole(entry("a.example"), entry("A.example")), "twice, first at domains[0]"),
        (b"{", "cut off"),
        ({"error": {"code": "Request_ResourceNotFound", "message": "No."}}, "Request_ResourceNotFound: No."),
        ({"domains": []}, "no `value`"),
    ],
)
def test_a_file_that_is_no_saved_answer(tmp_path: Path, content: Any, words: str) -> None:
    source = save(tmp_path, content)
    assert words in refused(source).detail
    with pytest.raises(Problem):
        source.domains()


def test_a_file_of_another_cloud(tmp_path: Path) -> None:
    told = refused(save(tmp_path, whole(entry("contoso.com"), cloud="china")))
    assert "another cloud" in told.headline
    assert "Write `cloud: china`" in told.mend


def test_a_file_that_is_missing_or_none(tmp_path: Path) -> None:
    where = Location(tmp_path / "provisioner.yaml", 12)
    (tmp_path / "graph").mkdir()
    missing = ExportSource(SavedTenant("offline", tmp_path / "graph/offline.json", Cloud.GLOBAL, where), tmp_path)
    assert "No such file" in refused(missing).detail
    folder = ExportSource(SavedTenant("offline", tmp_path / "graph", Cloud.GLOBAL, where), tmp_path)
    result = answer(folder)
    assert isinstance(result, Problem)
    assert "the file graph is no regular file" in result.detail


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    source = save(tmp_path, b"")
    with (tmp_path / "graph/offline.json").open("wb") as file:
        file.truncate(LARGEST + 1)
    assert "larger than 256 MiB" in refused(source).detail


def test_a_path_outside_the_folder_is_told_whole(tmp_path: Path) -> None:
    tenant = SavedTenant("offline", tmp_path / "offline.json", Cloud.GLOBAL, Location(Path("provisioner.yaml"), 1))
    assert open_source(tenant, None, NOW, tmp_path / "elsewhere").source.where == (tmp_path / "offline.json").as_posix()
