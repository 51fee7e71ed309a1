"""What was found of domains from outside, for a person and for a program."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence

from plans.desired import SubjectKind
from plans.verify import Check, Standing, worst
from provisioner.manifest.mistakes import enumerated
from provisioner.report.lines import Line, Part, Tone, line
from provisioner.verification import Verified

_TONES = {
    Standing.FAULT: Tone.STOPPED,
    Standing.UNDETERMINED: Tone.WARNED,
    Standing.NOTICE: Tone.FAINT,
    Standing.GOOD: Tone.GOOD,
}
_MARKS = {Standing.FAULT: "x", Standing.UNDETERMINED: "?", Standing.NOTICE: "i", Standing.GOOD: "+"}
_SEVERITY = tuple(Standing)


def verify_lines(found: Collection[Verified], *, details: bool) -> Iterator[Line]:
    """Render the domains, the worst first: one line of a good one, of each other what is not good. Then what needs a person.

    `details`: of each domain everything that was looked at.
    """
    ordered = sorted(found, key=lambda each: _SEVERITY.index(each.standing))
    for one in ordered:
        shown = [check for check in _worst_first(one.checks) if details or check.standing is not Standing.GOOD]
        yield line(
            Part(str(one.subject), Tone.STRONG),
            f"  ({'a tenant' if one.subject.kind is SubjectKind.TENANT else f'tenant {one.tenant}'})  ",
            Part(one.standing, _TONES[one.standing]),
        )
        for check in shown:
            yield from _check(check)
        if shown or one is ordered[-1]:
            yield ()
    yield from _summary(found)


def _worst_first(checks: Sequence[Check]) -> list[Check]:
    return sorted(checks, key=lambda check: _SEVERITY.index(check.standing))


def _check(check: Check) -> Iterator[Line]:
    first, *more = check.what.splitlines() or [""]
    yield line("  ", Part(f"{_MARKS[check.standing]} {check.standing}: {check.name}", _TONES[check.standing]), f"  {first}")
    yield from (line(f"      {told}") for told in more)
    yield from (line("      ", Part(told, Tone.FAINT)) for told in check.mend.splitlines())


def _summary(found: Collection[Verified]) -> Iterator[Line]:
    """Render what needs a person, each with the subjects that have it, and what the whole came to."""
    needing: dict[tuple[Standing, str], dict[str, None]] = defaultdict(dict)
    for one in found:
        for check in one.checks:
            if check.standing in {Standing.FAULT, Standing.UNDETERMINED}:
                needing[check.standing, check.name.partition(" ")[0]][str(one.subject)] = None
    if needing:
        yield line(Part("What needs a person", Tone.STRONG))
        for (standing, name), subjects in sorted(needing.items(), key=lambda row: (_SEVERITY.index(row[0][0]), -len(row[1]))):
            named = f"{len(subjects):5}  {enumerated(subjects)}"
            yield line("  ", Part(f"{standing:12}", _TONES[standing]), f"  {name:10}  {named}")
        yield ()
    counts = Counter(one.standing for one in found)
    told = ", ".join(f"{counts[standing]} {standing}" for standing in Standing if counts[standing]) or "nothing to look at"
    domains = f"{len(found)} {'domain' if len(found) == 1 else 'domains'}"
    yield line(Part(f"Verified {domains}: ", _TONES[worst(counts)]), f"{told}.")


def verify_document(found: Collection[Verified]) -> str:
    """Give everything as one JSON document.

    `{"standing": S, "counts": {S: N}, "domains": [{"subject": NAME, "kind": "domain" or "tenant", "tenant": LABEL,
    "standing": S, "checks": [{"check": NAME, "standing": S, "what": TEXT, "mend": TEXT}]}]}`, where each S is `fault`,
    `undetermined`, `notice` or `good`; that of a domain is the worst of its checks, that of the document the worst of all.
    Checks are named `chain`, `DS`, `signatures`, `delegation`, `MX`, `TLSA HOST`, `DANE` and `MTA-STS`; `zone`, `provider`,
    `Graph`, `DNS` and `all` tell why others are missing or what they rest on.
    """
    counts = Counter(one.standing for one in found)
    document = {
        "standing": worst(counts),
        "counts": {standing: counts[standing] for standing in Standing},
        "domains": [
            {
                "subject": str(one.subject),
                "kind": one.subject.kind,
                "tenant": one.tenant,
                "standing": one.standing,
                "checks": [
                    {"check": check.name, "standing": check.standing, "what": check.what, "mend": check.mend}
                    for check in one.checks
                ],
            }
            for one in found
        ],
    }
    return json.dumps(document, indent=1) + "\n"
