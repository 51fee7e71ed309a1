"""What `verify` prints: looked at in golden files, and as JSON."""

from __future__ import annotations

import json

import pytest

from plans.desired import Subject, SubjectKind
from plans.values import Name, name
from plans.verify import Check, Standing
from provisioner.exits import Exit
from provisioner.report.exit_code import of_verify
from provisioner.report.lines import plain
from provisioner.report.verify_text import verify_document, verify_lines
from provisioner.verification import Verified
from tests.provisioner.cli.golden import assert_golden

FAULT, UNDETERMINED, NOTICE, GOOD = Standing.FAULT, Standing.UNDETERMINED, Standing.NOTICE, Standing.GOOD
MX = Check("MX", GOOD, "0 contoso-example.o-v1.mx.microsoft.")
HELD = Check("DANE", FAULT, "failed: mail is held back at mx1.contoso.example.", "Publish the record that matches.")


def verified(domain: str, *checks: Check) -> Verified:
    return Verified(Subject(name(domain)), "contoso", checks)


FOUND = (
    verified("a.example", MX, Check("DANE", GOOD, "verified: contoso-example.o-v1.mx.microsoft.")),
    verified(
        "b.example",
        Check("Graph", NOTICE, "Graph still answers the legacy host.", "Drop the pin once it answers the same."),
        MX,
        Check("TLSA mx1.contoso.example", FAULT, "failed: 192.0.2.1 presents a certificate that no record matches"),
        Check("TLSA mx2.contoso.example", FAULT, "failed: 192.0.2.2 presents a certificate that no record matches"),
        HELD,
    ),
    verified("c.example", Check("MX", UNDETERMINED, "nobody said what it is\n192.0.2.1: it takes too long"), HELD),
    verified("d.example", Check("MX", UNDETERMINED, "nobody said what it is\n192.0.2.1: it takes too long")),
    verified(
        "e.example", MX, Check("MTA-STS", NOTICE, "policy 1 (mode testing) does not name mx1.contoso.example.", "Name it.")
    ),
    Verified(Subject(Name("fabrikam"), SubjectKind.TENANT), "fabrikam", (Check("Graph", UNDETERMINED, "It is closed."),)),
)


@pytest.mark.parametrize("details", [False, True])
def test_the_worst_comes_first_and_what_is_good_takes_a_line(details: bool) -> None:
    text = "".join(f"{plain(line)}\n" for line in verify_lines(FOUND, details=details))
    assert_golden("verify_details.txt" if details else "verify.txt", text)


@pytest.mark.parametrize(
    ("found", "last"),
    [
        ((), "Verified 0 domains: nothing to look at."),
        (FOUND[:1], "Verified 1 domain: 1 good."),
    ],
)
def test_where_nothing_needs_a_person_none_is_asked_for(found: tuple[Verified, ...], last: str) -> None:
    lines = [plain(line) for line in verify_lines(found, details=False)]
    assert (lines[-1], any("needs a person" in line for line in lines)) == (last, False)


def test_the_document_holds_every_check() -> None:
    document = json.loads(verify_document(FOUND))
    assert (document["standing"], document["counts"]) == ("fault", {"fault": 2, "undetermined": 2, "notice": 1, "good": 1})
    assert [one["subject"] for one in document["domains"]] == [str(one.subject) for one in FOUND]
    assert document["domains"][2] == {
        "subject": "c.example",
        "kind": "domain",
        "tenant": "contoso",
        "standing": "fault",
        "checks": [
            {
                "check": "MX",
                "standing": "undetermined",
                "what": "nobody said what it is\n192.0.2.1: it takes too long",
                "mend": "",
            },
            {"check": "DANE", "standing": "fault", "what": HELD.what, "mend": HELD.mend},
        ],
    }
    assert document["domains"][-1]["kind"] == "tenant"


def test_nothing_that_others_put_into_a_record_steers_the_terminal() -> None:
    hostile = verified(
        "a.example", Check("MX", FAULT, "an MX set that is \x1b[2J\u202egood", "\x1b]0;title\x07"), Check("DS", GOOD, "")
    )
    text = "".join(f"{plain(line)}\n" for line in verify_lines([hostile], details=True))
    assert all(sign.isprintable() or sign == "\n" for sign in text)
    assert "\\u001b[2J\\u202egood" in text
    assert "\x1b" not in verify_document([hostile])


@pytest.mark.parametrize(
    ("standings", "code"),
    [
        ((), Exit.DONE),
        ((GOOD, NOTICE), Exit.DONE),
        ((GOOD, UNDETERMINED, NOTICE), Exit.ERROR),
        ((UNDETERMINED, FAULT), Exit.PENDING),
    ],
)
def test_a_fault_counts_before_what_could_not_be_seen(standings: tuple[Standing, ...], code: Exit) -> None:
    assert of_verify(standings) is code
