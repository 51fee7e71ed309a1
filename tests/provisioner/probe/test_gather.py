"""What conditions name is looked at, once each and nothing else; what cannot be had opens nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans import conditions
from plans.conditions import Instant, Readiness
from plans.facts import Confirmation, Facts, NoAnswer
from plans.judging import Memory, judge
from plans.values import Key, ZoneRef, name
from providers.contract import Unavailable
from provisioner.probe.gather import gather
from tests.provisioner.witnesses import CURRENT_TLSA, DS, FIRST, KSK, SECOND, ScriptedWitness
from tests.provisioner.worlds import CONTOSO, KEY, NEW, NOW, OLD, Scripted

HOST = name("mx1.contoso.example")
ZONE = ZoneRef("mem", "memory", "", "contoso.example.", CONTOSO)
SERVERS = f"servers of {CONTOSO}"

ALL: list[tuple[Instant, list[str]]] = [
    (conditions.ProviderHolds(ZONE, KEY, OLD), []),
    (conditions.GraphSays(CONTOSO, Readiness.VERIFIED), []),
    (conditions.GraphAsks(CONTOSO, HOST), []),
    (conditions.ServedEverywhere(CONTOSO, KEY, OLD), [SERVERS]),
    (conditions.MxOffDane(CONTOSO, CONTOSO), [SERVERS]),
    (conditions.HostResolves(HOST), [HOST]),
    (conditions.TlsaGone(HOST), [HOST]),
    (conditions.HostTakesMail(HOST), [f"{HOST} by SMTP"]),
    (conditions.TlsaHarmless(HOST), [f"{HOST} by SMTP"]),
    (conditions.TlsaSecure(HOST), [f"{HOST} by SMTP"]),
    (conditions.Presents(HOST, (CURRENT_TLSA,)), [f"{HOST} by SMTP"]),
    (conditions.StsAllows(CONTOSO, (HOST,)), [f"MTA-STS of {CONTOSO}"]),
    (conditions.ChainValid(CONTOSO), [f"zone {CONTOSO}"]),
    (conditions.ZoneSigned(CONTOSO, (DS,), 0), [f"zone {CONTOSO}"]),
    (conditions.ZoneUnsigned(CONTOSO), [f"zone {CONTOSO}"]),
    (conditions.DelegatedTo(CONTOSO, ()), [f"zone {CONTOSO}"]),
    (conditions.ParentServesDs(CONTOSO, (DS,)), [f"zone {CONTOSO}"]),
    (conditions.ParentSecure(CONTOSO), [f"zone {CONTOSO}"]),
    (conditions.ClockTrusted(), []),
]


@pytest.fixture
def witness() -> ScriptedWitness:
    return outside()


def outside() -> ScriptedWitness:
    return ScriptedWitness([Scripted({CONTOSO: [OLD]})], lambda: NOW, keys={CONTOSO: (KSK,)}, skew=timedelta(seconds=1))


def look(witness: ScriptedWitness, *named: Instant) -> Facts:
    return gather(witness, named, NOW, {}, {}, {})


@pytest.mark.parametrize(("condition", "looks"), ALL, ids=lambda one: one.kind if hasattr(one, "kind") else "")
def test_each_condition_is_looked_at_where_it_is_decided(
    condition: Instant, looks: list[str], witness: ScriptedWitness
) -> None:
    facts = look(witness, condition)
    assert witness.asked == looks
    assert (facts.clock_skew is not None) == isinstance(condition, conditions.ClockTrusted)
    assert facts.at == NOW


def test_every_kind_of_condition_is_known() -> None:
    assert {type(condition) for condition, _ in ALL} == set(Instant.__args__)


@given(st.sets(st.sampled_from([condition for condition, _ in ALL])))
def test_nothing_is_looked_at_twice_and_nothing_that_is_not_named(named: set[Instant]) -> None:
    witness = outside()
    look(witness, *named)
    wanted = {look for condition, looks in ALL if condition in named for look in looks}
    if f"{HOST} by SMTP" in wanted:
        wanted.discard(HOST)
    assert sorted(witness.asked) == sorted(wanted)


def test_what_each_server_serves_is_told_by_address(witness: ScriptedWitness) -> None:
    other = Key(CONTOSO, "TXT")
    witness.silent.add(SECOND)
    facts = look(witness, conditions.ServedEverywhere(CONTOSO, KEY, NEW), conditions.ServedEverywhere(CONTOSO, other, None))
    assert facts.served == {
        (CONTOSO, KEY): {FIRST: OLD, SECOND: NoAnswer("it is silent")},
        (CONTOSO, other): {FIRST: None, SECOND: NoAnswer("it is silent")},
    }


@pytest.mark.parametrize("condition", [condition for condition, looks in ALL if looks], ids=lambda one: one.kind)
def test_what_cannot_be_had_opens_nothing(condition: Instant, witness: ScriptedWitness) -> None:
    witness.is_down = True
    facts = look(witness, condition)
    verdict = judge(condition, facts, Memory())
    assert not verdict.met
    assert verdict.why
    assert (facts.zones, facts.hosts) == ({}, {})


def test_a_reason_is_the_last_line_of_what_went_wrong(witness: ScriptedWitness) -> None:
    class Silent(ScriptedWitness):
        def _look(self, at: str) -> None:
            raise Unavailable(f"No {at}", "many\nlines", "Wait.")

    silent = Silent(witness.providers, witness.now)
    facts = look(silent, conditions.ServedEverywhere(CONTOSO, KEY, NEW), conditions.StsAllows(CONTOSO, (HOST,)))
    assert facts.served == {(CONTOSO, KEY): {CONTOSO: NoAnswer(f"No {SERVERS}: lines")}}
    assert facts.sts == {CONTOSO: NoAnswer(f"No MTA-STS of {CONTOSO}: lines")}


def test_what_is_given_is_handed_on(witness: ScriptedWitness) -> None:
    facts = gather(witness, [], NOW, {KEY: OLD}, {}, {CONTOSO: HOST})
    assert (facts.live, facts.pins, witness.asked) == ({KEY: OLD}, {CONTOSO: HOST}, [])


@pytest.mark.parametrize("condition", [condition for condition, _ in ALL], ids=lambda one: one.kind)
def test_peoples_words_are_asked_for_where_they_count(condition: Instant, witness: ScriptedWitness) -> None:
    words = {HOST: Confirmation(HOST, "ab" * 32, frozenset(), "ops", NOW)}
    facts = gather(witness, [condition], NOW, {}, {}, {}, lambda: words)
    assert facts.confirmations == (words if isinstance(condition, conditions.Presents) else {})
