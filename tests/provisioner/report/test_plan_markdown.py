from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dns.rdata
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.approval import Approval, Rejection, Vote
from plans.conditions import GraphSays, HeldFor, HostResolves, ProviderHolds, Readiness, ZoneSigned
from plans.desired import Cloud, GraphAnswer, MailExchange, Pin, Source, Stated, Subject, SubjectKind
from plans.plan import Change, Entry, Filters, Header, Manual, Rollout, SetSigning, Step
from plans.policy import Finding, Risk, Severity
from plans.values import Ds, Mx, RRset, Txt, ZoneRef, name, rrset
from provisioner.engine import Planning
from provisioner.planfile import PlanFile
from provisioner.report.inert_markdown import block, code, diff
from provisioner.report.lines import printable
from provisioner.report.plan_markdown import LARGEST, plan_markdown
from tests.provisioner.cli.golden import assert_golden
from tests.strategies import entries, headers, txt_values

NOW = datetime(2026, 11, 24, tzinfo=UTC)
HEADER = Header(NOW, NOW + timedelta(hours=24), Filters(), (Source("contoso", "graph"),))
APPROVED = Approval("a" * 64, "-----BEGIN SSH SIGNATURE-----", "ann@example.org", "looks good", NOW, NOW + timedelta(hours=8))
REJECTED = Rejection("a" * 64, "bob", "not on a Friday\n@all", NOW)
OURS = re.compile(r"</?(?:code|details|summary|pre)>|<br>|\A<!-- provisioner-plan [\w./%~-]* -->")
"""The only markup that there may be."""

hostile = st.text(st.sampled_from("<>`@&*_[]()!#\\/:|~$%^ \n\r\t\x07\x1b\x9b\x7f\u202e\u2066wW.-19é"), max_size=40)


def shown(
    told: Iterable[Entry],
    header: Header = HEADER,
    plan_file: str = "plan.jsonl",
    manifest: str = "provisioner.yaml",
    votes: Sequence[Vote] = (),
) -> str:
    with PlanFile.record(Planning(header, iter(told))) as plan:
        return plan_markdown(plan, plan_file, manifest, votes)


def zone_of(domain: str) -> ZoneRef:
    return ZoneRef("aws", "route53", "1", f"id of {domain}", name(domain))


def mx(domain: str, *hosts: str, ttl: int = 3600) -> RRset:
    return rrset(domain, "MX", ttl, [Mx(10 * number, name(host)) for number, host in enumerate(hosts)])


def step(domain: str, risk: Risk, before: RRset | None, after: RRset | None, *requires: object) -> Step:
    change = Change(before, after)
    return Step(risk, change, zone_of(domain), requires, (ProviderHolds(zone_of(domain), change.key, after),))  # type: ignore[arg-type]  # a tuple of conditions


def phased(domain: str, *, wait: int = 3600) -> Entry:
    """A rollout of three steps, in the names of its domain."""
    subject = Subject(name(domain))
    held = [
        mx(domain, f"old.{domain}"),
        mx(domain, f"old.{domain}", ttl=60),
        mx(domain, f"old.{domain}", f"new.{domain}", ttl=60),
    ]
    waited = HeldFor(ProviderHolds(zone_of(domain), held[0].key, held[1]), wait)
    asked = (MailExchange(name(domain), name(f"new.{domain}"), 0, 3600),)
    answer = GraphAnswer(name(domain), Source("contoso", "graph"), Cloud.GLOBAL, NOW, asked)
    steps = (
        step(domain, Risk.LOWER_TTL, held[0], held[1]),
        step(domain, Risk.ADD_MX, held[1], held[2], waited, HostResolves(name(f"new.{domain}"))),
        step(domain, Risk.REMOVE_MX, held[2], mx(domain, f"new.{domain}", ttl=60)),
    )
    return Entry(subject, "contoso", (), (answer,), Rollout(subject, steps, ("The TTL goes back to what it was.",)))


def found(domain: str, severity: Severity, what: str = "it is wrong", mend: str = "mend it") -> Entry:
    subject = Subject(name(domain))
    return Entry(subject, "contoso", (Finding(severity, f"a-{severity}", subject, what, mend),))


def by_hand(domain: str) -> Entry:
    """A zone that is signed, and its DS that a person brings to a registrar."""
    subject = Subject(name(domain), SubjectKind.ZONE)
    ds = (Ds(1, 13, 2, "ab" * 32),)
    steps = (
        Step(Risk.SIGN, SetSigning(signed=True), zone_of(domain), (), (ZoneSigned(name(domain), ds, 60),)),
        Step(
            Risk.MANUAL,
            Manual("Give this to the registrar:", (f"{domain}. DS 1 13 2 {'AB' * 32}",)),
            None,
            (GraphSays(name(domain), Readiness.VERIFIED),),
            (GraphSays(name(domain), Readiness.EMAIL),),
        ),
        Step(Risk.MANUAL, Manual("Look at it."), None, (), (GraphSays(name(domain), Readiness.EMAIL),)),
    )
    return Entry(subject, "", (), (), Rollout(subject, steps), "f" * 64)


