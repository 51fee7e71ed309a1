"""What each bad input of a rollout comes to: as what it is found, and how `plan` and `apply` end. To print it:

    python -m tests.provisioner.cli.refusal_table

`test_refusals` and `tests/lab/dane/test_refused_inputs` bring about each row; `docs/refusals.md` shows them to users.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from pydantic import TypeAdapter

from plans.conditions import HeldFor
from plans.plan import Step
from provisioner.exits import Exit


class Found(Enum):
    """As what a bad input is found."""

    FINDING = "finding `{}`"
    CONDITION = "condition `{}` is not met"
    STEP = "step `{}` mends it"


@dataclass(frozen=True)
class Row:
    """What a bad input comes to: `code` is that of a finding, the kind of a condition, or the risk class of a step.

    `plan` is the exit code of `plan --strict --detailed-exitcode`, `apply` that of `apply PLAN`. `says` is part of the reason.
    """

    found: Found
    code: str
    plan: Exit
    apply: Exit
    says: str


def _unread(says: str) -> Row:
    return Row(Found.FINDING, "mail-host-unreadable", Exit.ERROR, Exit.ERROR, says)


def _blocked(code: str, says: str) -> Row:
    return Row(Found.FINDING, code, Exit.REFUSED, Exit.REFUSED, says)


def _waits(condition: str, says: str) -> Row:
    return Row(Found.CONDITION, condition, Exit.PENDING, Exit.WAITING, says)


TABLE: Mapping[str, Row] = {
    # A mail host's certificate
    "certificate that has ended": _unread("ended"),
    "certificate for other names": _unread("not for mx1."),
    "file that is no PEM": _unread("neither a certificate nor a public key in PEM"),
    "file with the private key": _unread("a private key, which has no place in it"),
    "certificate before one that did not issue it": _unread("did not issue the one before it"),
    "certificate and the public key of another": _unread("does not belong to what stands before it"),
    "key that not every sender can check": _unread("neither RSA nor ECDSA"),
    "`next` with the same key as `certificate`": _blocked("next-is-current", "have the same key"),
    "certificate that the host does not present": _waits("presents", "presents a certificate that no record matches"),
    # What stands at the owner
    "CNAME at the owner of the TLSA set": _blocked("cname-at-name", "beside which no TLSA can stand"),
    "CNAME at the owner of the MX set": _blocked("cname-at-name", "beside which no MX can stand"),
    "wildcard that a first MX would shadow": _blocked("wildcard-shadowed", "answered by the wildcard"),
    "wildcard that a first TLSA set would shadow": _blocked("wildcard-shadowed", "answered by the wildcard"),
    "mail host in a zone that is not signed": _blocked("tlsa-zone-unsigned", "is not signed"),
    # DNSSEC
    "keys of an algorithm that cannot be checked": _waits("zone-signed", "algorithm 17 cannot be checked here"),
    "DS at the parent that matches no key": Row(
        Found.FINDING, "broken-now", Exit.PENDING, Exit.WAITING, "Validating resolvers refuse"
    ),
    "server that lags behind the others": _blocked("keys-differ", "do not serve the same keys"),
    "server whose signatures have expired": _waits("zone-signed", "DNSKEY expired at"),
    "server whose signatures end tomorrow": _waits("zone-signed", "and must last beyond"),
    "dead TLSA in a zone about to be signed": _waits("tlsa-harmless", "presents a certificate that no record matches"),
    "`dnssec: off` under an MX under mx.microsoft": _blocked("dane-before-ds", "is under mx.microsoft"),
    "`dnssec: off` under a mail host of `mail_hosts`": _blocked("tlsa-before-ds", "`mail_hosts` asks for a TLSA set"),
    "clock that is an hour off": _waits("clock-trusted", "this machine's clock is"),
    "clock that jumps back": _waits("served-everywhere", "this machine's clock is"),
    # MX
    "MX of the legacy host at preference 50": Row(Found.STEP, "swap-mx", Exit.PENDING, Exit.DONE, "- 50 contoso"),
    "MTA-STS host that does not answer in time": _waits("sts-allows", "cannot be fetched: it takes too long"),
    "MTA-STS policy that changes under the same id": _waits("sts-allows", "the policy's body changed under the id"),
    # People
    "step by hand that nobody does for a week": _waits("zone-signed", "serves no DNSKEY"),
}


def steps(said: str) -> set[str]:
    """Give the risk classes of the steps in what `plan` printed."""
    return set(re.findall(r"^  \d+  ([\w-]+)  ", said, re.MULTILINE))


def codes(said: str) -> set[str]:
    """Give the codes of the findings in what `plan` printed."""
    return set(re.findall(r"^  [!ix] \w+: ([\w-]+)", said, re.MULTILINE))


def unmet(said: str) -> set[tuple[str, str]]:
    """Give the kinds of the conditions that what `apply --json` printed waits for, each with the reason."""
    results = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    return {
        (kinds[one["condition"]], one["why"])
        for result in results
        if "waiting" in result
        for kinds in [_kinds(TypeAdapter(Step).validate_json(json.dumps(result["waiting"])))]
        for one in result["unmet"]
    }


def _kinds(step: Step) -> dict[str, str]:
    """Give the kind of each condition of a step by its text; that of a wait is what has to be so for long."""
    conditions = (*step.requires, *step.done_when)
    return {str(one): one.condition.kind if isinstance(one, HeldFor) else one.kind for one in conditions}


def rendered() -> Iterator[str]:
    """Give the table's lines, in Markdown."""
    yield "| what is wrong | found as | `plan` | `apply` | the reason says |"
    yield "|---|---|---|---|---|"
    for label, row in TABLE.items():
        yield f"| {label} | {row.found.value.format(row.code)} | {row.plan.value} | {row.apply.value} | {row.says} |"


if __name__ == "__main__":
    print("\n".join(rendered()))  # noqa: T201 - this prints
