"""Dynamic updates with Debian's BIND 9, TSIG and `update-policy`."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.update
import dns.zone
import pytest

from plans.plan import Change
from plans.values import Irregular, Key, Name, RRset, ZoneRef, name, parse_value, rrset
from providers.conformance import Bench, Record, Suite
from providers.contract import AuthFailed, Context, Provider, SecretOption, Status, Unsupported, ZoneNotFound
from providers.rfc2136 import ADAPTER, Rfc2136, Rfc2136Options
from provisioner.cli import run
from provisioner.exits import Exit
from tests.lab.conftest import ROOT, free_port
from tests.lab.dane.servers import PATIENCE

SECRET = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
POLICY = "update-policy {{ grant admin zonesub ANY; grant provisioner-mail zonesub MX DS TLSA TXT; }};"
POSTURE = "allow-transfer {{ key admin; key provisioner-mail; }}; check-names ignore; check-integrity no;"
HEAD = "$TTL 300\n@ SOA ns1 hostmaster 1 7200 3600 1209600 300\n@ 3600 NS ns.example.net.\n"


def key_file(key: str) -> str:
    return f'key "{key}" {{\n\talgorithm hmac-sha256;\n\tsecret "{SECRET}";\n}};\n'


class Bind:
    """A running BIND; `admin` may write everything in every zone that takes updates."""

    def __init__(self, path: str, folder: Path, zones: Mapping[str, str], texts: Mapping[str, str]) -> None:
        self.port = free_port()
        self.admin = dns.tsig.Key("admin", SECRET)
        folder.mkdir()
        for zone, text in texts.items():
            (folder / zone).write_text(text)
        blocks = "".join(f'zone "{zone}" {{ type primary; file "{zone}"; {posture} }};\n' for zone, posture in zones.items())
        keys = key_file("admin") + key_file("provisioner-mail") + key_file("stranger")
        (folder / "named.conf").write_text(
            f'options {{ directory "{folder}"; listen-on port {self.port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};\n'
            f'  pid-file "{folder}/named.pid"; session-keyfile "{folder}/session.key"; recursion no; notify no; }};\n'
            f"controls {{ }};\n{keys}{blocks}"
        )
        self._log = folder / "log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen([path, "-g", "-c", str(folder / "named.conf")], stdout=log, stderr=log)

    def wait(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while b" running\n" not in self._log.read_bytes():
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.02)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=PATIENCE)

    def records(self, zone: str) -> list[Record]:
        """Give all records of a zone, but for SOA and NS at the apex."""
        held = dns.zone.Zone(zone, relativize=False)
        query = dns.message.make_query(zone, "AXFR")
        query.use_tsig(self.admin)
        dns.query.inbound_xfr("127.0.0.1", held, query, port=self.port, timeout=PATIENCE)
        return [
            Record.of(owner.to_text(), dns.rdatatype.to_text(rdata.rdtype), ttl, rdata.to_text())
            for owner, ttl, rdata in held.iterate_rdatas()
            if owner != held.origin or rdata.rdtype not in {dns.rdatatype.SOA, dns.rdatatype.NS}
        ]

    def write(self, zone: str, gone: Collection[Key], records: Collection[Record]) -> None:
        """Remove keys and add records, as somebody else would."""
        update = dns.update.UpdateMessage(zone)
        update.use_tsig(self.admin)
        for key in gone:
            update.delete(dns.name.from_text(key.owner), key.type)
        for record in records:
            update.add(dns.name.from_text(record.owner), record.ttl, record.type, record.value)
        assert dns.query.tcp(update, "127.0.0.1", port=self.port, timeout=PATIENCE).rcode() == dns.rcode.NOERROR

    def put(self, zone: str, owner: str, kind: str, ttl: int, *values: str) -> None:
        self.write(zone, [Key(name(owner), kind)], [Record.of(owner, kind, ttl, value) for value in values])

    def ask(self, owner: str, kind: str) -> list[str]:
        answer = dns.query.tcp(dns.message.make_query(owner, kind), "127.0.0.1", port=self.port, timeout=PATIENCE)
        return sorted(f"{rrset.ttl} {rdata}" for rrset in answer.answer for rdata in rrset)

    def provider(self, key: str = "provisioner-mail", secret: str = SECRET, **options: object) -> Rfc2136:
        text = key_file(key).replace(SECRET, secret)

        def reveal(_: SecretOption) -> str:
            return text

        given = {"type": "rfc2136", "server": "127.0.0.1", "port": self.port, "tsig": {"env": "TSIG"}, **options}
        return Rfc2136("bind", Rfc2136Options.model_validate(given), Context(Path(), lambda: datetime.now(UTC), reveal))


Start = Callable[..., Bind]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start a BIND with zones and the statements of each; the texts are their records beside SOA and NS."""
    path = shutil.which("named") or shutil.which("named", path="/usr/sbin")
    if path is None:
        pytest.skip("named is not installed")
    folder = tmp_path_factory.mktemp("bind")
    started: list[Bind] = []

    def begin(zones: Mapping[str, str], texts: Mapping[str, str] | None = None) -> Bind:
        files = {zone: HEAD + (texts or {}).get(zone, "") for zone in zones}
        bind = Bind(path, folder / str(len(started)), zones, files)
        started.append(bind)
        bind.wait()
        return bind

    try:
        yield begin
    finally:
        for bind in started:
            bind.stop()


