"""The plan file: whole ones of any content, changed ones whose digest is made to fit again, and damaged ones."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import strategies as st

from plans import codec
from plans.conditions import HeldFor, ProviderHolds
from plans.desired import Pin, Source, Subject, SubjectKind
from plans.plan import Change, Entry, Filters, Header, Rollout, Step
from plans.policy import Finding, Risk, Severity
from plans.problem import Problem
from plans.values import Mx, ZoneRef, name, rrset
from provisioner.planfile import PlanFile
from provisioner.report.documents import plan_document
from provisioner.report.plan_markdown import LARGEST, plan_markdown
from provisioner.report.plan_text import plan_lines
from tests.fuzz.harness import Read, Reader, samples
from tests.fuzz.mutation import Pool, altered, as_json, mutated
from tests.strategies import entries, headers

NOW = datetime(2026, 11, 24, tzinfo=UTC)
HEADER = Header(NOW, NOW + timedelta(hours=24), Filters(("*.example",)), (Source("contoso", "graph"),), "ann", "")


@contextmanager
def _opened() -> Iterator[Read]:
    with tempfile.TemporaryDirectory() as folder:
        file, again = Path(folder, "plan.jsonl"), Path(folder, "again.jsonl")

        def read(octets: bytes) -> bool:
            file.write_bytes(octets)
            with PlanFile.read(file) as plan:
                written = b"".join(codec.encode(plan.header, plan.entries()))
                assert written.splitlines()[:-1] == octets.splitlines()[:-1]
                plan.write(again)
                assert again.read_bytes() == octets
                assert list(plan_lines(plan, "provisioner apply plan.jsonl"))
                assert len(plan_markdown(plan, "plan.jsonl", "provisioner.yaml")) <= LARGEST
                assert json.loads("".join(plan_document(plan)))["id"] == plan.id
            return True

        yield read


def whole_plan() -> bytes:
    """Give a plan as this version writes it: what is kept in a file would be another version's some day."""
    return b"".join(codec.encode(HEADER, [moved(), found()]))


def moved() -> Entry:
    """Give a domain whose MX changes."""
    subject, zone = Subject(name("contoso.com")), ZoneRef("aws", "route53", "1", "Z1", name("contoso.com"))
    sets = [rrset(subject.name, "MX", ttl, [Mx(0, name("mx.example"))]) for ttl in (60, 3600)]
    held = ProviderHolds(zone, sets[1].key, sets[1])
    step = Step(Risk.LOWER_TTL, Change(sets[0], sets[1]), zone, (HeldFor(held, 3600),), (held,))
    return Entry(
        subject, "contoso", (), (Pin(subject.name, name("mx.example"), "here"),), Rollout(subject, (step,), ("Then.",))
    )


def found() -> Entry:
    """Give a zone about which something was found."""
    subject = Subject(name("a.example"), SubjectKind.ZONE)
    return Entry(subject, "contoso", (Finding(Severity.BLOCK, "a-block", subject, "it is wrong", "mend it"),))


@st.composite
def _changed(draw: st.DrawFn, held: Pool) -> bytes:
    *told, end = held.one(draw).splitlines()
    totals = as_json(json.loads(end)["end"]["totals"])
    at = draw(st.integers(0, len(told)))
    if at < len(told):
        told[at] = draw(altered(Pool([told[at]])))
    else:
        totals = draw(altered(Pool([totals])))
    before = b"".join(line + b"\n" for line in told)
    return before + b'{"end":{"totals":%b,"digest":"%b"}}\n' % (totals, hashlib.sha256(before).hexdigest().encode())


def _inputs() -> st.SearchStrategy[bytes]:
    whole = st.builds(lambda header, told: b"".join(codec.encode(header, told)), headers, st.lists(entries(), max_size=3))
    held = Pool([whole_plan()])
    return st.one_of(
        whole, whole.flatmap(lambda one: _changed(Pool([one]))), _changed(held), mutated(Pool([*held, *samples(READER.name)]))
    )


READER = Reader("plan-file", _opened, _inputs, (Problem,), 40)
