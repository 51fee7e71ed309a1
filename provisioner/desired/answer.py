"""The border at which Graph's JSON becomes a `GraphAnswer`.

Only reading is done here: whether an answer is fit to be wanted (two mail exchanges, another domain's label, a foreign
suffix, an unverified domain) is judged by the pure core, from the answer.
https://learn.microsoft.com/graph/api/domain-list-serviceconfigurationrecords
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Literal, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from plans.desired import Cloud, DomainFacts, GraphAnswer, MailExchange, Source, VerificationText
from plans.problem import Problem
from plans.values import MAX_TTL, Name, is_at_or_below, name
from provisioner.desired.foreign_text import plain, scrub

MAIL = "email"
"""The service whose records matter, in lower case."""

SERVICE_RECORDS = "serviceConfigurationRecords"
VERIFICATION_RECORDS = "verificationDnsRecords"
"""A domain's two collections of records, as Graph calls them."""

JsonObject = Mapping[str, object]

Kind = Literal["mx", "txt", "cname", "srv", "unavailable"]

_TYPES: dict[str, Kind | None] = {
    "domaindnsrecord": None,  # the base type says nothing: recordType decides
    "domaindnsmxrecord": "mx",
    "domaindnstxtrecord": "txt",
    "domaindnscnamerecord": "cname",
    "domaindnssrvrecord": "srv",
    "domaindnsunavailablerecord": "unavailable",
}
_RECORD_TYPES: dict[str, Kind] = {"mx": "mx", "txt": "txt", "cname": "cname", "srv": "srv", "unavailable": "unavailable"}
_NAMESPACE = "microsoft.graph."
_VERIFICATION_TEXT = re.compile(r"[ !#-&(-\[\]-~]{1,255}\Z")  # printable ASCII without quotes and backslashes
_HOST_NAME = re.compile(r"(?:[a-z0-9_-]{1,63}\.)+\Z")


@dataclass(frozen=True, slots=True)
class Reading:
    """What all answers of one reading share: who answered, when, and what to do about an answer that cannot be read."""

    source: Source
    cloud: Cloud
    read_at: datetime
    mend: str = "Run again. If the answer stays as it is, look at what stands between here and Graph, such as a proxy."

    def problem(self, what: str, where: str, domain: Name | None = None) -> Problem:
        """Make the problem of an answer that cannot be read; `where` is a JSON path."""
        subject = domain.rstrip(".") if domain else f"tenant {self.source.tenant}"
        place = ", ".join(part for part in (self.source.where, f"domain {subject}" if domain else "", where) if part)
        return Problem(
            f"The answer of Microsoft Graph for {subject} is unreadable",
            f"{place}: {what}.",
            self.mend,
        )


@dataclass(frozen=True, slots=True)
class RawDomain:
    """One domain as Graph gave it: its `domain` resource and its records.

    `verification` are its verification records; None: they were not asked for, which only an unverified domain's are.
    """

    resource: JsonObject
    records: Sequence[object]
    verification: Sequence[object] | None = None