def dynamic(*zones: str) -> dict[str, str]:
    return {zone: f"{POLICY} {POSTURE}".format() for zone in zones}


class BindBench(Bench):
    """One BIND for each collection of zones, emptied between the cases."""

    def __init__(self, start: Start, running: dict[frozenset[Name], Bind], read: str) -> None:
        self._start = start
        self._running = running
        self._read = read
        self._bind: Bind | None = None

    @property
    def bind(self) -> Bind:
        assert self._bind
        return self._bind

    def open(self, zones: Mapping[Name, Collection[Record]]) -> Provider:
        served = frozenset(zones)
        if served not in self._running:
            self._running[served] = self._start(dynamic(*zones))
        self._bind = self._running[served]
        for zone, records in zones.items():
            gone = {Key(record.owner, record.type) for record in self.bind.records(zone)}
            self.bind.write(zone, gone, records)
        return self.bind.provider(zones=list(zones), read=self._read)

    def records(self, zone: Name) -> Collection[Record]:
        return self.bind.records(zone)

    def put(self, zone: Name, key: Key, records: Collection[Record]) -> None:
        self.bind.write(zone, [key], records)


@pytest.fixture(scope="module")
def running_binds() -> dict[frozenset[Name], Bind]:
    return {}


class TestBindByQuestions(Suite):
    adapter = ADAPTER
    irregular = ("zone cut at the name",)
    atomic = True

    @pytest.fixture
    def bench(self, start: Start, running_binds: dict[frozenset[Name], Bind]) -> Bench:
        return BindBench(start, running_binds, "query")


class TestBindByTransfer(Suite):
    adapter = ADAPTER
    irregular = ("zone cut at the name",)
    atomic = True

    @pytest.fixture
    def bench(self, start: Start, running_binds: dict[frozenset[Name], Bind]) -> Bench:
        return BindBench(start, running_binds, "axfr")


TEXT = """\
@ MX 10 Old.Example.NET.
mail A 192.0.2.1
www CNAME mail
*.wild A 192.0.2.3
real.wild A 192.0.2.4
child NS ns.example.net.
away NS ns.away
ns.away A 192.0.2.5
"""


