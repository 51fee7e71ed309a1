"""Changing the DS of a domain: in which order, what becomes of operations that fail or never end, and of lost answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from plans.plan import Change
from plans.values import Ds, Key, Name, RRset, name, rrset
from providers.contract import AuthFailed, Outcome, ProviderError, Status, Throttled, Unavailable, Unsupported
from providers.route53_domains.write import OPERATION_SECONDS
from tests.emulators.route53_domains import Domain, Fault, ds_of
from tests.providers.route53_domains_bench import DOMAIN, KEYS, SIGNERS, Account, account, reference, signed

DS = Key(DOMAIN, "DS")
ADD, REMOVE = "AssociateDelegationSignerToDomain", "DisassociateDelegationSignerFromDomain"
DETAIL, OPERATION = "GetDomainDetail", "GetOperationDetail"
ONE, TWO, THREE, FOUR, FIVE = SIGNERS


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Account]:
    with account(monkeypatch, tmp_path) as held:
        yield held


@pytest.fixture
def domain(aws: Account) -> Domain:
    return aws.emulator.register("contoso.example", ONE)


def change(aws: Account, after: RRset | None, meanwhile: Callable[[], object] = lambda: None, *, tries: int = 8) -> Outcome:
    """Replace what stands there, as it is read before somebody else does something."""
    provider = aws.open(tries=tries)
    base = provider.read(reference(), [DS])
    before = base.sets[DS]
    assert before is None or isinstance(before, RRset)
    meanwhile()
    outcomes = provider.apply(base, [Change(before, after)])
    assert set(outcomes) == {DS}
    if outcomes[DS].status is Status.WRITTEN:
        assert provider.read(reference(), [DS]).sets == {DS: after}
    return outcomes[DS]


def test_the_first_ds_is_added_by_its_key(aws: Account) -> None:
    domain = aws.emulator.register("contoso.example")
    assert change(aws, signed(ONE)) == Outcome(Status.WRITTEN)
    assert domain.signers == {ONE}
    (asked,) = [seen.parameters for seen in aws.emulator.seen if seen.operation == ADD]
    flags, _, algorithm, public = KEYS[0].split()
    attributes = {"Algorithm": int(algorithm), "Flags": int(flags), "PublicKey": public}
    assert asked == {"DomainName": "contoso.example", "SigningAttributes": attributes}
    assert aws.servers.asked == [(DOMAIN, (Key(DOMAIN, "DNSKEY"),))]


def test_several_threads_change_several_domains(aws: Account) -> None:
    provider = aws.open()
    names = [name(f"{host}.example") for host in ("contoso", "fabrikam", "tailspin", "woodgrove")]
    wanted = {domain: rrset(domain, "DS", 86_400, [ds_of(domain, KEYS[0])]) for domain in names}
    for domain in names:
        aws.emulator.register(domain.removesuffix("."))

    def made(domain: Name) -> Status:
        zone = provider.zones([domain])[domain]
        base = provider.read(zone, [wanted[domain].key])
        return provider.apply(base, [Change(None, wanted[domain])])[wanted[domain].key].status

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(made, names)) == [Status.WRITTEN] * 4
    assert [list(held.signers) for held in aws.emulator.domains.values()] == [list(one.values) for one in wanted.values()]


def test_the_last_ds_is_removed_and_nobody_is_asked_for_a_key(aws: Account, domain: Domain) -> None:
    assert change(aws, None) == Outcome(Status.WRITTEN)
    assert (domain.keys, aws.servers.asked) == ([], [])


def test_a_value_is_removed_by_the_id_that_the_registrar_gave_it(aws: Account, domain: Domain) -> None:
    domain.put(ONE, TWO)
    domain.keys[1]["Id"] = "1352089"
    assert change(aws, signed(ONE)) == Outcome(Status.WRITTEN)
    assert domain.signers == {ONE}


def test_new_ds_are_added_and_seen_before_old_ones_are_removed(aws: Account, domain: Domain) -> None:
    domain.put(ONE, TWO)
    aws.emulator.stale = 2
    assert change(aws, signed(THREE, FOUR)) == Outcome(Status.WRITTEN)
    assert aws.emulator.writes == ["Associate", "Associate", "Disassociate", "Disassociate"]
    assert domain.signers == {THREE, FOUR}


def test_what_stays_is_left_alone(aws: Account, domain: Domain) -> None:
    domain.put(ONE, TWO)
    assert change(aws, signed(TWO, THREE)) == Outcome(Status.WRITTEN)
    assert aws.emulator.writes == ["Associate", "Disassociate"]


@pytest.mark.parametrize("keys", [(), KEYS[:1], (KEYS[1].replace("257", "256"),)], ids=["none", "another", "a ZSK"])
def test_a_ds_whose_key_is_not_served_is_refused(aws: Account, domain: Domain, keys: tuple[str, ...]) -> None:
    aws.servers.keys = keys
    outcome = change(aws, signed(ONE, TWO))
    assert outcome.status is Status.REJECTED
    assert "contoso.example. serves no DNSKEY" in outcome.detail
    assert str(TWO) in outcome.detail
    assert (aws.emulator.writes, domain.signers) == ([], {ONE})


@pytest.mark.parametrize("older", [Ds(1, 8, 1, "0f" * 20), Ds(1, 13, 4, "0f" * 48)], ids=["SHA-1", "SHA-384"])
def test_a_ds_of_another_digest_type_is_kept_and_removed_but_never_made(aws: Account, domain: Domain, older: Ds) -> None:
    assert change(aws, signed(ONE, older)).status is Status.REJECTED
    assert aws.emulator.writes == []
    domain.put(older)
    assert change(aws, signed(ONE, older)) == Outcome(Status.WRITTEN)
    assert change(aws, signed(ONE)) == Outcome(Status.WRITTEN)
    assert domain.signers == {ONE}


def test_keys_that_are_not_one_set_are_no_keys(aws: Account, domain: Domain) -> None:
    aws.servers.irregular = True
    assert change(aws, signed(ONE, TWO)).status is Status.REJECTED
    assert domain.signers == {ONE}


def test_servers_that_do_not_answer_stop_the_change_before_anything_is_written(aws: Account, domain: Domain) -> None:
    aws.servers.failure = Unavailable("Servers differ", "ns1, ns2", "Wait.")
    with pytest.raises(Unavailable):
        change(aws, signed(ONE, TWO))
    assert (aws.emulator.writes, domain.signers) == ([], {ONE})


@pytest.mark.parametrize("theirs", [(), (TWO,), (ONE, TWO)], ids=["gone", "another", "one more"])
def test_somebody_who_was_faster_is_a_conflict(aws: Account, domain: Domain, theirs: tuple[object, ...]) -> None:
    held = [ds for ds in SIGNERS if ds in theirs]
    outcome = change(aws, signed(ONE, THREE), lambda: domain.put(*held))
    assert (outcome.status, bool(outcome.detail)) == (Status.CONFLICT, True)
    assert (aws.emulator.writes, domain.signers) == ([], set(held))


def test_a_ds_that_is_told_in_part_is_never_changed(aws: Account, domain: Domain) -> None:
    outcome = change(aws, signed(ONE, TWO), lambda: domain.keys[0].pop("Digest"))
    assert (outcome.status, aws.emulator.writes) == (Status.CONFLICT, [])


@pytest.mark.parametrize(
    "wanted", [signed(TWO, ttl=300), rrset("sub.contoso.example", "DS", 86_400, [TWO])], ids=["another TTL", "another name"]
)
def test_what_planning_refuses_is_refused_again(aws: Account, domain: Domain, wanted: RRset) -> None:
    provider = aws.open()
    base = provider.read(reference(), [wanted.key])
    held = signed(ONE) if wanted.key == DS else None
    with pytest.raises(Unsupported):
        provider.apply(base, [Change(held, wanted)])
    assert domain.signers == {ONE}


def test_one_key_twice_is_a_mistake_of_the_caller(aws: Account, domain: Domain) -> None:
    provider = aws.open()
    base = provider.read(reference(), [DS])
    with pytest.raises(ValueError, match="same key"):
        provider.apply(base, [Change(signed(ONE), signed(TWO)), Change(signed(ONE), None)])
    assert domain.signers == {ONE}


@pytest.mark.parametrize("end", ["FAILED", "ERROR"])
def test_an_operation_that_fails_is_a_refusal(aws: Account, domain: Domain, end: str) -> None:
    aws.emulator.end(end, "[Registry\x1b[2J\nsays no]")
    outcome = change(aws, signed(ONE, TWO))
    assert outcome.status is Status.REJECTED
    assert outcome.detail.endswith(f"is {end}: [Registry [2J says no]")
    assert domain.signers == {ONE}


def test_what_was_added_stands_where_the_removal_fails(aws: Account, domain: Domain) -> None:
    aws.emulator.end("SUCCESSFUL")
    aws.emulator.end("FAILED", "not now")
    outcome = change(aws, signed(TWO))
    assert outcome.status is Status.UNKNOWN
    assert outcome.detail.startswith("half done; ")
    assert "not now" in outcome.detail
    assert domain.signers == {ONE, TWO}


def test_nothing_is_removed_where_the_new_one_is_not_accepted(aws: Account, domain: Domain) -> None:
    aws.emulator.end("FAILED", "no")
    assert change(aws, signed(TWO)).status is Status.REJECTED
    assert (aws.emulator.writes, domain.signers) == (["Associate"], {ONE})


@pytest.mark.parametrize("code", ["UnsupportedTLD", "TLDRulesViolation", "DnssecLimitExceeded", "InvalidInput"])
@pytest.mark.parametrize(("operation", "after"), [(ADD, signed(ONE, TWO)), (REMOVE, None)], ids=["add", "remove"])
def test_a_request_that_is_refused_is_told_with_its_code(
    aws: Account, domain: Domain, code: str, operation: str, after: RRset | None
) -> None:
    aws.emulator.fail(operation, Fault(400, code, "because"))
    assert change(aws, after) == Outcome(Status.REJECTED, f"{code}: because")
    assert domain.signers == {ONE}


def test_the_registrys_own_limit_is_a_refusal(aws: Account, domain: Domain) -> None:
    domain.put(ONE, TWO, THREE, FOUR)
    outcome = change(aws, signed(*SIGNERS))
    assert (outcome.status, outcome.detail.partition(":")[0]) == (Status.REJECTED, "DnssecLimitExceeded")


def test_an_operation_that_never_ends_is_unknown_and_reading_settles_it(aws: Account, domain: Domain) -> None:
    aws.emulator.polls, aws.emulator.flag = 40, "PENDING_CUSTOMER_ACTION"
    outcome = change(aws, signed(ONE, TWO))
    assert outcome.status is Status.UNKNOWN
    assert "is IN_PROGRESS: PENDING_CUSTOMER_ACTION; after 300 seconds" in outcome.detail
    assert f"the registrar shows {ONE}" in outcome.detail
    assert OPERATION_SECONDS <= sum(aws.clock.slept) <= OPERATION_SECONDS + 20
    assert aws.emulator.count(OPERATION) < 30
    provider = aws.open()
    while provider.read(reference(), [DS]).sets[DS] == signed(ONE):
        pass
    assert domain.signers == {ONE, TWO}


def test_an_operation_that_is_done_and_not_shown_is_unknown(aws: Account, domain: Domain) -> None:
    aws.emulator.stale = 1_000
    outcome = change(aws, None)
    assert outcome.status is Status.UNKNOWN
    assert f"is SUCCESSFUL; after 300 seconds the registrar shows {ONE}" in outcome.detail


LOST = (
    Fault(503, carried_out=True),
    Fault(carried_out=True, drop=True),
    Fault(cut=True),
    Fault(200, body=b"<html>", carried_out=True),
)


@pytest.mark.parametrize("fault", LOST, ids=["500", "drop", "cut", "a page"])
@pytest.mark.parametrize(("operation", "after"), [(ADD, signed(ONE, TWO)), (REMOVE, None)], ids=["add", "remove"])
def test_a_lost_answer_is_settled_by_reading(
    aws: Account, domain: Domain, fault: Fault, operation: str, after: RRset | None
) -> None:
    aws.emulator.polls = 5
    aws.emulator.fail(operation, fault)
    assert change(aws, after) == Outcome(Status.WRITTEN)
    assert aws.emulator.count(operation) == 1


@pytest.mark.parametrize("fault", [Fault(503), Fault(drop=True), Fault(200, body=b"<html>")], ids=["500", "drop", "a page"])
def test_a_lost_request_is_unknown_and_never_sent_twice(aws: Account, domain: Domain, fault: Fault) -> None:
    aws.emulator.fail(ADD, fault)
    outcome = change(aws, signed(TWO))
    assert outcome.status is Status.UNKNOWN
    assert outcome.detail.endswith(f"the registrar shows {ONE}")
    assert (aws.emulator.writes, domain.signers) == (["Associate"], {ONE})


def test_the_same_request_that_is_in_progress_is_waited_for(aws: Account, domain: Domain) -> None:
    aws.emulator.polls = 5
    aws.emulator.fail(ADD, Fault(400, "DuplicateRequest", carried_out=True))
    assert change(aws, signed(ONE, TWO)) == Outcome(Status.WRITTEN)


def test_another_request_that_is_in_progress_is_unknown(aws: Account, domain: Domain) -> None:
    aws.emulator.fail(ADD, Fault(400, "DuplicateRequest"))
    outcome = change(aws, signed(ONE, TWO))
    assert (outcome.status, "being done already" in outcome.detail) == (Status.UNKNOWN, True)
    assert domain.signers == {ONE}


@pytest.mark.parametrize("fault", [Fault(400, "AccessDeniedException"), Fault(400, "InvalidInput")], ids=lambda one: one.code)
def test_where_an_operation_cannot_be_asked_for_the_domain_tells(aws: Account, domain: Domain, fault: Fault) -> None:
    aws.emulator.fail(OPERATION, fault)
    assert change(aws, signed(ONE, TWO)) == Outcome(Status.WRITTEN)


def test_what_can_no_longer_be_read_is_unknown(aws: Account, domain: Domain) -> None:
    aws.emulator.fail(DETAIL, None, None, Fault(400, "AccessDeniedException"))
    outcome = change(aws, signed(TWO))
    assert (outcome.status, "AccessDenied" in outcome.detail) == (Status.UNKNOWN, True)
    assert aws.emulator.writes == ["Associate"]


DENIALS: list[tuple[Fault, type[ProviderError]]] = [
    (Fault(400, "AccessDeniedException"), AuthFailed),
    (Fault(400, "OperationLimitExceeded"), Throttled),
    (Fault(400, "ThrottlingException"), Throttled),
]


@pytest.mark.parametrize(("fault", "raised"), DENIALS, ids=lambda one: one.code if isinstance(one, Fault) else "")
def test_what_is_not_even_begun_raises(aws: Account, domain: Domain, fault: Fault, raised: type[ProviderError]) -> None:
    aws.emulator.fail(ADD, *[fault] * 2)
    with pytest.raises(raised):
        change(aws, signed(TWO), tries=2)
    assert domain.signers == {ONE}


@pytest.mark.parametrize(("fault", "_"), DENIALS, ids=lambda one: one.code if isinstance(one, Fault) else "")
def test_what_is_half_done_does_not_raise(aws: Account, domain: Domain, fault: Fault, _: object) -> None:
    aws.emulator.fail(REMOVE, *[fault] * 2)
    outcome = change(aws, signed(TWO), tries=2)
    assert (outcome.status, fault.code in outcome.detail) == (Status.UNKNOWN, True)
    assert domain.signers == {ONE, TWO}


def test_throttled_writes_go_on_later(aws: Account, domain: Domain) -> None:
    aws.emulator.fail(ADD, Fault(400, "OperationLimitExceeded"), Fault(400, "Throttling"))
    assert change(aws, signed(ONE, TWO)) == Outcome(Status.WRITTEN)
    assert aws.meter.throttles == {f"route53domains:{ADD}": 2}


def test_the_old_ones_stay_where_somebody_took_the_new_one_away(aws: Account, domain: Domain) -> None:
    aws.emulator.fail(ADD, None, Fault(meanwhile=partial(domain.put, ONE, THREE)))
    outcome = change(aws, signed(TWO, FOUR))
    assert outcome.status is Status.UNKNOWN
    assert "somebody else changed the DS at the same time; the registrar shows" in outcome.detail
    assert domain.signers == {ONE, THREE, max(TWO, FOUR)}
    assert aws.emulator.writes == ["Associate", "Associate"]


def test_a_foreign_ds_that_came_meanwhile_stays(aws: Account, domain: Domain) -> None:
    aws.emulator.fail(REMOVE, Fault(meanwhile=partial(domain.put, ONE, TWO, THREE)))
    outcome = change(aws, signed(TWO))
    assert (outcome.status, domain.signers) == (Status.UNKNOWN, {TWO, THREE})


def test_no_secret_is_in_an_outcome(aws: Account, domain: Domain) -> None:
    aws.emulator.fail(ADD, Fault(400, "TLDRulesViolation", echo=True))
    outcome = change(aws, signed(TWO))
    assert outcome.status is Status.REJECTED
    assert "AKIA" not in outcome.detail
    assert "Signature=0" not in outcome.detail
