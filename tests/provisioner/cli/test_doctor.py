"""`doctor`: one row for each thing that a run needs, and what to do where it is not as it should be."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from providers.contract import CONTRACT_VERSION
from providers.registry import GROUP
from provisioner.checkup import Check, Outside, Standing, check
from provisioner.exits import Exit
from provisioner.report.checkup_text import checkup_lines
from provisioner.report.lines import plain
from provisioner.targets import Target
from tests.emulators import graph, outside
from tests.emulators.login import jwt
from tests.provisioner.cli.conftest import Provisioner

GUID = "11111111-2222-3333-4444-555555555555"
OTHER = "99999999-2222-3333-4444-555555555555"
CLOSED = "127.0.0.1:1"

Doctor = Callable[..., dict[str, tuple[str, str, str]]]


@pytest.fixture
def doctor(provisioner: Provisioner) -> Doctor:
    """Run `doctor --json --offline` or with other options, and give standing, found and mend of each check."""

    def ran(*arguments: str, code: Exit = Exit.DONE) -> dict[str, tuple[str, str, str]]:
        done = provisioner("doctor", "--json", *(arguments or ("--offline",)))
        assert (done.code, done.err) == (code, "")
        document = json.loads(done.out)
        rows = {row["check"]: (row["standing"], row["found"], row["mend"]) for row in document["checks"]}
        assert document["faults"] == sum(row["standing"] == "fault" for row in document["checks"])
        assert len(rows) == len(document["checks"])
        return rows

    return ran


@pytest.fixture
def live(quickstart: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[graph.GraphEmulator]:
    """The quickstart, its tenant asked live with a token for it."""
    with graph.running(graph.GraphEmulator(jwt(tid=GUID, exp=4102444800))) as emulator:
        emulator.hold("contoso.example", "fabrikam.example")
        monkeypatch.setenv("GRAPH_TOKEN", emulator.token)
        manifest = quickstart / "provisioner.yaml"
        text = manifest.read_text().replace("{export: graph/contoso.json}", f"{{id: {GUID}, credential: test}}")
        credentials = "credentials:\n  test: {type: token, token: {env: GRAPH_TOKEN}}\n"
        manifest.write_text(f"{text}\ngraph: {{endpoint: '{emulator.url}'}}\n{credentials}")
        yield emulator


def test_everything_that_a_run_needs_is_a_row(provisioner: Provisioner, quickstart: Path) -> None:
    with outside.dns_server() as dns, outside.mail_server() as (mail, heard):
        ran = provisioner("doctor", "--dns-target", dns, "--smtp-target", mail)
    assert (ran.code, ran.err) == (Exit.DONE, "")
    assert ran.out.replace(str(quickstart), "HERE").splitlines() == [
        "ok       manifest          provisioner.yaml names 1 tenant, 1 provider, 2 domains",
        "ok       state             HERE/.provisioner/state.db is not there yet; the first `apply` makes it",
        "unknown  clock             no tenant is asked live, whose time could be compared",
        "ok       tenant contoso    2 domains can be read from graph/contoso.json",
        "ok       provider files    2 zones (contoso.example, fabrikam.example) can be read and written",
        f"ok       port 53 out, UDP  {dns} answers",
        f"ok       port 53 out, TCP  {dns} answers",
        f"ok       port 25 out       {mail} greets: mx.example ESMTP",
        "",
        "Nothing found at fault: 7 ok, 1 unknown.",
    ]
    assert [line.upper() for line in heard] == [b"QUIT\r\n"]
    assert not (quickstart / ".provisioner").exists()


def test_offline_asks_nothing_that_is_not_here(doctor: Doctor, live: graph.GraphEmulator) -> None:
    rows = doctor("--offline", "--dns-target", CLOSED, "--smtp-target", CLOSED)
    skipped = {name for name, row in rows.items() if row == ("skipped", "not asked: --offline", "")}
    network = {"port 53 out, UDP", "port 53 out, TCP", "port 25 out"}
    assert skipped == {"clock", "credential test for tenant contoso", "tenant contoso", *network}
    assert rows["provider files"][0] == "ok"
    assert live.seen == []


def test_a_live_tenant_is_asked_with_its_credential(doctor: Doctor, live: graph.GraphEmulator) -> None:
    with outside.dns_server() as dns:
        rows = doctor("--dns-target", dns)
    assert rows["clock"] == ("ok", f"within 60 s of the one at {live.url}", "")
    assert rows["credential test for tenant contoso"][:2] == ("ok", f"there is a token, and it is for tenant {GUID}")
    assert rows["tenant contoso"][:2] == ("ok", f"2 domains can be read from {live.url}")
    assert rows["port 25 out"] == ("unknown", "nothing was asked", "Name a mail host to try: --smtp-target HOST")


def test_a_token_for_another_tenant_is_a_fault_and_its_tenant_is_not_asked(
    doctor: Doctor, live: graph.GraphEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRAPH_TOKEN", jwt(tid=OTHER, exp=4102444800))
    with outside.dns_server() as dns:
        rows = doctor("--dns-target", dns, code=Exit.ERROR)
    standing, found, mend = rows["credential test for tenant contoso"]
    assert (standing, OTHER in found) == ("fault", True)
    assert mend
    assert rows["tenant contoso"] == ("unknown", "it cannot be asked without a token", "Mend the credential first.")
    assert "/domains" not in [seen.path for seen in live.seen]


def test_a_token_that_cannot_be_checked_is_a_warning(
    provisioner: Provisioner, live: graph.GraphEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.token = "opaque-token-of-a-test"
    monkeypatch.setenv("GRAPH_TOKEN", live.token)
    with outside.dns_server() as dns:
        ran = provisioner("doctor", "--dns-target", dns)
    assert ran.code == Exit.DONE
    assert "warning  credential test for tenant contoso  there is a token. The token of credential test is no JWT" in ran.out
    assert live.token not in ran.out + ran.err


def test_a_permission_that_lacks_is_named_with_the_page_for_consent(
    provisioner: Provisioner, live: graph.GraphEmulator
) -> None:
    live.fail("/domains", graph.Fault(status=403, echo_token=True))
    with outside.dns_server() as dns:
        ran = provisioner("doctor", "--dns-target", dns)
    assert ran.code == Exit.ERROR
    assert "fault    tenant contoso" in ran.out
    assert "Domain.Read.All" in ran.out
    assert "/adminconsent?client_id=" in ran.out
    assert ran.out.endswith("Something is at fault: 7 ok, 1 fault, 1 unknown.\n")
    assert live.token not in ran.out + ran.err


def shifted(seconds: int) -> Callable[[], datetime]:
    return lambda: datetime.now(UTC) + timedelta(seconds=seconds)


def checked(now: Callable[[], datetime]) -> dict[str, Check]:
    with outside.dns_server() as dns:
        host, _, port = dns.partition(":")
        at = Outside(dns=(Target(host, int(port)),))
        return {one.name: one for one in check(Path("provisioner.yaml"), at, now)}


@pytest.mark.parametrize(("seconds", "told"), [(3600, "ahead of"), (-3600, "behind")])
def test_a_clock_that_is_off_is_a_fault(live: graph.GraphEmulator, seconds: int, told: str) -> None:
    clock = checked(shifted(seconds))["clock"]
    off = int(re.sub(r"\D", "", clock.found.partition(" s ")[0]))
    assert (clock.standing, clock.found) == (Standing.FAULT, f"the clock here is {off} s {told} the one at {live.url}")
    assert abs(off - 3600) <= 5


def test_a_clock_that_cannot_be_compared_is_unknown(live: graph.GraphEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRAPH_TOKEN")
    path = Path("provisioner.yaml")
    path.write_text(path.read_text().replace(live.url, f"http://{CLOSED}"))
    rows = checked(shifted(0))
    assert rows["clock"].standing is Standing.UNKNOWN
    assert rows["credential test for tenant contoso"].standing is Standing.FAULT


@pytest.mark.usefixtures("live")
def test_without_the_packages_for_graph_all_that_asks_it_is_at_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    rows = checked(shifted(0))
    assert rows["clock"].standing is Standing.FAULT
    assert rows["clock"].mend == "pip install 'provisioner[graph]'"


def test_a_manifest_with_mistakes_tells_them_and_the_network_is_still_tried(provisioner: Provisioner, quickstart: Path) -> None:
    path = quickstart / "provisioner.yaml"
    path.write_text(path.read_text().replace("provider: files", "provider: flies"))
    with outside.dns_server() as dns:
        ran = provisioner("doctor", "--dns-target", dns)
    assert ran.code == Exit.ERROR
    assert "fault    manifest                      The manifest provisioner.yaml has 1 mistake\n" in ran.out
    assert "\n         provisioner.yaml:" in ran.out
    assert "unknown  state, tenants and providers  the manifest cannot be used, which names them\n" in ran.out
    assert "ok       port 53 out, UDP" in ran.out


def test_a_state_that_is_there_is_opened_for_reading(doctor: Doctor, provisioner: Provisioner, quickstart: Path) -> None:
    assert provisioner("apply", "--auto-approve").code == Exit.DONE
    assert doctor()["state"] == ("ok", str(quickstart / ".provisioner" / "state.db"), "")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda folder: (folder / ".provisioner").write_text("in the way"), "is no folder that this user can write to"),
        (
            lambda folder: (folder / ".provisioner").mkdir() or (folder / ".provisioner" / "state.db").write_text("?" * 999),
            "no SQLite database",
        ),
    ],
)
def test_a_state_that_cannot_be_used_is_a_fault(
    doctor: Doctor, quickstart: Path, spoil: Callable[[Path], object], told: str
) -> None:
    spoil(quickstart)
    standing, found, mend = doctor(code=Exit.ERROR)["state"]
    assert (standing, told in found) == ("fault", True)
    assert "`state:`" in mend


def test_a_state_at_a_server_is_reached_unless_all_is_offline(doctor: Doctor, quickstart: Path) -> None:
    manifest = quickstart / "provisioner.yaml"
    manifest.write_text(f"{manifest.read_text()}state: postgresql+psycopg://me@127.0.0.1:1/state\n")
    assert doctor()["state"] == ("skipped", "not asked: --offline", "")
    with outside.dns_server() as dns:
        standing, found, mend = doctor("--dns-target", dns, code=Exit.ERROR)["state"]
    assert (standing, "postgresql+psycopg://me@127.0.0.1:1/state: there is no connection" in found) == ("fault", True)
    assert "See that the server runs" in mend


def test_zones_that_cannot_be_used_are_faults_and_the_others_are_counted(provisioner: Provisioner, quickstart: Path) -> None:
    zones = quickstart / "zones"
    (zones / "fabrikam.example.zone").write_text("broken ( IN A\n")
    manifest = quickstart / "provisioner.yaml"
    manifest.write_text(manifest.read_text().replace("domains:\n", "domains:\n  missing.example: {tenant: contoso}\n"))
    ran = provisioner("doctor", "--offline")
    assert ran.code == Exit.ERROR
    assert "ok       provider files    1 zone (contoso.example) can be read and written\n" in ran.out
    assert "fault    provider files    1 zone (fabrikam.example) cannot be read: " in ran.out
    assert "fault    provider files    no zone there holds missing.example\n" in ran.out


def test_a_provider_that_no_domain_is_at_is_asked_whether_it_answers(doctor: Doctor, quickstart: Path) -> None:
    (quickstart / "empty").mkdir()
    others = "".join(f"  {name}: {{type: zonefile, directory: {name}}}\n" for name in ("zones", "empty", "nowhere"))
    manifest = quickstart / "provisioner.yaml"
    manifest.write_text(manifest.read_text().replace("providers:\n", f"providers:\n{others}"))
    rows = doctor(code=Exit.ERROR)
    assert rows["provider zones"][:2] == ("ok", "no domain of the manifest is there; its zones can be listed")
    assert rows["provider empty"][:2] == ("ok", "no domain of the manifest is there; it can be asked, and holds no zone")
    assert rows["provider nowhere"][0] == "fault"


def test_domains_that_globs_choose_count_for_their_provider(doctor: Doctor, quickstart: Path) -> None:
    manifest = quickstart / "provisioner.yaml"
    text = manifest.read_text().replace("graph/contoso.json}", "graph/contoso.json, domains: all}")
    manifest.write_text("".join(line for line in text.splitlines(keepends=True) if "fabrikam.example:" not in line))
    assert doctor()["provider files"][1] == "2 zones (contoso.example, fabrikam.example) can be read and written"


SCRIPTED = """
from plans.values import ZoneRef
from providers.contract import Access, Adapter, AuthFailed, Capabilities, Options, Unsupported