@pytest.fixture(scope="module")
def bind(start: Start) -> Bind:
    """Zones of all postures on one server; `signed.test` is signed inline."""
    return start(
        dynamic("policy.test", "child.policy.test")
        | {
            "signed.test": f"{POLICY} {POSTURE} dnssec-policy default; inline-signing yes;".format(),
            "acl.test": f"allow-update {{{{ key provisioner-mail; }}}}; {POSTURE}".format(),
            "static.test": POSTURE.format(),
            "narrow.test": "update-policy { grant provisioner-mail zonesub MX TXT; }; allow-transfer { none; };",
        },
        {"policy.test": TEXT, "signed.test": TEXT, "child.policy.test": "mail A 192.0.2.9\n@ MX 5 child.example.net.\n"},
    )


def zone_of(provider: Provider, zone: str) -> ZoneRef:
    return provider.zones([name(zone)])[name(zone)]


def mx(owner: str, ttl: int, *values: str) -> RRset:
    return rrset(owner, "MX", ttl, [parse_value("MX", value) for value in values])


def test_zones_are_found_by_asking_the_server(bind: Bind) -> None:
    asked = {
        "policy.test": "policy.test.",
        "a.b.policy.test": "policy.test.",
        "www.policy.test": "policy.test.",
        "x.wild.policy.test": "policy.test.",
        "mail.child.policy.test": "child.policy.test.",
        "ns.away.policy.test": "policy.test.",
        "xpolicy.test": None,
        "elsewhere.invalid": None,
    }
    found = bind.provider().zones([name(one) for one in asked])
    assert {one: found[name(one)].name if name(one) in found else None for one in asked} == asked


def test_what_another_zone_of_the_server_answers_is_not_the_parents(bind: Bind) -> None:
    provider = bind.provider()
    zone = zone_of(provider, "policy.test")
    keys = [Key(name(owner), kind) for owner in ("child.policy.test", "mail.child.policy.test") for kind in ("MX", "DS", "A")]
    for read in ("query", "axfr"):
        snapshot = bind.provider(read=read).read(zone, keys)
        hidden = {key for key, live in snapshot.sets.items() if isinstance(live, Irregular)}
        assert {key for key in hidden if key.type == "MX"} == {key for key in keys if key.type == "MX"}
        assert snapshot.sets[Key(name("child.policy.test"), "DS")] is None
        assert snapshot.nodes[name("child.policy.test")] == {"NS"}
    ds = rrset("child.policy.test", "DS", 300, [parse_value("DS", f"1 13 2 {'ab' * 32}")])
    base = provider.read(zone, [ds.key])
    assert provider.apply(base, [Change(None, ds)])[ds.key].status is Status.WRITTEN
    assert bind.ask("child.policy.test", "DS") == [f"300 1 13 2 {'ab' * 32}"]
    again = provider.read(zone, [ds.key])
    assert again.nodes[name("child.policy.test")] == {"NS", "DS"}
    assert provider.apply(again, [Change(ds, None)])[ds.key].status is Status.WRITTEN


def test_what_a_wildcard_answers_is_not_there(bind: Bind) -> None:
    provider = bind.provider()
    made, real, wild = (Key(name(f"{owner}.policy.test"), "A") for owner in ("x.wild", "real.wild", "*.wild"))
    snapshot = provider.read(zone_of(provider, "policy.test"), [made, real, wild])
    assert snapshot.sets[made] is None
    assert snapshot.nodes == {real.owner: {"A"}, wild.owner: {"A"}}
    assert bind.ask("x.wild.policy.test", "A") == ["300 192.0.2.3"]


