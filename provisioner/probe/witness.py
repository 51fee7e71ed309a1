"""Who looks at the world from outside: DNS at the authoritative servers, SMTP, MTA-STS, and what time others say it is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from plans.facts import HostFacts, NoAnswer, Secured, Security, StsPolicy, ZoneFacts
from plans.rollout.mail_host import key as tlsa_key
from plans.values import Key, Live, Name

if TYPE_CHECKING:
    from provisioner.dns import PublicLookup
    from provisioner.probe.mta_sts import StsClient
    from provisioner.probe.smtp import SmtpProbe


class Witness(Protocol):
    """Looks at the world once more each time it is asked; a `Problem` says that it could not."""

    def by_address(self, zone: Name, keys: Collection[Key]) -> Mapping[Key, Mapping[str, Live | NoAnswer]]:
        """Give what each address of a zone's servers answers."""
        ...

    def zone_facts(self, zone: Name) -> ZoneFacts:
        """Give how a zone and its parent serve its DNSSEC."""
        ...

    def secured(self, key: Key) -> Secured:
        """Say what a key holds to a validator with the trust anchor."""
        ...

    def host(self, host: Name, *, smtp: bool) -> HostFacts:
        """Give a mail host's addresses and TLSA, and with `smtp` what it presents at each address."""
        ...

    def sts(self, domain: Name) -> StsPolicy | NoAnswer:
        """Give a domain's MTA-STS policy."""
        ...

    def clock_skew(self, *, needed: bool) -> timedelta | None:
        """Give how far this machine's clock is ahead of an HTTPS server's; None: none told, or nobody needs it."""
        ...


class PublicWitness:
    """Looks at the public Internet. A new one is made for each look, since SMTP sessions are had once."""

    def __init__(
        self,
        lookup: PublicLookup,
        smtp: SmtpProbe,
        sts: StsClient,
        told_time: Callable[[], datetime | None],
        now: Callable[[], datetime],
    ) -> None:
        self._lookup = lookup
        self._smtp = smtp
        self._sts = sts
        self._told_time = told_time
        self._now = now
        self._skew: tuple[timedelta | None] | None = None
        self._lock = threading.Lock()

    def by_address(self, zone: Name, keys: Collection[Key]) -> Mapping[Key, Mapping[str, Live | NoAnswer]]:
        """Give what each address of a zone's servers answers. Raises `Unavailable`."""
        return self._lookup.by_address(zone, keys)

    def zone_facts(self, zone: Name) -> ZoneFacts:
        """Give how a zone and its parent serve its DNSSEC. Raises `Unavailable`."""
        return self._lookup.zone_facts(zone)

    def secured(self, key: Key) -> Secured:
        """Say what a key holds to a validator with the trust anchor. Raises `Unavailable`."""
        return self._lookup.secured(key)

    def host(self, host: Name, *, smtp: bool) -> HostFacts:
        """Give a mail host's addresses and TLSA, and with `smtp` what it presents at each address. Raises `Unavailable`."""
        found = self._lookup.host_addresses(host)
        tlsa = self._tlsa(host)
        sessions = self._smtp.sessions(host, found.addresses) if smtp else {}
        return HostFacts(host, found.addresses, found.ttl, found.security, tlsa, sessions, found.why)

    def _tlsa(self, host: Name) -> Secured:
        try:
            key = tlsa_key(host)
        except ValueError:  # too long to exist
            return Secured(None, Security.INSECURE, "its TLSA would have too long a name")
        return self._lookup.secured(key)

    def sts(self, domain: Name) -> StsPolicy | NoAnswer:
        """Give a domain's MTA-STS policy."""
        return self._sts.policy(domain)

    def clock_skew(self, *, needed: bool) -> timedelta | None:
        """Give how far this machine's clock is ahead of an HTTPS server's."""
        if not needed:
            return None
        with self._lock:  # one server is asked once
            if self._skew is None:
                told = self._told_time()
                self._skew = (self._now() - told if told else None,)
            return self._skew[0]
