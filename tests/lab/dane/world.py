"""The lab's Internet: a signed root and what lies below it, mail servers, a sender, Microsoft Graph, and the program itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO

import dns.dnssec
import dns.name
import dns.rdatatype

from provisioner.exits import Exit
from tests.emulators.graph import GraphEmulator, mx
from tests.emulators.login import jwt
from tests.lab.dane import names
from tests.lab.dane.certificates import Authority
from tests.lab.dane.mail import Delivery, MailServer, Sender, mail_server
from tests.lab.dane.relay import relay
from tests.lab.dane.servers import NameServer, Program, Resolver, Server, ask, served, until
from tests.lab.dane.web import web

_MENDED = """\
import select
import time

time.sleep = lambda seconds: select.select((), (), (), seconds) and None
"""
"""What a shifted program begins with: faketime lets `clock_nanosleep`, by which Python sleeps, fail with EINVAL."""
LONGEST_WALK = 300.0
"""Seconds for a plan to come to its end."""
INTERVAL = 6.0
"""Seconds from the end of a scheduled job to the next one: waiting leaves the machine to others."""
TENANT = "5d6a1f0e-7b0c-4b5e-9d61-0f6f2f1c9a10"
MANIFEST = """\
version: 1
credentials: {{test: {{type: token, token: {{env: GRAPH_TOKEN}}}}}}
tenants: {{contoso: {{id: {tenant}, credential: test}}}}
graph: {{endpoint: "{graph}"}}
resolver: {{hints: root.hints, trust_anchor: root.key}}
providers:
  bind: {{type: rfc2136, server: {server}, tsig: {{file: lab.key}}, propagation: 1s, max_zone_ttl: {longest}s}}
  com: {{type: rfc2136, server: {registry}, tsig: {{file: lab.key}}, propagation: 1s, zones: [com]}}