def test_a_signed_zone_is_written_and_read_back(bind: Bind) -> None:
    for read, wanted in (
        ("query", mx("signed.test", 60, "0 a.example.net.")),
        ("axfr", mx("signed.test", 90, "0 b.example.net.")),
    ):
        provider = bind.provider(read=read)
        zone = zone_of(provider, "signed.test")
        tlsa = rrset("_25._tcp.mail.signed.test", "TLSA", 300, [parse_value("TLSA", f"3 1 1 {len(read):064x}")])
        base = provider.read(zone, [wanted.key, tlsa.key])
        before = base.sets
        changes = [Change(before[one.key], one) for one in (wanted, tlsa)]  # type: ignore[arg-type] # none is irregular here
        outcomes = provider.apply(base, changes)
        assert {outcome.status for outcome in outcomes.values()} == {Status.WRITTEN}
        after = provider.read(zone, [wanted.key, tlsa.key])
        assert after.sets == {wanted.key: wanted, tlsa.key: tlsa}
        assert not {"RRSIG", "NSEC"} & after.nodes[name("signed.test")]
        assert after.nodes[tlsa.key.owner] == {"TLSA"}


def test_values_in_another_case_are_the_same_values(bind: Bind) -> None:
    bind.put("policy.test", "policy.test", "MX", 300, "10 old.example.net.")
    bind.write("policy.test", [Key(name("policy.test"), "MX")], [Record(name("policy.test"), "MX", 300, "10 Old.Example.NET.")])
    assert bind.ask("policy.test", "MX") == ["300 10 Old.Example.NET."]
    provider = bind.provider()
    old, new = mx("policy.test", 300, "10 old.example.net."), mx("policy.test", 300, "10 new.example.net.")
    base = provider.read(zone_of(provider, "policy.test"), [old.key])
    assert provider.apply(base, [Change(old, new)])[old.key].status is Status.WRITTEN
    assert bind.ask("policy.test", "MX") == ["300 10 new.example.net."]


def test_what_the_policy_does_not_grant_is_rejected(bind: Bind) -> None:
    provider = bind.provider()
    zone = zone_of(provider, "narrow.test")
    tlsa = rrset("_25._tcp.mail.narrow.test", "TLSA", 300, [parse_value("TLSA", f"3 1 1 {'ab' * 32}")])
    allowed = mx("narrow.test", 300, "10 mail.example.net.")
    outcomes = provider.apply(provider.read(zone, [tlsa.key, allowed.key]), [Change(None, tlsa), Change(None, allowed)])
    assert {outcome.status for outcome in outcomes.values()} == {Status.REJECTED}
    assert "update-policy" in outcomes[tlsa.key].detail
    assert bind.ask("narrow.test", "MX") == []


def test_bind_takes_no_mx_at_an_underscore_name_unless_told_to(bind: Bind) -> None:
    provider = bind.provider()
    refused = mx("_x.narrow.test", 300, "10 mail.example.net.")
    outcome = provider.apply(provider.read(zone_of(provider, "narrow.test"), [refused.key]), [Change(None, refused)])[
        refused.key
    ]
    assert (outcome.status, "check-names" in outcome.detail) == (Status.REJECTED, True)


@pytest.mark.parametrize(
    ("zone", "key", "writable"),
    [
        ("policy.test", "provisioner-mail", None),
        ("acl.test", "provisioner-mail", None),
        ("acl.test", "stranger", False),
        ("static.test", "provisioner-mail", False),
    ],
)
def test_access_is_told_as_far_as_bind_tells_it(bind: Bind, zone: str, key: str, writable: object) -> None:
    provider = bind.provider(key=key)
    access = provider.access(zone_of(provider, zone))
    assert (access.readable, access.writable) == (True, writable)
    assert access.detail


def test_keys_that_the_server_does_not_know_are_told(bind: Bind) -> None:
    for provider, said in (
        (bind.provider(key="nobody"), "BADKEY"),
        (bind.provider(secret="QW5vdGhlciBzZWNyZXQgb2YgMzIgb2N0ZXRzIGluIGFsbA=="), "BADSIG"),
    ):
        with pytest.raises(AuthFailed, match=said) as failed:
            provider.zones([name("policy.test")])
        assert "QW5v" not in str(failed.value)


def test_a_transfer_that_is_not_granted_is_told(bind: Bind) -> None:
    provider = bind.provider(read="axfr")
    with pytest.raises(AuthFailed, match="allow-transfer"):
        provider.read(zone_of(provider, "narrow.test"), [])


