"""BIND and Unbound, one process for each address."""

from __future__ import annotations

import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path

import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.update
import dns.zone

from tests.lab.dane import names

Program = Callable[[str], str]

PATIENCE = 60.0
"""Seconds for anything that the lab's servers do by themselves, on a machine that has much else to do."""

_KEYS = "keys { ksk lifetime unlimited algorithm ecdsa256; zsk lifetime unlimited algorithm ecdsa256; }; dnskey-ttl 5;"
_POLICIES = f"""dnssec-policy "registry" {{ {_KEYS} }};
dnssec-policy "hasty" {{ {_KEYS} purge-keys 0; publish-safety 1s; retire-safety 1s; max-zone-ttl 60;
  parent-ds-ttl 5; parent-propagation-delay 1s; zone-propagation-delay 1s; }};
"""
"""How zones are signed: the registries' as BIND does it by itself, the customer's so that a test need not wait for days."""
_OF_DNSSEC = frozenset(map(dns.rdatatype.from_text, ("DNSKEY", "RRSIG", "NSEC", "CDS", "CDNSKEY", "TYPE65534")))
"""The last is how BIND marks what it has signed so far."""

KEY = dns.tsig.Key("lab", names.KEY.split('"')[3], "hmac-sha256")
"""What changes of zones are signed with."""


def until(what: str, done: Callable[[], bool], told: Callable[[], object] = lambda: "") -> None:
    """Wait until something is so; `told` says what is so instead."""
    deadline = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE:g} s\n{told()}"
        time.sleep(0.02)


def ask(at: str, owner: str, kind: str) -> dns.message.Message:
    """Ask a server over TCP for a set with its signatures."""
    return dns.query.tcp(dns.message.make_query(owner, kind, want_dnssec=True), at, timeout=PATIENCE / 3)


def served(at: str, owner: str, kind: str) -> list[str]:
    """Give what a server serves: TTL and value of each record."""
    wanted = dns.rdatatype.from_text(kind)
    found = (one for one in ask(at, owner, kind).answer if one.rdtype == wanted)
    return sorted(f"{one.ttl} {rdata}" for one in found for rdata in one)


def serial(at: str, zone: str) -> int:
    """Give the serial number by which a server counts its changes of a zone."""
    return int(served(at, zone, "SOA")[0].split()[3])