class Zones:
    def zones(self, names):
        return {name: ZoneRef("far", "far", "", name, name) for name in names}

    def catalogue(self):
        raise Unsupported("far has no listing", "", "")
        yield

    def access(self, zone):
        first = zone.name.partition(".")[0]
        if first == "refused":
            raise AuthFailed("the key is not taken", "status 403", "Make a new key.")
        known = {"y": True, "n": False, "u": None}
        return Access(known[first[0]], known[first[1]], "the key says so" if first[2:] else "")

ADAPTER = Adapter(CONTRACT, Options, Capabilities("none", frozenset()), lambda label, options, context: Zones())
"""


@pytest.fixture
def far(tmp_path: Path, quickstart: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A provider type of somebody else's, in use beside the quickstart's."""
    site = tmp_path / "site"
    info = site / "far_dns-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: far-dns\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\nfar = far_dns_of_a_test:ADAPTER\n")
    (site / "far_dns_of_a_test.py").write_text(SCRIPTED.replace("CONTRACT,", f"{CONTRACT_VERSION},"))
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "far_dns_of_a_test", raising=False)
    manifest = quickstart / "provisioner.yaml"
    manifest.write_text(manifest.read_text().replace("providers:\n", "providers:\n  far: {type: far}\n"))
    return manifest