def test_the_highest_ttls_are_told_of_a_zone_that_the_key_may_transfer(bind: Bind) -> None:
    provider = bind.provider()
    found = provider.highest_ttls(zone_of(provider, "signed.test"))
    assert found
    assert {"DNSKEY", "RRSIG", "NSEC"} <= set(found)
    assert (found["NS"], found["A"], found["CNAME"]) == (3600, 300, 300)
    assert provider.highest_ttls(zone_of(provider, "narrow.test")) is None


def test_a_zone_that_is_not_there_is_told(bind: Bind) -> None:
    for read in ("query", "axfr"):
        provider = bind.provider(zones=["nowhere.test"], read=read)
        with pytest.raises(ZoneNotFound):
            provider.read(zone_of(provider, "nowhere.test"), [])


def test_name_servers_are_those_at_the_apex(bind: Bind) -> None:
    provider = bind.provider()
    assert provider.name_servers(zone_of(provider, "policy.test")) == {name("ns.example.net")}


def test_a_ds_goes_to_a_delegation_only(bind: Bind) -> None:
    provider = bind.provider()
    ds = rrset("mail.policy.test", "DS", 300, [parse_value("DS", f"1 13 2 {'ab' * 32}")])
    base = provider.read(zone_of(provider, "policy.test"), [ds.key])
    with pytest.raises(Unsupported, match="no delegation"):
        provider.apply(base, [Change(None, ds)])
    assert bind.ask("mail.policy.test", "DS") == []


@pytest.fixture
def project(tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Bind]:
    """The quickstart's domains with their zones at BIND."""
    folder = tmp_path / "project"
    shutil.copytree(ROOT / "examples" / "quickstart", folder)
    zones = ("contoso.example", "fabrikam.example")
    served = start(dynamic(*zones), {})
    for zone in zones:
        served.put(zone, zone, "MX", 3600, f"0 {zone.replace('.', '-')}.mail.protection.outlook.com.")
    (folder / "update.key").write_text(key_file("provisioner-mail"))
    manifest = (folder / "provisioner.yaml").read_text()
    files = "files: {type: zonefile, directory: zones}"
    assert files in manifest
    entry = f"files: {{type: rfc2136, server: 127.0.0.1, port: {served.port}, tsig: {{file: update.key}}}}"
    staged = manifest.replace("defaults: {", "defaults: {staged: true, ")  # nobody delegates the zones to this server
    (folder / "provisioner.yaml").write_text(staged.replace(files, entry))
    monkeypatch.chdir(folder)
    return folder, served


def test_plan_and_apply_change_what_bind_answers(project: tuple[Path, Bind]) -> None:
    _, served = project
    assert run(["plan", "--out", "mail.plan"]) == Exit.DONE
    assert served.ask("contoso.example", "MX") == ["3600 0 contoso-example.mail.protection.outlook.com."]
    assert run(["apply", "mail.plan", "--auto-approve"]) == Exit.DONE
    assert served.ask("contoso.example", "MX") == ["3600 0 contoso-example.o-v1.mx.microsoft."]
    assert run(["plan", "--detailed-exitcode"]) == Exit.DONE


def test_what_somebody_else_changed_meanwhile_stands(project: tuple[Path, Bind], capfd: pytest.CaptureFixture[str]) -> None:
    folder, served = project
    assert run(["plan", "--out", "mail.plan"]) == Exit.DONE
    served.put("contoso.example", "contoso.example", "MX", 3600, "5 gateway.example.net.")
    assert run(["apply", "mail.plan", "--auto-approve"]) == Exit.STALE
    assert served.ask("contoso.example", "MX") == ["3600 5 gateway.example.net."]
    printed = capfd.readouterr()
    assert SECRET not in printed.out + printed.err
    assert SECRET not in (folder / "mail.plan").read_text()