class _Strict(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class _Head(_Strict):
    """What every record has and what decides whether it matters."""

    odata_type: Annotated[str | None, Field(alias="@odata.type")] = None
    record_type: Annotated[str | None, Field(alias="recordType")] = None
    service: Annotated[str | None, Field(alias="supportedService")] = None


class _Mx(_Strict):
    label: str
    exchange: Annotated[str, Field(alias="mailExchange")]
    preference: Annotated[int | None, Field(ge=0, le=0xFFFF)] = None
    ttl: Annotated[int, Field(ge=0, le=MAX_TTL)]


class _Txt(_Strict):
    label: str
    text: str
    ttl: Annotated[int, Field(ge=0, le=MAX_TTL)]


class _Unavailable(_Strict):
    description: str | None = None


class _Domain(_Strict):
    is_verified: Annotated[bool, Field(alias="isVerified")]
    is_initial: Annotated[bool, Field(alias="isInitial")]
    is_admin_managed: Annotated[bool, Field(alias="isAdminManaged")]
    supported_services: Annotated[list[str], Field(alias="supportedServices")]
    availability_status: Annotated[str | None, Field(alias="availabilityStatus")] = None


_Model = TypeVar("_Model", bound=_Strict)


def read_object(body: object, reading: Reading, domain: Name | None = None) -> JsonObject:
    """Give an answer's top level, which is an object and no error that Graph or `az rest` printed.

    `body` is the octets that came, or what stood parsed inside another answer.

    Raises:
        Problem: it is something else.

    """
    document = _parsed(body, reading, domain) if isinstance(body, bytes) else body
    if not isinstance(document, dict):
        raise reading.problem(f"the top level is {json_type(document)}, not an object", "", domain)
    if document.get("error") is not None:
        raise reading.problem(f"this is an error, not an answer: {error_text(document)}", "error", domain)
    return document


def records_of(document: JsonObject, reading: Reading, domain: Name | None = None) -> Sequence[object]:
    """Give the list `value` of a collection. Raises `Problem`: there is none."""
    records = document.get("value")
    if not isinstance(records, list):
        what = "there is no `value`" if "value" not in document else f"this is {json_type(records)}, not a list"
        raise reading.problem(what, "value", domain)
    return records


def read_answer(
    records: Sequence[object], domain: Name, reading: Reading, facts: DomainFacts | None = None, path: str = "value"
) -> GraphAnswer:
    """Read one domain's service configuration records; `path` is where they stand, for messages.

    Graph's schema lets `preference` be null: that is 0, the value which Graph gives otherwise. Records of other services
    and of types that are not about mail routing are passed over; whatever might be about it is kept or refused.

    Raises:
        Problem: a record that matters cannot be read in full.

    """
    mail_exchanges: list[MailExchange] = []
    unavailable: list[str] = []
    unknown: list[str] = []
    for index, record in enumerate(records):
        where = f"{path}[{index}]"
        head = _validated(_Head, record, domain, reading, where)
        service = (head.service or "").strip().casefold()
        if service not in {"", MAIL}:
            continue
        match kind_of(head.odata_type, head.record_type):
            case "mx" if service:
                mail_exchanges.append(_mail_exchange(record, domain, reading, where))
            case "mx":
                unknown.append("an MX record without supportedService")
            case "unavailable":
                words = _validated(_Unavailable, record, domain, reading, where).description
                unavailable.append(plain(words or "") or "Microsoft gave no reason")
            case "txt" | "cname" | "srv":
                pass
            case None:
                unknown.append(_type_text(head))
    return GraphAnswer(
        domain=domain,
        source=reading.source,
        cloud=reading.cloud,
        read_at=reading.read_at,
        mail_exchanges=tuple(sorted(mail_exchanges, key=lambda mx: (mx.label, mx.preference, mx.exchange, mx.ttl))),
        facts=facts,
        unavailable=tuple(sorted(unavailable)),
        unknown=tuple(sorted(unknown)),
    )


def read_facts(resource: JsonObject, domain: Name, reading: Reading, path: str = "") -> DomainFacts:
    """Read a `domain` resource (https://learn.microsoft.com/graph/api/resources/domain). Raises `Problem`."""
    facts = _validated(_Domain, resource, domain, reading, path)
    return DomainFacts(
        facts.is_verified,
        facts.is_initial,
        facts.is_admin_managed,
        tuple(sorted(set(facts.supported_services))),
        plain(facts.availability_status or ""),
    )


def read_verification(
    records: Sequence[object], domain: Name, reading: Reading, path: str = "value"
) -> tuple[VerificationText, ...]:
    """Read the TXT records among a domain's verification records; `path` is where they stand, for messages.

    The MX that Microsoft offers instead of the TXT is passed over: published, it would look like mail routing.
    https://learn.microsoft.com/graph/api/domain-list-verificationdnsrecords

    Raises:
        Problem: a TXT record cannot be read in full, or its text is not one string of at most 255 plain octets (RFC 1035 §3.3).

    """
    texts: set[VerificationText] = set()
    for index, record in enumerate(records):
        where = f"{path}[{index}]"
        head = _validated(_Head, record, domain, reading, where)
        if kind_of(head.odata_type, head.record_type) != "txt":
            continue
        txt = _validated(_Txt, record, domain, reading, where)
        if not _VERIFICATION_TEXT.match(txt.text):
            what = "a verification text is 1 to 255 ASCII characters without quotes, backslashes and control characters"
            raise reading.problem(what, f"{where}.text", domain)
        label = _host_name(txt.label, domain, reading, f"{where}.label")
        texts.add(VerificationText(label, txt.text, txt.ttl))
    return tuple(sorted(texts, key=lambda one: (one.label, one.text, one.ttl)))


def read_whole(raw: RawDomain, domain: Name, reading: Reading, path: str = "") -> GraphAnswer:
    """Read all that Graph gave of a domain; `path` is where it stands, for messages. Raises `Problem`."""
    facts = read_facts(raw.resource, domain, reading, f"{path}domain")
    answer = read_answer(raw.records, domain, reading, facts, f"{path}{SERVICE_RECORDS}")
    if facts.is_verified or not raw.verification:
        return answer
    texts = read_verification(raw.verification, domain, reading, f"{path}{VERIFICATION_RECORDS}")
    return replace(answer, verification=texts)


def read_domain(resource: object, reading: Reading, path: str) -> tuple[Name, JsonObject]:
    """Read whose `domain` resource this is, from its `id`. Raises `Problem`: it cannot be told."""
    if not isinstance(resource, dict) or not isinstance(resource.get("id"), str):
        raise reading.problem("a domain has no `id`", f"{path}.id")
    return _host_name(resource["id"], None, reading, f"{path}.id"), resource


def kind_of(odata_type: str | None, record_type: str | None) -> Kind | None:
    """Tell what a record is; None: not known, or `@odata.type` and `recordType` contradict each other.

    Graph's documentation writes `@odata.type` without `#`, the service with it.
    """
    by_record_type = _RECORD_TYPES.get((record_type or "").casefold())
    spelled = (odata_type or "").casefold().removeprefix("#").removeprefix(_NAMESPACE) or "domaindnsrecord"
    if spelled not in _TYPES or (record_type and not by_record_type and _TYPES[spelled] != "unavailable"):
        return None
    by_odata_type = _TYPES[spelled]
    if by_odata_type in {None, "unavailable"}:
        return by_odata_type or by_record_type
    return by_odata_type if by_record_type in {None, by_odata_type} else None


def is_about(record: object, domain: Name) -> bool:
    """Whether a record's label is at or below a domain; one whose label cannot be read might be."""
    label = label_of(record)
    return label is None or is_at_or_below(label, domain)


def label_of(record: object) -> Name | None:
    """Give a record's label as a name; None: it has none that can be read."""
    label = record.get("label") if isinstance(record, dict) else None
    try:
        parsed = name(label) if isinstance(label, str) else None
    except ValueError:
        return None
    return parsed if parsed and _HOST_NAME.match(parsed) else None


def is_mail_exchange(record: object) -> bool:
    """Whether a record is an MX for the service Email."""
    if not isinstance(record, dict):
        return False
    words = [record.get(key) for key in ("@odata.type", "recordType", "supportedService")]
    odata_type, record_type, service = (word if isinstance(word, str) else "" for word in words)
    return service.strip().casefold() == MAIL and kind_of(odata_type, record_type) == "mx"


def error_text(document: object) -> str:
    """Give an error's code and message, on one line: `{"error": {"code": …, "message": …}}`, or what is there of it."""
    error = document.get("error") if isinstance(document, dict) else None
    if not isinstance(error, dict):
        return scrub(error) if isinstance(error, str) else "no reason was given"
    words = [error.get("code"), error.get("message")]
    return ": ".join(scrub(word) for word in words if isinstance(word, str) and word) or "no reason was given"


def json_type(value: object) -> str:
    """Name the JSON type of a parsed value."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "an object"


def _parsed(body: bytes, reading: Reading, domain: Name | None) -> object:
    try:
        document: object = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        if body.lstrip().startswith(b"<"):
            raise reading.problem("this is HTML or XML, not JSON; a proxy or a login page answered", "", domain) from None
        raise reading.problem(f"this is not JSON, or it is cut off ({plain(str(error))})", "", domain) from None
    return document


def _mail_exchange(record: object, domain: Name, reading: Reading, where: str) -> MailExchange:
    mx = _validated(_Mx, record, domain, reading, where)
    return MailExchange(
        label=_host_name(mx.label, domain, reading, f"{where}.label"),
        exchange=_host_name(mx.exchange, domain, reading, f"{where}.mailExchange"),
        preference=mx.preference or 0,
        ttl=mx.ttl,
    )


def _host_name(text: str, domain: Name | None, reading: Reading, where: str) -> Name:
    try:
        parsed = name(text)
    except ValueError as error:
        raise reading.problem(plain(str(error)), where, domain) from None
    if not _HOST_NAME.match(parsed):
        raise reading.problem(f"{plain(text)!r} is no domain name of a host", where, domain)
    return parsed


def _type_text(head: _Head) -> str:
    words = [head.odata_type or "", f"recordType {head.record_type}" if head.record_type else ""]
    return plain(", ".join(word for word in words if word)) or "a record without a type"


def _validated(model: type[_Model], value: object, domain: Name, reading: Reading, where: str) -> _Model:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in first["loc"])
        raise reading.problem(plain(first["msg"]), f"{where}{steps}".lstrip("."), domain) from None


def _no_constant(word: str) -> NoReturn:
    msg = f"{word} is no JSON"
    raise ValueError(msg)
