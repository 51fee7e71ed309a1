"""CPU time of writing, and of reading and verifying, a plan of 1,000 subjects. Targets: 0.1 s and 0.3 s.

Both are printed as ratios to hashing and parsing the same bytes with the standard library too, in the same run.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from plans import codec
from plans.conditions import ProviderHolds
from plans.desired import Cloud, DomainFacts, GraphAnswer, MailExchange, Source, Subject
from plans.plan import Change, Entry, Filters, Header, Rollout, Step
from plans.policy import Risk
from plans.values import Mx, ZoneRef, name, rrset

SUBJECTS = 1000
NOW = datetime(2026, 11, 24, tzinfo=UTC)
FACTS = DomainFacts(is_verified=True, is_initial=False, is_admin_managed=True, supported_services=("Email",))


def entry(number: int) -> Entry:
    """Make one subject's entry, as a plan of zone files has it."""
    domain = name(f"domain{number}.example")
    host = name(f"domain{number}-example.o-v1.mx.microsoft")
    before = rrset(domain, "MX", 3600, [Mx(0, name(f"domain{number}-example.mail.protection.outlook.com"))])
    after = rrset(domain, "MX", 3600, [Mx(0, host)])
    zone = ZoneRef("files", "zonefile", "zones", f"domain{number}.example.zone", domain)
    source = Source("contoso", "https://graph.microsoft.com")
    answer = GraphAnswer(domain, source, Cloud.GLOBAL, NOW, (MailExchange(domain, host, 0, 3600),), FACTS)
    step = Step(Risk.REPLACE_MX, Change(before, after), zone, (), (ProviderHolds(zone, after.key, after),))
    return Entry(Subject(domain), "contoso", (), (answer,), Rollout(Subject(domain), (step,), ("then",)))


def cpu(action: Callable[[], object]) -> float:
    """Give the least CPU time of five runs, in seconds."""
    times = []
    for _ in range(5):
        start = time.process_time()
        action()
        times.append(time.process_time() - start)
    return min(times)


def main() -> None:
    """Measure and print."""
    entries = [entry(number) for number in range(SUBJECTS)]
    header = Header(NOW, NOW + timedelta(hours=24), Filters(), ())
    lines = list(codec.encode(header, entries))
    least = cpu(lambda: [hashlib.sha256(b"".join(lines)), *map(json.loads, lines)])
    writing = cpu(lambda: list(codec.encode(header, entries)))
    reading = cpu(lambda: codec.verify(lines))
    print(f"{SUBJECTS} subjects, {sum(map(len, lines))} octets; hashing and json.loads alone: {least:.3f} s")
    print(f"write           {writing:.3f} s  ratio {writing / least:4.1f}  (target 0.1 s)")
    print(f"read and verify {reading:.3f} s  ratio {reading / least:4.1f}  (target 0.3 s)")


if __name__ == "__main__":
    main()
