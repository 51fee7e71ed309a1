"""MTA-STS as text (RFC 8461): the record that announces a policy, the policy, and which hosts it names."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from plans.facts import NoAnswer, StsMode, StsPolicy
from plans.values import Name, ancestors

LONGEST_AGE = 31557600
"""Seconds; the highest `max_age` (RFC 8461 §3.2)."""

_MARK = "v=STSv1;"
_ID = re.compile(r"[A-Za-z0-9]{1,32}\Z")
_EXTENSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}=[\x21-\x3a\x3c\x3e-\x7e]+\Z")
_FIELD = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,31}):(.*)\Z")
_PATTERN = re.compile(r"(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")
_AGE = re.compile(r"[0-9]{1,10}\Z")


def record_id(texts: Iterable[str]) -> str:
    """Give the id that the TXT records at `_mta-sts` announce, each with its strings joined (RFC 8461 §3.1).

    Empty where they announce no policy: none of them is a record of MTA-STS, several are, or the one is malformed; senders
    then hold the domain for one without MTA-STS.
    """
    found = [text for text in texts if text.startswith(_MARK)]
    return _id_of(found[0]) if len(found) == 1 else ""


def _id_of(text: str) -> str:
    fields = [field.strip(" \t") for field in text[len(_MARK) :].split(";")]
    if fields[-1] == "":
        fields.pop()
    ids = [field.removeprefix("id=") for field in fields if field.startswith("id=")]
    others = [field for field in fields if not field.startswith("id=")]
    is_well_formed = all(map(_EXTENSION.match, others)) and all(map(_ID.match, ids))
    return ids[0] if ids and is_well_formed else ""


def read_policy(body: bytes, record: str, ttl: int) -> StsPolicy | NoAnswer:
    """Read a policy's body (RFC 8461 §3.2); `record` is the id that announces it, `ttl` that record's TTL in seconds.

    Unknown fields are passed over, and of a field that stands there twice the first counts. What is malformed is no answer.
    """
    try:
        lines = body.decode("utf-8").replace("\r\n", "\n").split("\n")
    except UnicodeDecodeError:
        return NoAnswer("the policy is not UTF-8 text")
    fields: dict[str, str] = {}
    patterns: list[str] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip(" \t"):
            continue
        field = _FIELD.match(line)
        if field is None:
            return NoAnswer(f"line {number} of the policy is no `name: value`")
        key, value = field[1], field[2].strip(" \t")
        if key == "mx":
            patterns.append(value.lower().removesuffix("."))
        else:
            fields.setdefault(key, value)
    fault = _fault(fields, patterns)
    if fault:
        return NoAnswer(fault)
    digest = hashlib.sha256(body).hexdigest()
    return StsPolicy(record, ttl, StsMode(fields["mode"]), tuple(patterns), int(fields["max_age"]), digest)


def _fault(fields: dict[str, str], patterns: list[str]) -> str:
    if fields.get("version") != "STSv1":
        return "the policy's version is not STSv1"
    if fields.get("mode") not in set(StsMode):
        return f"the policy's mode is none of {', '.join(StsMode)}"
    age = fields.get("max_age", "")
    if not _AGE.match(age) or int(age) > LONGEST_AGE:
        return f"the policy's max_age is no number of seconds up to {LONGEST_AGE}"
    if not all(map(_PATTERN.match, patterns)):
        return "an mx of the policy is neither a host name nor one with a first label `*`"
    if not patterns and fields["mode"] != StsMode.NONE:
        return "the policy names no mx"
    return ""


def covers(pattern: str, host: Name) -> bool:
    """Whether an `mx` pattern, in lower case without final dot, names a host; `*` is one label (RFC 8461 §4.1)."""
    if not pattern.startswith("*."):
        return host == f"{pattern}."
    return ancestors(host)[:1] == (f"{pattern[2:]}.",)


def lists(policy: StsPolicy, hosts: Iterable[Name]) -> bool:
    """Whether a policy names each of the hosts."""
    return all(any(covers(pattern, host) for pattern in policy.patterns) for host in hosts)