class Server(ABC):
    """A program that runs in the foreground."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self._command, self.folder = command, folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and do not wait."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, cwd=self.folder)

    def stop(self) -> None:
        """End it."""
        if self._process:
            self._process.terminate()
            try:
                self._process.wait(timeout=PATIENCE)
            finally:
                self._process.kill()
                self._process = None

    def restart(self) -> None:
        """Let it begin anew: what it had not written down it no longer knows."""
        self.stop()
        self.start()
        self.wait()

    def wait(self) -> None:
        """Wait until it answers."""
        until(f"{self.folder.name} answers", self._answers, (self.folder / "log").read_text)

    @abstractmethod
    def _answers(self) -> bool: ...


class NameServer(Server):
    """BIND at an address. `signed` are its zones that it signs itself; `of_primary` is whose zones it copies."""

    def __init__(
        self, program: Program, folder: Path, address: str, zones: Mapping[str, str], of_primary: str | None = None
    ) -> None:
        folder.mkdir()
        super().__init__([program("named"), "-g", "-n", "1", "-c", str(folder / "named.conf")], folder)
        self.address, self._zones, self._primary = address, zones, of_primary
        self._rndc = [program("rndc"), "-k", str(folder / "rndc.key"), "-s", address]
        self.policies: dict[str, str] = {}
        self.notified: tuple[str, ...] = ()
        self._spoilt: set[str] = set()
        (folder / "rndc.key").write_text(names.KEY)
        for zone, text in zones.items():
            (folder / _file(zone)).write_text("" if of_primary else text)
        self.configure()

    def configure(self) -> None:
        """Write the configuration; `policies` says by which policy each signed zone is signed, `notified` who copies."""
        (self.folder / "named.conf").write_text(
            f'{names.KEY}{_POLICIES}controls {{ inet {self.address} allow {{ any; }} keys {{ "lab"; }}; }};\n'
            f'options {{ directory "{self.folder}"; listen-on {{ {self.address}; }}; listen-on-v6 {{ none; }}; pid-file none;\n'
            f"  session-keyfile none; recursion no; dnssec-validation no; empty-zones-enable no; minimal-responses yes;\n"
            f"  notify-source {self.address}; transfer-source {self.address}; query-source address {self.address};\n"
            f'  notify-delay 0; min-refresh-time 1; allow-transfer {{ key "lab"; {names.SECOND}; {names.THIRD}; }}; }};\n'
            + "".join(map(self._zone, self._zones))
        )

    def _zone(self, zone: str) -> str:
        if self._primary:
            what = f"type secondary; primaries {{ {self._primary}; }}; masterfile-format text;"
        else:
            also = "".join(f"{address}; " for address in self.notified)
            # of a zone that takes updates BIND removes signatures that end soon
            updates = "" if zone in self._spoilt else 'update-policy { grant "lab" zonesub ANY; }; '
            what = (
                f"type primary; {updates}notify explicit; also-notify {{ {also}}};"
                f' inline-signing no; dnssec-policy "{self.policies.get(zone, "none")}";'
            )
        return f'zone "{zone}" {{ file "{_file(zone)}"; {what} }};\n'

    def _answers(self) -> bool:
        assert self._process
        assert self._process.poll() is None, (self.folder / "log").read_text()
        try:
            return all(ask(self.address, zone, "SOA").answer for zone in self._zones)
        except (OSError, EOFError, dns.exception.DNSException):
            return False

    def rndc(self, *words: str) -> str:
        """Tell the running server something, as its administrator does."""
        ran = subprocess.run([*self._rndc, *words], check=False, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def update(self, zone: str, owner: str, kind: str, ttl: int, *values: str) -> None:
        """Make a set what it is to be by a dynamic update, as the zone's own people would; no value removes it."""
        message = dns.update.UpdateMessage(zone, keyring={KEY.name: KEY})
        absolute = dns.name.from_text(owner)
        message.delete(absolute, kind)
        for value in values:
            message.add(absolute, ttl, kind, value)
        assert dns.query.tcp(message, self.address, timeout=PATIENCE).rcode() == dns.rcode.NOERROR, f"{owner} {kind}"

    def sign(self, zone: str) -> None:
        """Turn a zone's signing on."""
        self.policies[zone] = "hasty"
        self.configure()
        self.rndc("reconfig")

    def copy_from(self, primary: str) -> None:
        """Copy the zones from another server from now on; from one that is not there nothing comes."""
        self._primary = primary
        self.configure()
        self.rndc("reconfig")
        for zone in self._zones:
            self.rndc("refresh", zone)

    def unsign(self, zone: str) -> None:
        """Serve a zone from now on as it is without its signatures and keys, which are gone."""
        self._alter(zone, _strip)

    def spoil(self, zone: str, change: Callable[[dns.zone.Zone], None]) -> None:
        """Serve a zone from now on as it is after a change of its text, whatever others do; BIND leaves it as it is."""
        self._spoilt.add(zone)
        self._alter(zone, change)

    def _alter(self, zone: str, change: Callable[[dns.zone.Zone], None]) -> None:
        held = dns.zone.Zone(zone, relativize=False)
        query = dns.message.make_query(zone, "AXFR")
        query.use_tsig(KEY)
        dns.query.inbound_xfr(self.address, held, query, timeout=PATIENCE)
        with held.writer() as changed:
            changed.update_serial(name=dns.name.from_text(zone))
        change(held)
        self.stop()
        for file in self.folder.glob(f"{_file(zone)}*"):
            file.unlink()
        held.to_file(str(self.folder / _file(zone)), relativize=False)
        self.policies.pop(zone, None)
        self._primary = None
        self.configure()
        self.start()
        self.wait()


def _strip(held: dns.zone.Zone) -> None:
    with held.writer() as changed:
        for owner, rdataset in list(held.iterate_rdatasets()):
            if rdataset.rdtype in _OF_DNSSEC:
                changed.delete(owner, rdataset.rdtype, rdataset.covers)


def _file(zone: str) -> str:
    return f"{zone.strip('.') or 'root'}.zone"


class Resolver(Server):
    """Unbound, which validates by an anchor of the lab."""

    def __init__(self, program: Program, folder: Path, hints: Path, anchor: Path) -> None:
        folder.mkdir()
        configuration = folder / "unbound.conf"
        super().__init__([program("unbound"), "-d", "-p", "-c", str(configuration)], folder)
        configuration.write_text(
            f'server:\n  interface: {names.RESOLVER}\n  access-control: 127.0.0.0/8 allow\n  username: ""\n  chroot: ""\n'
            f'  directory: "{folder}"\n  use-syslog: no\n  do-ip6: no\n  num-threads: 1\n  do-not-query-localhost: no\n'
            f'  root-hints: "{hints}"\n  trust-anchor-file: "{anchor}"\n  module-config: "validator iterator"\n'
            '  val-log-level: 2\n  tls-cert-bundle: ""\nremote-control:\n  control-enable: no\n'
        )

    def _answers(self) -> bool:
        assert self._process
        assert self._process.poll() is None, (self.folder / "log").read_text()
        try:
            return ask(names.RESOLVER, ".", "SOA").rcode() == dns.rcode.NOERROR
        except (OSError, EOFError, dns.exception.DNSException):
            return False