def test_a_plan_reads_well() -> None:
    warned = Finding(Severity.WARNING, "a-warning", Subject(name("c.example")), "it is odd", "look at it")
    told = [
        found("a.example", Severity.NOTICE, "first line\nsecond line"),
        *(found(f"b{number}.example", Severity.BLOCK) for number in range(6)),
        found("e.example", Severity.ERROR),
        replace(phased("c.example"), findings=(warned,)),
        phased("d.example"),
        phased("slow.example", wait=86400),
        by_hand("z.example"),
    ]
    header = replace(HEADER, planner="ann@example.org", policy="c" * 64, filters=Filters(("*.example",), ("x.*",)))
    with PlanFile.record(Planning(header, iter(told))) as plan:
        own = [replace(vote, plan=plan.id) for vote in (APPROVED, REJECTED)]
        text = plan_markdown(plan, "plan.jsonl", "provisioner.yaml", [*own, replace(APPROVED, plan="f" * 64, note="")])
    assert_golden("plan.md", re.sub(r"\b(?!ffff|cccc)[0-9a-f]{64}\b", "<plan id>", text))


def test_the_worst_is_told_first_and_findings_before_steps() -> None:
    text = shown([phased("c.example"), *(found("a.example", severity) for severity in Severity)])
    places = [text.index(f"**{word}**") for word in ("error", "block", "warning", "notice")]
    assert places == sorted(places)
    assert places[-1] < text.index("#### Steps")


def test_an_empty_plan_asks_for_no_approval() -> None:
    text = shown([])
    assert "There is nothing to approve." in text
    assert "provisioner approve" not in text
    assert "0 domains, 0 steps" in text


def test_subjects_whose_steps_differ_in_names_alone_are_told_once_with_all_their_values() -> None:
    text = shown(phased(f"d{number:02d}.example") for number in range(20))
    assert text.count("<details>") == 1
    assert "<summary><code>d00.example</code> and 19 more: 3 steps, " in text
    assert text.count("done when") == 3
    for number in range(20):
        assert f"- 0 old.d{number:02d}.example. ttl=3600\n+ 0 old.d{number:02d}.example. ttl=60\n" in text


@pytest.mark.parametrize(
    "other",
    [
        phased("d.example", wait=7200),
        replace(
            phased("d.example"),
            rollout=Rollout(
                Subject(name("d.example")), (step("d.example", Risk.REMOVE_MX, mx("d.example", "a.example"), None),)
            ),
        ),
        by_hand("d.example"),
    ],
    ids=["another wait", "other steps", "another kind of subject"],
)
def test_subjects_whose_steps_differ_in_more_are_told_apart(other: Entry) -> None:
    assert shown([phased("c.example"), other]).count("<details>") == 2


def test_a_plan_of_any_size_fits_and_tells_what_it_leaves_out() -> None:
    big = [phased(f"d{number}.example") for number in range(150)]
    big += [found(f"f{number}.example", Severity.BLOCK, f"what of {number} {'is wrong ' * 9}") for number in range(300)]
    text = shown(big)
    assert LARGEST - 2000 < len(text) <= LARGEST
    missing = re.search(r"\*\*Left out here: (\d+) subjects with steps and (\d+) findings\.\*\* To see all: (.*)", text)
    assert missing
    assert int(missing[1]) + text.count("```diff") == 150
    assert int(missing[2]) + text.count("- **block**") == 300
    assert html.unescape(missing[3]) == "<code>provisioner show plan.jsonl</code>"
    assert "150 subjects with" not in text
    assert "450 domains, 450 steps" in text
    assert "<code>remove-mx</code> 150" in text


def test_rejections_are_told_first_and_no_number_of_votes_takes_the_room() -> None:
    many = [replace(APPROVED, note="<" * 500, at=NOW + timedelta(seconds=number)) for number in range(1000)]
    text = shown([phased("c.example")], votes=[*many, REJECTED])
    said = text[text.index("#### Said to this plan") : text.index("#### Steps")]
    assert len(said) < 9000
    lines = said.splitlines()
    assert "rejected" in lines[4]
    listed = sum("approved" in line for line in lines)
    assert 0 < listed < 1000
    assert f"- and {1000 - listed} more" in lines
    assert_inert(text)


def test_what_would_take_all_the_room_alone_is_left_out_whole() -> None:
    subject = Subject(name("long.example"))
    copied = Step(Risk.MANUAL, Manual("Copy:", ("x" * LARGEST,)), None, (), (HostResolves(name("a.example")),))
    long = Entry(subject, "", (), (), Rollout(subject, (copied,)))
    text = shown(
        [
            found("a.example", Severity.BLOCK, "y" * LARGEST),
            found("b.example", Severity.BLOCK, "<" * 9000),
            long,
            phased("c.example"),
        ]
    )
    assert "Left out here: 1 subject with steps and 2 findings." in text
    assert "xxx" not in text
    assert "yyy" not in text
    assert "<summary><code>c.example</code>: 3 steps" in text