policy: {{soak: 1s}}
domains:
  {domain}: {{tenant: contoso, provider: bind, {settings}}}
{more}"""


@dataclass(frozen=True)
class Ran:
    """A command that came to its end: what it said on both streams."""

    code: int
    said: str


@dataclass
class Lab:
    """All of it, running.

    `ahead` is how far the clock of the program, and of web servers, is ahead of that of all others; `off` how far the program's
    alone is ahead of the web servers'.
    """

    folder: Path
    program: Program
    told: IO[str] | None

    def __post_init__(self) -> None:
        self.ahead = self.off = timedelta(0)
        self.graph = GraphEmulator(jwt(tid=TENANT))
        self.graph.hold(names.DOMAIN)
        self.authority = Authority(self.folder)
        self.customers: dict[str, NameServer] = {}
        self.others: dict[str, NameServer] = {}
        self.mail_servers: list[MailServer] = []
        self._last: tuple[tuple[str, ...], Ran] | None = None
        self._resolv = self.folder / "resolv.conf"
        self._resolv.write_text(f"nameserver {names.RESOLVER}\noptions edns0 trust-ad\n")
        (self.folder / "lab.key").write_text(names.KEY)
        self._mended = self.folder / "mended"
        self._mended.mkdir()
        (self._mended / "sitecustomize.py").write_text(_MENDED)

    @property
    def primary(self) -> NameServer:
        """The customer's primary name server."""
        return self.customers[names.PRIMARY]

    @contextmanager
    def running(self) -> Iterator[Lab]:
        """Start everything, and end it when the block ends."""
        with ExitStack() as stack:
            self._start_dns(stack)
            for address, host in ((names.LEGACY_ADDRESS, names.LEGACY), (names.NEW_ADDRESS, names.NEW)):
                stack.enter_context(self.mail_host(address, host))
            self.sender = Sender(self.program, self.folder / "sender", self.inside)
            stack.callback(self.sender.stop)
            self.sender.start()
            self.graph.url = stack.enter_context(web(("127.0.0.1", 0), self.graph.respond_to, self.told_time)).url
            self.relay = stack.enter_context(relay(names.UPDATES, names.PRIMARY, self.now))
            self.registry = stack.enter_context(relay(names.REGISTRY_UPDATES, names.REGISTRY, self.now))
            yield self

    def _start_dns(self, stack: ExitStack) -> None:
        for address, zones in names.ZONES.items():
            where = self.customers if address == names.PRIMARY else self.others
            where[address] = NameServer(self.program, self.folder / f"bind-{address}", address, zones)
        for zone, address in names.SIGNED.items():
            self.others[address].policies[zone] = "registry"
            self.others[address].configure()
        self.primary.notified = (names.SECOND, names.THIRD)
        self.primary.configure()
        self._run(stack, *self.others.values(), self.primary)
        for address in self.primary.notified:
            zones = dict.fromkeys(names.ZONES[names.PRIMARY], "")
            self.customers[address] = NameServer(self.program, self.folder / f"bind-{address}", address, zones, names.PRIMARY)
        # after the primary, for what is not there at first is fetched again only after a minute
        self._run(stack, *(self.customers[address] for address in self.primary.notified))
        for zone, address in names.SIGNED.items():
            if zone != ".":
                above = zone.partition(".")[2] or "."
                self.others[names.SIGNED[above]].update(above, zone, "DS", 5, *ds_of(address, zone))
        keys = [value.partition(" ")[2] for value in served(names.ROOT, ".", "DNSKEY") if value.split()[1] == "257"]
        (self.folder / "root.key").write_text("".join(f". 5 IN DNSKEY {key}\n" for key in keys))
        (self.folder / "root.hints").write_text(f". 5 IN NS a.root.\na.root. 5 IN A {names.ROOT}\n")
        self.resolver = Resolver(self.program, self.folder / "unbound", self.folder / "root.hints", self.folder / "root.key")
        self._run(stack, self.resolver)

    def _run(self, stack: ExitStack, *servers: Server) -> None:
        for server in servers:
            stack.callback(server.stop)
            server.start()
        for server in servers:
            server.wait()

    def now(self) -> int:
        """Give the time by the program's clock, in seconds since 1970."""
        return int(self.told_time() + self.off.total_seconds())

    def told_time(self) -> int:
        """Give the time that web servers tell, in seconds since 1970."""
        return int(time.time() + self.ahead.total_seconds())

    def inside(self, command: list[str]) -> list[str]:
        """Give the command that runs another one with the lab's resolver as its own."""
        script = f'mount --bind "{self._resolv}" /etc/resolv.conf && exec "$@"'
        return [self.program("unshare"), "-m", "sh", "-c", script, "sh", *command]

    def environment(self) -> dict[str, str]:
        """Give what the program finds in its environment."""
        return {
            **os.environ,
            "GRAPH_TOKEN": self.graph.token,
            "COLUMNS": "132",
            "SSL_CERT_FILE": str(self.authority.file),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def write(self, settings: str, more: str = "") -> None:
        """Write the manifest: what it says of the domain, and what it says besides."""
        text = MANIFEST.format(
            tenant=TENANT, graph=self.graph.url, server=names.UPDATES, registry=names.REGISTRY_UPDATES,
            domain=names.DOMAIN, longest=names.TTL, settings=settings, more=more,
        )  # fmt: skip
        (self.folder / "provisioner.yaml").write_text(text)

    def arguments(self, *words: str) -> list[str]:
        """Give the command line that calls the program."""
        called = [str(Path(sys.executable).parent / "provisioner"), *words]
        if shift := self.ahead + self.off:
            _forget_dead_clocks()
            faketime = [self.program("faketime"), "-f", f"{shift.total_seconds():+.0f}s"]
            called = ["env", f"PYTHONPATH={self._mended}", *faketime, *called]
        return self.inside(called)

    def call(self, *words: str) -> Ran:
        """Call the program, and write down what it says."""
        ran = subprocess.run(
            self.arguments(*words),
            check=False, cwd=self.folder, env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        found = Ran(ran.returncode, ran.stdout)
        again = (words, found) == self._last
        self._last = (words, found)
        self.tell(f"$ provisioner {' '.join(words)}", "... says the same again" if again else found.said.rstrip())
        self.tell(f"[exit {found.code}]")
        return found

    def walk(self, plan: str, done: Callable[[], bool] = lambda: False) -> Ran:
        """Apply a plan again and again, as a scheduled job does, and send a mail each time: to its end, or until `done`."""
        deadline = time.monotonic() + LONGEST_WALK
        while True:
            ran = self.call("apply", plan, "--auto-approve", "--confirm", names.DOMAIN)
            self.mail()
            assert ran.code in {Exit.DONE, Exit.WAITING}, ran
            if ran.code == Exit.DONE or done():
                return ran
            assert time.monotonic() < deadline, ran.said
            time.sleep(INTERVAL)

    def tell(self, *lines: str) -> None:
        """Print something, and write it down where a transcript is kept."""
        text = "\n".join(lines) + "\n"
        print(text)  # noqa: T201 - for `pytest -s`
        if self.told:
            self.told.write(text + "\n")
            self.told.flush()

    def mail(self, domain: str = names.DOMAIN) -> Delivery:
        """Send one mail, which must arrive."""
        delivery = self.sender.send(domain)
        self.tell(*(f"  mail: {line}" for line in str(delivery).splitlines()))
        assert delivery.sent, delivery
        assert any(delivery.subject in text for server in self.mail_servers for text in server.mails)
        return delivery

    def settled(self, owner: str, kind: str) -> None:
        """Wait until every server of the customer serves a set as the primary does."""
        self._everywhere(owner, kind, lambda held: held == served(names.PRIMARY, owner, kind))

    def _everywhere(self, owner: str, kind: str, wanted: Callable[[list[str]], bool]) -> None:
        """Wait until what every server of the customer serves is as it is wanted."""

        def seen() -> dict[str, list[str]]:
            return {at: served(at, owner, kind) for at in self.customers}

        until(f"{owner} {kind} is everywhere", lambda: all(map(wanted, seen().values())), seen)

    def assign(self, host: str = names.NEW) -> None:
        """Let Microsoft Graph ask for a host."""
        self.graph.records[names.DOMAIN][0] = mx(names.DOMAIN, host)

    def publish_tlsa(self, *values: str) -> None:
        """Let Microsoft publish the TLSA of its host; nothing withdraws it."""
        self.others[names.MICROSOFT].update("mx.microsoft", f"_25._tcp.{names.NEW}", "TLSA", 5, *values)

    def sign(self) -> None:
        """Sign the customer's zone, as the administrator of its name servers does."""
        self.primary.sign(names.DOMAIN)
        self._everywhere(names.DOMAIN, "DNSKEY", bool)
        self._everywhere(names.DOMAIN, "RRSIG", bool)

    def unsign(self) -> None:
        """End the signing of the customer's zone, as its administrator does."""
        self.primary.unsign(names.DOMAIN)
        self._everywhere(names.DOMAIN, "DNSKEY", lambda held: not held)

    def settle(self) -> None:
        """Let the customer be at the end of the way: signed, with a DS, at the assigned host, whose TLSA is published."""
        self.sign()
        self.delegate(*ds_of(names.PRIMARY, names.DOMAIN))
        self.primary.update(names.DOMAIN, names.DOMAIN, "MX", names.TTL, f"0 {names.NEW}.")
        self.assign()
        self.publish_tlsa(self.authority.tlsa(names.NEW))
        self.settled(names.DOMAIN, "MX")

    def delegate(self, *ds: str) -> None:
        """Let the registry hold a DS set for the customer."""
        self.others[names.REGISTRY].update("com", names.DOMAIN, "DS", 5, *ds)

    @contextmanager
    def own_host(self) -> Iterator[MailServer]:
        """Let the customer's MX be a host of its own, until the block ends."""
        self.primary.update(names.DOMAIN, names.DOMAIN, "MX", names.TTL, f"10 {names.OWN}.")
        self.settled(names.DOMAIN, "MX")
        with self.mail_host(names.OWN_ADDRESS, names.OWN) as server:
            yield server

    @contextmanager
    def mail_host(self, address: str, host: str) -> Iterator[MailServer]:
        """Let a host take mail, until the block ends."""
        with mail_server(address, self.authority.server(host)) as server:
            self.mail_servers.append(server)
            yield server

    def lose_state(self) -> None:
        """Let what the program keeps be gone."""
        shutil.rmtree(self.folder / ".provisioner", ignore_errors=True)

    def later(self, passed: timedelta) -> None:
        """Let time pass: for the program, and for what the sender and its resolver remember."""
        self.ahead += timedelta(seconds=round(passed.total_seconds()))
        self.forget()
        self.tell(f"--- {passed} later ---")

    def forget(self) -> None:
        """Let the sender and its resolver remember nothing."""
        self.resolver.restart()
        self.sender.forget()

    def key_tags(self) -> list[str]:
        """Give the tags of the customer's key-signing keys."""
        return [ds.partition(" ")[0] for ds in ds_of(names.PRIMARY, names.DOMAIN)]

    def mx(self) -> list[str]:
        """Give the customer's MX as the primary serves it."""
        return served(names.PRIMARY, names.DOMAIN, "MX")


def ds_of(at: str, zone: str) -> list[str]:
    """Make the DS of a zone's entry points, once its server serves them."""
    until(f"keys of {zone}", lambda: bool(served(at, zone, "DNSKEY")))
    keys = [rdata for one in ask(at, zone, "DNSKEY").answer if one.rdtype == dns.rdatatype.DNSKEY for rdata in one]
    return [str(dns.dnssec.make_ds(dns.name.from_text(zone), key, "SHA256")) for key in keys if key.flags & 1]


def _forget_dead_clocks() -> None:
    """Remove what faketime keeps of processes that are gone: it refuses to start under a number that comes again."""
    for kept in Path("/dev/shm").glob("*faketime_s*_*"):  # noqa: S108 - that is where it keeps it
        if not Path("/proc", kept.name.rpartition("_")[2]).exists():
            kept.unlink(missing_ok=True)