def test_what_an_account_may_do_is_told_for_zones_that_are_alike(doctor: Doctor, provisioner: Provisioner, far: Path) -> None:
    names = ["yy", "yyy", "yn", "uu", "yu", "yuy", "nn", "refused", "yyz"]
    lines = "".join(f"  {name}.example: {{tenant: contoso, provider: far}}\n" for name in names)
    far.write_text(far.read_text().replace("domains:\n", f"domains:\n{lines}"))
    with outside.dns_server() as dns:
        ran = provisioner("doctor", "--dns-target", dns)
    assert ran.code == Exit.ERROR
    told = [line.removeprefix(line[:27]) for line in ran.out.splitlines() if " provider far " in line]
    assert sorted(told) == [
        "1 zone (nn.example) cannot be read",
        "1 zone (refused.example) cannot be asked for",
        "1 zone (uu.example) may or may not be read, which is seen only by doing it",
        "1 zone (yn.example) cannot be written",
        "1 zone (yu.example) may or may not be written, which is seen only by doing it",
        "1 zone (yuy.example) may or may not be written, which is seen only by doing it: the key says so",
        "3 zones (yy.example, yyy.example, yyz.example) can be read and written",
    ]
    assert "         the key is not taken\n         status 403\n         Make a new key.\n" in ran.out
    assert doctor()["provider far"][0] == "skipped"


