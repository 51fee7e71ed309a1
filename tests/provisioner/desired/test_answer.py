"""The border at which Graph's JSON becomes a value."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from plans.desired import Cloud, DomainFacts, GraphAnswer, MailExchange, Source, VerificationText
from plans.problem import Problem
from plans.values import name
from provisioner.desired.answer import (
    RawDomain,
    Reading,
    read_answer,
    read_domain,
    read_facts,
    read_object,
    read_verification,
    read_whole,
    records_of,
)
from tests.emulators.graph import mx, records, resource, verification_records

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
READING = Reading(Source("contoso", "graph/contoso.json"), Cloud.USGOV, NOW)
CONTOSO = name("contoso.com")
HOST = "contoso-com.mail.protection.outlook.com"


def read(*given_records: Any) -> GraphAnswer:
    document = read_object(json.dumps({"value": given_records}).encode(), READING, CONTOSO)
    return read_answer(records_of(document, READING, CONTOSO), CONTOSO, READING)


def refused(*given_records: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        read(*given_records)
    assert "graph/contoso.json, domain contoso.com" in caught.value.detail
    return caught.value


def test_only_the_mail_exchange_of_the_usual_records_matters() -> None:
    expected = MailExchange(CONTOSO, name(HOST), 0, 3600)
    assert read(*records("contoso.com")) == GraphAnswer(CONTOSO, READING.source, Cloud.USGOV, NOW, (expected,))


@pytest.mark.parametrize(
    "odata_type",
    [
        "#microsoft.graph.domainDnsMxRecord",
        "microsoft.graph.domainDnsMxRecord",
        "#Microsoft.Graph.DomainDNSMXRecord",
        "#microsoft.graph.domainDnsRecord",
        "",
        None,
    ],
)
@pytest.mark.parametrize("record_type", ["Mx", "MX", "mx"])
def test_every_spelling_of_a_type_is_known(odata_type: str | None, record_type: str) -> None:
    record = mx("contoso.com", HOST, **{"@odata.type": odata_type, "recordType": record_type})
    assert read(record).mail_exchanges == (MailExchange(CONTOSO, name(HOST), 0, 3600),)


def test_either_mark_of_the_type_may_be_missing() -> None:
    for key in ("@odata.type", "recordType"):
        record = mx("contoso.com", HOST)
        del record[key]
        assert len(read(record).mail_exchanges) == 1


@pytest.mark.parametrize(
    ("changes", "unknown"),
    [
        ({"recordType": "Txt"}, "#microsoft.graph.domainDnsMxRecord, recordType Txt"),
        ({"recordType": "Svcb"}, "#microsoft.graph.domainDnsMxRecord, recordType Svcb"),
        ({"@odata.type": "#microsoft.graph.domainDnsTxtRecord"}, "#microsoft.graph.domainDnsTxtRecord, recordType Mx"),
        ({"@odata.type": "#microsoft.graph.domainDnsMx2Record"}, "#microsoft.graph.domainDnsMx2Record, recordType Mx"),
        ({"@odata.type": None, "recordType": "Svcb"}, "recordType Svcb"),
        ({"@odata.type": None, "recordType": None}, "a record without a type"),
        ({"supportedService": ""}, "an MX record without supportedService"),
        ({"supportedService": None}, "an MX record without supportedService"),
    ],
)
def test_what_is_not_clearly_understood_is_unknown(changes: dict[str, object], unknown: str) -> None:
    answer = read(mx("contoso.com", HOST, **changes))
    assert answer.unknown == (unknown,)
    assert answer.mail_exchanges == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"supportedService": "Intune"},
        {"supportedService": "Sharepoint", "@odata.type": "#microsoft.graph.novel", "recordType": None},
        {"supportedService": "Yammer", "@odata.type": "#microsoft.graph.domainDnsUnavailableRecord"},
    ],
)
def test_what_is_for_another_service_is_passed_over(changes: dict[str, object]) -> None:
    assert read(mx("contoso.com", "", **changes)) == read()


@pytest.mark.parametrize("service", ["Email", "email", "", None])
def test_an_unavailable_record_is_told_in_microsofts_words(service: str | None) -> None:
    words = "The record\n cannot\x1b[31m be made."
    spelled = {"@odata.type": "microsoft.graph.domainDnsUnavailableRecord", "supportedService": service}
    answer = read(
        spelled | {"description": words, "recordType": "Mx"}, spelled | {"description": None}, {"recordType": "Unavailable"}
    )
    assert answer.unavailable == ("Microsoft gave no reason", "Microsoft gave no reason", "The record cannot [31m be made.")


def test_words_are_kept_to_a_length_that_can_be_shown() -> None:
    (words,) = read({"recordType": "Unavailable", "description": "long " * 1000}).unavailable
    assert len(words) <= 501


def test_a_foreign_label_is_kept_for_the_core_to_judge() -> None:
    answer = read(mx("fabrikam.com", HOST), mx("Contoso.com.", HOST.upper() + "."), mx("contoso.com", HOST, preference=10))
    assert answer.mail_exchanges == (
        MailExchange(CONTOSO, name(HOST), 0, 3600),
        MailExchange(CONTOSO, name(HOST), 10, 3600),
        MailExchange(name("fabrikam.com"), name(HOST), 0, 3600),
    )


def test_an_international_label_becomes_a_labels() -> None:
    assert read(mx("bücher.example", HOST)).mail_exchanges[0].label == "xn--bcher-kva.example."


@pytest.mark.parametrize("preference", [None, 0])
def test_a_preference_that_is_null_is_0(preference: int | None) -> None:
    assert read(mx("contoso.com", HOST, preference=preference)).mail_exchanges[0].preference == 0


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"mailExchange": None}, "value[1].mailExchange"),
        ({"mailExchange": ""}, "value[1].mailExchange"),
        ({"mailExchange": "."}, "value[1].mailExchange"),
        ({"mailExchange": "@"}, "value[1].mailExchange"),
        ({"mailExchange": "a..b"}, "value[1].mailExchange"),
        ({"mailExchange": "a b.mail.protection.outlook.com"}, "value[1].mailExchange"),
        ({"mailExchange": "*.mail.protection.outlook.com"}, "value[1].mailExchange"),
        ({"mailExchange": "x" * 64 + ".com"}, "value[1].mailExchange"),
        ({"label": "@"}, "value[1].label"),
        ({"label": "\ud800.com"}, "value[1].label"),
        ({"label": None}, "value[1].label"),
        ({"preference": -1}, "value[1].preference"),
        ({"preference": 65536}, "value[1].preference"),
        ({"preference": True}, "value[1].preference"),
        ({"preference": "0"}, "value[1].preference"),
        ({"ttl": None}, "value[1].ttl"),
        ({"ttl": -1}, "value[1].ttl"),
        ({"ttl": 2**31}, "value[1].ttl"),
        ({"ttl": 3600.5}, "value[1].ttl"),
        ({"supportedService": 5}, "value[1].supportedService"),
        ({"@odata.type": ["x"]}, "value[1].@odata.type"),
        ({"recordType": {}}, "value[1].recordType"),
    ],
)
def test_a_broken_record_is_named_by_its_place(changes: dict[str, object], place: str) -> None:
    assert f", {place}: " in refused(records("contoso.com")[1], mx("contoso.com", HOST, **changes)).detail


@pytest.mark.parametrize("record", [None, 5, "x", [], True])
def test_a_record_that_is_no_object(record: object) -> None:
    assert "value[0]" in refused(record).detail


def test_more_fields_than_are_known_are_no_fault() -> None:
    assert len(read(mx("contoso.com", HOST, newField={"a": 1})).mail_exchanges) == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not JSON"),
        (b'{"value": [{"label": "conto', "cut off"),
        (b"\n<!DOCTYPE html><html>", "HTML"),
        (b"\xff\xfe\x00", "not JSON"),
        (b'{"value": NaN}', "NaN is no JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"9" * 5000, "not JSON"),
        (b"null", "null, not an object"),
        (b"true", "a boolean, not an object"),
        (b"1.5", "a number, not an object"),
        (b'"x"', "a string, not an object"),
        (b"[]", "a list, not an object"),
        (b"{}", "there is no `value`"),
        (b'{"value": {}}', "an object, not a list"),
        (b'{"error": {"code": "Authorization_RequestDenied", "message": "No.\\nWay."}}', "Authorization_RequestDenied: No."),
        (b'{"error": {"code": 5}}', "no reason was given"),
        (b'{"error": "broken"}', "an error, not an answer: broken"),
        (b'{"error": [], "value": []}', "no reason was given"),
    ],
)
def test_a_body_that_is_no_answer(body: bytes, words: str) -> None:
    with pytest.raises(Problem) as caught:
        records_of(read_object(body, READING, CONTOSO), READING, CONTOSO)
    assert words in caught.value.detail
    assert "graph/contoso.json" in caught.value.detail
    assert caught.value.headline == "The answer of Microsoft Graph for contoso.com is unreadable"


def test_utf_16_with_a_mark_is_read_as_a_shell_may_save_it() -> None:
    assert read_object('{"value": []}'.encode("utf-16"), READING) == {"value": []}


def test_a_problem_of_no_domain_names_the_tenant() -> None:
    assert READING.problem("broken", "").headline == "The answer of Microsoft Graph for tenant contoso is unreadable"


def test_facts_are_read_from_the_domain() -> None:
    given_resource = resource("contoso.com", isInitial=True, isAdminManaged=False, supportedServices=["Email", "Email", "A"])
    assert read_facts(given_resource, CONTOSO, READING) == DomainFacts(
        is_verified=True, is_initial=True, is_admin_managed=False, supported_services=("A", "Email")
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"isVerified": None},
        {"isInitial": "false"},
        {"isAdminManaged": 1},
        {"supportedServices": None},
        {"supportedServices": [5]},
    ],
)
def test_facts_that_are_not_known_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(Problem, match=next(iter(changes))):
        read_facts(resource("contoso.com", **changes), CONTOSO, READING)


@pytest.mark.parametrize("given_resource", [None, {}, {"id": 5}, {"id": "a..b"}, {"id": "@"}])
def test_a_domain_without_a_name_is_refused(given_resource: object) -> None:
    with pytest.raises(Problem):
        read_domain(given_resource, READING, "value[0]")


@pytest.mark.parametrize(
    ("status", "read_as"),
    [
        (None, ""),
        ("AvailableImmediately", "AvailableImmediately"),
        ("EmailVerifiedDomainTakeoverScheduled", "EmailVerifiedDomainTakeoverScheduled"),
        ("\x1b[31mred\ud800", "[31mred"),
    ],
)
def test_the_outcome_of_a_verification_is_told(status: str | None, read_as: str) -> None:
    assert read_facts(resource("contoso.com", availabilityStatus=status), CONTOSO, READING).availability_status == read_as


def txt(**changes: object) -> dict[str, Any]:
    return verification_records("contoso.com", "MS=ms48151623")[0] | changes


def test_the_text_that_proves_a_domain_is_taken_and_its_mail_exchange_is_not() -> None:
    both = verification_records("contoso.com", "MS=ms48151623")
    assert read_verification(both, CONTOSO, READING) == (VerificationText(CONTOSO, "MS=ms48151623", 3600),)
    assert read_verification(both[1:], CONTOSO, READING) == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"@odata.type": "microsoft.graph.domainDnsTxtRecord"},
        {"@odata.type": None},
        {"recordType": "TXT"},
        {"supportedService": None},
        {"supportedService": "Email"},
        {"label": "Contoso.com."},
    ],
)
def test_a_verification_text_is_known_in_every_spelling(changes: dict[str, object]) -> None:
    assert read_verification([txt(**changes)], CONTOSO, READING) == (VerificationText(CONTOSO, "MS=ms48151623", 3600),)


def test_verification_texts_have_an_order_and_no_doubles() -> None:
    texts = read_verification([txt(text="b"), txt(text="a"), txt(text="b"), txt(text="a", ttl=60)], CONTOSO, READING)
    assert [(one.text, one.ttl) for one in texts] == [("a", 60), ("a", 3600), ("b", 3600)]


@pytest.mark.parametrize("text", ["x" * 255, "MS=ms1 2", "google-site-verification=a_b-c/d+e"])
def test_a_verification_text_is_kept_as_it_is_given(text: str) -> None:
    assert read_verification([txt(text=text)], CONTOSO, READING)[0].text == text


@pytest.mark.parametrize(
    "text", ["", "x" * 256, 'MS="ms1"', "MS='ms1'", "a\\032b", "a\nb", "a\n", "a\tb", "a\x00", "a\x7f", "\x85", "ü", "\ud800"]
)
def test_a_verification_text_that_cannot_be_published_as_it_is_is_refused(text: str) -> None:
    with pytest.raises(Problem, match="without quotes") as caught:
        read_verification([txt(), txt(text=text)], CONTOSO, READING)
    assert "domain contoso.com, value[1].text: " in caught.value.detail
    str(caught.value).encode()


@pytest.mark.parametrize("changes", [{"text": None}, {"ttl": -1}, {"ttl": None}, {"label": "a..b"}, {"label": None}])
def test_a_verification_text_that_is_not_whole_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(Problem, match="unreadable") as caught:
        read_verification([txt(**changes)], CONTOSO, READING)
    assert f"value[0].{next(iter(changes))}" in caught.value.detail


def test_only_a_domain_that_is_not_verified_has_something_to_prove() -> None:
    proofs = verification_records("contoso.com", "MS=ms48151623")
    verified = read_whole(RawDomain(resource("contoso.com"), [], proofs), CONTOSO, READING)
    assert verified.verification == ()
    unverified = read_whole(RawDomain(resource("contoso.com", isVerified=False), [], proofs), CONTOSO, READING)
    assert [one.text for one in unverified.verification] == ["MS=ms48151623"]
    assert unverified.mail_exchanges == ()
    assert unverified.unknown == ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
NEAR_RECORDS = st.fixed_dictionaries(
    {},
    optional={
        "@odata.type": st.sampled_from([*mx("a", "b").values(), "#microsoft.graph.domainDnsUnavailableRecord"]) | JSON,
        "recordType": st.sampled_from(["Mx", "Txt", "Unavailable"]) | JSON,
        "supportedService": st.sampled_from(["Email", ""]) | JSON,
        "label": st.just("contoso.com") | JSON,
        "mailExchange": st.just(HOST) | JSON,
        "preference": JSON,
        "ttl": st.just(3600) | JSON,
        "description": JSON,
    },
)


@given(
    st.lists(NEAR_RECORDS | JSON).map(lambda value: json.dumps({"value": value}).encode())
    | JSON.map(json.dumps).map(str.encode)
)
@example(b'{"value": [{"recordType": "Mx", "supportedService": "Email", "label": "\\ud800", "mailExchange": "a", "ttl": 1}]}')
def test_any_json_is_an_answer_or_a_problem(body: bytes) -> None:
    try:
        answer = read_answer(records_of(read_object(body, READING, CONTOSO), READING, CONTOSO), CONTOSO, READING)
    except Problem as problem:
        str(problem).encode()
    else:
        assert list(answer.mail_exchanges) == sorted(
            answer.mail_exchanges, key=lambda mail: (mail.label, mail.preference, mail.exchange, mail.ttl)
        )
        assert list(answer.unknown) == sorted(answer.unknown)
        assert list(answer.unavailable) == sorted(answer.unavailable)
        "".join([*answer.unknown, *answer.unavailable]).encode()


@given(st.binary())
def test_any_octets_are_an_object_or_a_problem(body: bytes) -> None:
    try:
        assert isinstance(read_object(body, READING), dict)
    except Problem as problem:
        str(problem).encode()
