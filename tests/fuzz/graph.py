"""Microsoft Graph's answers: saved ones, of one domain and of a tenant, and bodies as they come live."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import strategies as st

from plans.desired import Cloud, GraphAnswer, Source
from plans.problem import Problem
from plans.values import name
from provisioner.desired.answer import RawDomain, Reading, error_text, read_object, read_whole, records_of
from provisioner.desired.export import ExportSource
from provisioner.manifest.model import Location, SavedTenant
from tests.fuzz.harness import Read, Reader, samples
from tests.fuzz.mutation import Pool, altered, mutated

DOMAIN = name("contoso.com")
NOW = datetime(2026, 11, 24, tzinfo=UTC)
_READING = Reading(Source("contoso", "graph"), Cloud.GLOBAL, NOW)
_VOCABULARY = Pool(
    b"""contoso.com fabrikam.com . _x.contoso.com contoso-com.mail.protection.outlook.com MS=ms1 Email email Mx TXT
    #microsoft.graph.domainDnsMxRecord microsoft.graph.domainDnsUnavailableRecord microsoft.graph.domainDnsTxtRecord 3600 global
    china provisioner-export 2026-11-23T12:00:00+02:00 2026-11-23T12:00:00 0001-01-01T00:00:00+23:59 9999-12-31T23:59:59-23:59
    error value domain serviceConfigurationRecords verificationDnsRecords""".split()
)
_WORDS = Pool([*(b'"%b"' % word for word in _VOCABULARY), b"NaN", b"1e999", b"9" * 5000, b'"\\ud800"', b"<html>", b"//"])


@contextmanager
def _opened() -> Iterator[Read]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "saved.json")
        tenant = SavedTenant("contoso", file, Cloud.GLOBAL, Location(Path(folder, "provisioner.yaml"), 1))

        def read(octets: bytes) -> bool:
            file.write_bytes(octets)
            os.utime(file, (NOW.timestamp(), NOW.timestamp()))
            _live(octets)
            source = ExportSource(tenant, Path(folder))
            domains = {*source.domains(), DOMAIN}
            answers = dict(source.answers(domains))
            assert set(answers) == domains
            again = dict(ExportSource(tenant, Path(folder)).answers(domains))
            assert {key: one for key, one in answers.items() if isinstance(one, GraphAnswer)} == {
                key: one for key, one in again.items() if isinstance(one, GraphAnswer)
            }
            return any(isinstance(one, GraphAnswer) for one in answers.values())

        yield read


def _live(octets: bytes) -> None:
    """Read a body as one that came live: as the records of a domain, and as an error's."""
    try:
        document = read_object(octets, _READING, DOMAIN)
        error_text(document)
        records = records_of(document, _READING, DOMAIN)
        read_whole(RawDomain({}, records), DOMAIN, _READING)
        read_whole(RawDomain(document, (), records), DOMAIN, _READING)
    except Problem:
        return


def _inputs() -> st.SearchStrategy[bytes]:
    held = samples(READER.name)
    changed = altered(Pool(one for one in held if one.startswith(b"{")), _VOCABULARY)
    return st.one_of(changed, mutated(held, _WORDS))


READER = Reader("graph", _opened, _inputs, (Problem,), 120)