def test_a_provider_that_cannot_be_listed_and_is_not_used_is_unknown(provisioner: Provisioner, far: Path) -> None:
    with outside.dns_server() as dns:
        ran = provisioner("doctor", "--dns-target", dns)
    assert ran.code == Exit.DONE
    assert "unknown  provider far      no domain of the manifest is there, and far has no listing\n" in ran.out


def test_one_family_of_addresses_is_enough(doctor: Doctor, quickstart: Path) -> None:
    with outside.dns_server() as dns:
        rows = doctor("--dns-target", dns, "--dns-target", "[::1]:1")
    for transport in ("UDP", "TCP"):
        standing, found, _ = rows[f"port 53 out, {transport}"]
        assert standing == "ok"
        assert found.startswith(f"{dns} answers; [::1]:1: ")


def test_a_port_that_is_closed_is_a_fault_for_dns_and_a_warning_for_mail(doctor: Doctor, quickstart: Path) -> None:
    rows = doctor("--dns-target", CLOSED, "--smtp-target", CLOSED, code=Exit.ERROR)
    assert rows["port 53 out, UDP"][0] == rows["port 53 out, TCP"][0] == "fault"
    assert "--dns-target" in rows["port 53 out, UDP"][2]
    standing, found, mend = rows["port 25 out"]
    assert (standing, "refused" in found.lower()) == ("warning", True)
    assert "Many networks close port 25" in mend


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--dns-target", "dns.example"),
        ("--dns-target", "127.0.0.1:port"),
        ("--smtp-target", "mx.example/path"),
        ("--smtp-target", "a b"),
        ("--smtp-target", "user@mx.example"),
        ("--smtp-target", "[::1"),
    ],
)
def test_a_target_that_is_none_is_wrong_usage(provisioner: Provisioner, quickstart: Path, option: str, value: str) -> None:
    ran = provisioner("doctor", option, value)
    assert (ran.code, ran.out) == (Exit.USAGE, "")
    assert ran.err.startswith("Error: That cannot be asked\n")


def test_a_name_that_is_too_long_does_not_move_the_others() -> None:
    rows = [Check("x" * 50, Standing.OK, "a"), Check("y", Standing.OK, "b")]
    first, second, *_ = map(plain, checkup_lines(rows))
    assert (first, second) == (f"ok       {'x' * 50}a", f"ok       y{' ' * 41}b")