def test_the_marker_names_the_manifest_and_nothing_else() -> None:
    assert shown([], manifest="fleet/eu west.yaml").startswith("<!-- provisioner-plan fleet/eu%20west.yaml -->\n")
    assert shown([], manifest="--><img src=x>").startswith("<!-- provisioner-plan --%3E%3Cimg%20src%3Dx%3E -->\n")


def test_a_command_can_be_copied_whatever_the_file_is_called() -> None:
    assert "<code>provisioner approve 'my plan'</code>" in html.unescape(shown([phased("a.example")], plan_file="my plan"))
    assert "<code>provisioner apply PLAN</code>" in shown([phased("a.example")], plan_file="'" * 200)


def outside_code(text: str) -> str:
    """Give what is neither in code nor in a block."""
    return re.sub(r"<code>[^<]*</code>|<pre>[^<]*</pre>|^```diff\n(?:[-+ ] .*\n)*```$", "", text, flags=re.MULTILINE)


def assert_inert(text: str) -> None:
    assert len(text) <= LARGEST
    assert all(sign.isprintable() or sign == "\n" for sign in text)
    assert not re.search(r"[<>]", OURS.sub("", text))
    assert "@" not in text
    assert all(line in {"```diff", "```"} for line in text.splitlines() if "`" in line)
    assert not re.search(r"^\s*/|www\.|://", text, re.IGNORECASE | re.MULTILINE)
    for tag in ("code", "pre", "details", "summary"):
        assert text.count(f"<{tag}>") == text.count(f"</{tag}>")


@given(headers, st.lists(entries(), max_size=2), hostile, hostile)
def test_nothing_in_any_plan_is_taken_for_markup(header: Header, told: list[Entry], plan_file: str, manifest: str) -> None:
    assert_inert(shown(told, header, plan_file, manifest))


@given(st.lists(hostile.map("canary".__add__), min_size=16, max_size=16), st.sampled_from(Severity))
def test_whatever_is_foreign_stands_in_code(words: list[str], severity: Severity) -> None:
    word = iter(words)
    subject = Subject(name("contoso.example"))
    zone = ZoneRef(next(word), next(word), next(word), next(word), subject.name)
    asked = GraphAnswer(subject.name, Source("t", next(word)), Cloud.GLOBAL, NOW, ())
    evidence = (asked, Pin(subject.name, name("a.example"), next(word)), Stated(subject.name, next(word), next(word)))
    done = (ProviderHolds(zone, mx("contoso.example", "a.example").key, None),)
    steps = (
        Step(Risk.MANUAL, Manual(next(word), (next(word),)), None, (), done),
        Step(Risk.REMOVE_MX, Change(mx("contoso.example", "a.example"), None), zone, (), done),
    )
    rollout = Rollout(subject, steps, (next(word),))
    finding = Finding(severity, next(word), subject, next(word), next(word))
    acting = Entry(subject, next(word), () if finding.stops else (finding,), evidence, rollout, next(word))
    header = replace(HEADER, planner=words[0], policy=words[1], filters=Filters((words[2],), (words[3],)))
    said = (Approval(words[6], words[7], words[8], words[9], NOW), Rejection(words[6], words[10], words[11], NOW))
    text = shown([acting, Entry(subject, words[4], (finding,))], header, words[5], votes=said)
    assert_inert(text)
    assert text.count("canary") >= len(words)
    assert "canary" not in outside_code(text)


@pytest.mark.parametrize(
    "lively",
    [
        "@all",
        "www.",
        "WWW.",
        "://",
        "<img",
        "-->",
        "!1",
        "/close",
        "```",
        "**",
        "__",
        "](",
        "&lt;",
        ":bug:",
        "~",
        "|",
    ],
)
def test_what_a_renderer_would_act_upon_is_not_there(lively: str) -> None:
    assert lively not in code(f"a {lively}example.org") + block([lively, f" {lively}"])


@given(hostile | st.text())
def test_a_reader_sees_the_text_itself(text: str) -> None:
    assert html.unescape(code(text)) == f"<code>{printable(text)}</code>"
    assert html.unescape(block([text, "b"])) == f"<pre>{printable(text)}\nb</pre>\n\n"


@given(txt_values)
def test_a_value_in_a_diff_block_means_the_same(value: Txt) -> None:
    written = diff([f"+ {value}"]).splitlines()[1].removeprefix("+ ")
    assert not set(written) & set("<>@`&")
    assert dns.rdata.from_text("IN", "TXT", written) == dns.rdata.from_text("IN", "TXT", str(value))
