import contextlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.resources import as_file, files
from pathlib import Path

import pytest

from plans.desired import Cloud, Dnssec, Subject, SubjectKind
from plans.rollout.domain import Strategy
from plans.rollout.onboarding import Verify
from plans.values import Mx, Name
from providers import registry
from provisioner.manifest import Adapters, load
from provisioner.manifest.model import (
    AzureCli,
    AzurePipelines,
    BearerToken,
    Certificate,
    ClientSecret,
    DefaultChain,
    Domain,
    Listing,
    LiveTenant,
    Location,
    MailHost,
    ManagedIdentity,
    Manifest,
    Policy,
    Resolver,
    Route,
    SavedTenant,
    Secret,
    Settings,
    SmtpProbe,
    Takeover,
    WorkloadIdentity,
)
from provisioner.targets import Target

GOOD = Path(__file__).parents[2] / "data" / "manifest" / "good"
FILE = Path("every-key.yaml")


def label(one: Domain | MailHost) -> str | None:
    return one.provider.label if one.provider else None


@pytest.fixture(scope="module")
def full(adapters: Adapters) -> Manifest:
    with contextlib.chdir(GOOD):
        return load(FILE, adapters)


@pytest.mark.parametrize("file", sorted(path.name for path in GOOD.iterdir() if path.is_file()))
def test_good_examples_are_read(file: str, adapters: Adapters) -> None:
    assert load(GOOD / file, adapters).file.name == file


def test_the_webhook_is_a_secret_and_its_template_lies_beside_the_manifest(full: Manifest) -> None:
    assert full.webhook
    assert (full.webhook.url.env, full.webhook.template) == ("WEBHOOK_URL", Path("webhook.json"))


def test_the_smallest_manifest_manages_nothing_and_has_the_default_state(adapters: Adapters) -> None:
    manifest = load(GOOD / "smallest.yaml", adapters)

    assert manifest.domains == ()
    assert manifest.state == f"sqlite:///{GOOD}/.provisioner/state.db"
    assert manifest.graph_endpoint is None


def test_settings_come_from_the_domain_then_its_tenant_then_the_manifest(full: Manifest) -> None:
    settings = {domain.name: (domain.tenant.label, label(domain), domain.strategy, domain.verify) for domain in full.domains}

    assert settings == {
        "contoso.com.": ("contoso", "files", Strategy.DIRECT, Verify.MANUAL),
        "mail.contoso.com.": ("contoso", "others", Strategy.PHASED, Verify.DNS),
        "found.example.": ("contoso", None, Strategy.DIRECT, Verify.MANUAL),
        "fabrikam.com.": ("fabrikam", "others", Strategy.PHASED, Verify.DNS),
        "xn--mnchen-3ya.example.": ("offline", "others", Strategy.PHASED, Verify.DNS),
        "json.example.": ("wingtip", "json", Strategy.PHASED, Verify.DNS),
        "wingtip.example.": ("wingtip", "others", Strategy.PHASED, Verify.DNS),
        "gateway.example.": ("contoso", "files", Strategy.DIRECT, Verify.MANUAL),
        "back.example.": ("fabrikam", "others", Strategy.PHASED, Verify.DNS),
        "csv.example.": ("contoso", "files", Strategy.DIRECT, Verify.MANUAL),
        "xn--bcher-kva.example.": ("offline", "others", Strategy.PHASED, Verify.DNS),
    }
    assert {domain.name for domain in full.domains if not domain.staged} == {
        "contoso.com.",
        "mail.contoso.com.",
        "found.example.",
        "gateway.example.",
        "csv.example.",
    }


def test_a_pin_stands_on_a_domain_in_yaml_or_in_a_table_with_or_without_final_dot(full: Manifest) -> None:
    assert {domain.name: domain.exchange for domain in full.domains if domain.exchange} == {
        "fabrikam.com.": "fabrikam-com.o-v1.mx.microsoft.",
        "csv.example.": "csv-example.a-v1.mx.microsoft.",
        "back.example.": "back-example.mail.protection.outlook.com.",
    }


def test_what_becomes_of_dnssec_and_dane_comes_from_the_domain_then_its_tenant_then_the_manifest(full: Manifest) -> None:
    settings = {domain.name: (domain.dnssec, domain.dane, domain.smtp_probe) for domain in full.domains}

    for name, said in {
        "contoso.com.": (Dnssec.KEEP, False, SmtpProbe.OFF),
        "found.example.": (Dnssec.OFF, False, SmtpProbe.OFF),
        "gateway.example.": (Dnssec.MANAGE, True, SmtpProbe.ADVISORY),
        "fabrikam.com.": (Dnssec.MANAGE, True, SmtpProbe.REQUIRED),
        "back.example.": (Dnssec.MANAGE, False, SmtpProbe.REQUIRED),
        "csv.example.": (Dnssec.KEEP, False, SmtpProbe.OFF),
    }.items():
        assert settings[Name(name)] == said


def test_a_gateway_has_hosts_of_its_own_with_their_preference_values(full: Manifest) -> None:
    hosts = (Mx(10, Name("mx1.gateway.example.")), Mx(20, Name("mx2.gateway.example.")))

    assert {domain.name: domain.mx for domain in full.domains if domain.route is Route.GATEWAY} == {"gateway.example.": hosts}
    assert all(domain.mx == () for domain in full.domains if domain.route is Route.EXCHANGE_ONLINE)


def test_a_date_is_the_moment_in_utc_at_which_it_begins(full: Manifest) -> None:
    of = {domain.name: domain for domain in full.domains}
    gateway, back = of[Name("gateway.example.")], of[Name("back.example.")]

    assert (gateway.signed_since, gateway.delegated_since) == (
        datetime(2025, 12, 31, tzinfo=UTC),
        datetime(2024, 2, 29, tzinfo=UTC),
    )
    assert back.takeover == Takeover(Name("mx.old.example."), datetime(2026, 12, 31, tzinfo=UTC))
    assert (back.signed_since, back.delegated_since, gateway.takeover) == (None, None, None)


def test_the_ds_goes_where_the_domain_says_and_nowhere_by_itself(full: Manifest) -> None:
    assert {domain.name: domain.parent.label for domain in full.domains if domain.parent} == {"gateway.example.": "reg"}


def test_mail_hosts_are_read_with_their_certificates(full: Manifest) -> None:
    said = {host.name: (label(host), host.certificate, host.upcoming) for host in full.mail_hosts}

    assert said == {
        "mx1.gateway.example.": ("files", Path("mx1.pem"), Path("/etc/mail/mx1-next.pem")),
        "mx2.gateway.example.": (None, Path("mx2.pem"), None),
        "mx.wingtip.example.": (None, Path("fleet/mx.pem"), None),
    }
    assert {host.subject.kind for host in full.mail_hosts} == {SubjectKind.MAIL_HOST}
    assert not any(host.staged for host in full.mail_hosts)


def test_old_hosts_stay_as_long_as_the_policy_says_else_an_hour(full: Manifest, read: Callable[..., Manifest]) -> None:
    assert full.policy == Policy(timedelta(hours=2))
    assert read("version: 1\n").policy == read("version: 1\npolicy: {}\n").policy == Policy(timedelta(hours=1))
    assert read("version: 1\npolicy: {soak: 0s}\n").policy == Policy(timedelta(0))


@pytest.mark.parametrize(
    "layers",
    [
        ("dnssec: manage", "", "dane: true"),
        ("dane: true", "", "dnssec: manage"),
        ("dane: true", "dnssec: manage", ""),
        ("dnssec: off", "dnssec: keep", "dane: true, dnssec: manage"),
        ("dane: true", "", "dane: false, dnssec: off"),
    ],
)
def test_dane_may_have_its_dnssec_from_any_layer(read: Callable[..., Manifest], layers: tuple[str, str, str]) -> None:
    manifest, tenant, domain = layers
    made = read(
        f"version: 1\ndefaults: {{{manifest}}}\ntenants: {{t: {{export: a.json, defaults: {{{tenant}}}}}}}\n"
        f"domains: {{a.example: {{tenant: t, {domain}}}}}\n"
    )

    assert all(one.dnssec is Dnssec.MANAGE or not one.dane for one in made.domains)


def test_a_domain_that_the_tenants_globs_chose_gets_the_same_settings(full: Manifest) -> None:
    found = full.discovered(full.tenants["contoso"], Name("new.contoso.com."))

    assert (label(found), found.strategy, found.verify) == ("files", Strategy.DIRECT, Verify.MANUAL)
    assert (found.where, found.exchange) == (full.tenants["contoso"].where, None)
    assert full.settings("fabrikam") == Settings(
        "others", Strategy.PHASED, Verify.DNS, staged=True, dnssec=Dnssec.MANAGE, dane=True, smtp_probe=SmtpProbe.REQUIRED
    )
    managed = full.discovered(full.tenants["fabrikam"], Name("new.fabrikam.com."))
    assert (managed.dnssec, managed.dane, managed.smtp_probe) == (Dnssec.MANAGE, True, SmtpProbe.REQUIRED)
    assert (managed.subject, managed.route, managed.parent) == (Subject(managed.name), Route.EXCHANGE_ONLINE, None)


def test_where_nobody_set_anything_a_domain_is_phased_and_verified_by_a_person(read: Callable[..., Manifest]) -> None:
    manifest = read(
        "version: 1\ntenants: {t: {export: a.json, domains: all, defaults: {provider: p}}}\n"
        "providers: {p: {type: zonefile, directory: z}}\ndomains: {a.example: {tenant: t}}\n"
    )

    for domain in (*manifest.domains, manifest.discovered(manifest.tenants["t"], Name("example.com."))):
        assert (domain.strategy, domain.verify, domain.exchange) == (Strategy.PHASED, Verify.MANUAL, None)
        assert (domain.dnssec, domain.dane, domain.smtp_probe) == (Dnssec.KEEP, False, SmtpProbe.ADVISORY)


@pytest.mark.parametrize(
    ("manifest", "tenant", "domain", "provider"),
    [
        ("", "", "", None),
        ("", "", "auto", None),
        ("auto", "", "", None),
        ("files", "", "", "files"),
        ("files", "auto", "", None),
        ("files", "", "auto", None),
        ("auto", "files", "", "files"),
        ("auto", "auto", "files", "files"),
    ],
)
def test_a_provider_is_found_where_none_is_named_or_auto_is(
    read: Callable[..., Manifest], manifest: str, tenant: str, domain: str, provider: str | None
) -> None:
    def said(label: str) -> str:
        return f"provider: {label}" if label else ""

    made = read(
        "version: 1\nproviders: {files: {type: zonefile, directory: z}}\n"
        f"defaults: {{{said(manifest)}}}\n"
        f"tenants: {{t: {{export: a.json, domains: all, defaults: {{{said(tenant)}}}}}}}\n"
        f"domains: {{a.example: {{tenant: t, {said(domain)}}}}}\n"
    )

    assert [label(one) for one in made.domains] == [provider]
    if not domain:
        assert label(made.discovered(made.tenants["t"], Name("b.example."))) == provider


def test_a_provider_says_how_long_a_write_is_on_its_way_and_the_highest_ttl_of_a_zone(full: Manifest) -> None:
    said = {name: (config.options.propagation, config.options.max_zone_ttl) for name, config in full.providers.items()}

    assert said["files"] == (timedelta(minutes=5), None)
    assert said["others"] == (timedelta(seconds=90), timedelta(days=7))


@pytest.mark.parametrize(
    ("written", "method"),
    [
        ("client-secret, client_id: app, secret: {env: A}", ClientSecret("app", Secret(Location(Path("m"), 3, 44), env="A"))),
        (
            "certificate, client_id: app, certificate: {file: a.pem}, password: {env: A}",
            Certificate(
                "app", Secret(Location(Path("m"), 3, 42), file=Path("a.pem")), Secret(Location(Path("m"), 3, 70), env="A")
            ),
        ),
        ("certificate, client_id: app, certificate: {env: A}", Certificate("app", Secret(Location(Path("m"), 3, 42), env="A"))),
        ("workload-identity, client_id: app, token_file: run/token", WorkloadIdentity("app", Path("run/token"))),
        ("workload-identity, client_id: app", WorkloadIdentity("app")),
        (
            "azure-pipelines, client_id: app, service_connection_id: connection, system_access_token: {env: A}",
            AzurePipelines("app", "connection", Secret(Location(Path("m"), 3, 81), env="A")),
        ),
        ("token, token: {file: /run/token}", BearerToken(Secret(Location(Path("m"), 3, 20), file=Path("/run/token")))),
        ("default", DefaultChain()),
        ("azure-cli", AzureCli()),
        ("managed-identity", ManagedIdentity()),
        ("managed-identity, client_id: app", ManagedIdentity("app")),
    ],
)
def test_every_way_of_logging_in_is_read(written: str, method: object, tmp_path: Path, adapters: Adapters) -> None:
    text = f"version: 1\ncredentials:\n  c: {{type: {written}}}\ntenants:\n  t: {{id: t.example, credential: c}}\n"
    with contextlib.chdir(tmp_path):
        Path("m").write_text(text, encoding="utf-8")
        tenant = load(Path("m"), adapters).tenants["t"]

    assert isinstance(tenant, LiveTenant)
    assert tenant.credential.method == method
    assert tenant.credential.where == Location(Path("m"), 3, 3)


def test_a_secret_is_told_by_where_it_is_to_be_had() -> None:
    where = Location(Path("m"), 3)

    assert str(Secret(where, env="TOKEN")) == "env TOKEN"
    assert str(Secret(where, file=Path("run/token"))) == "file run/token"


def test_tenants_are_read_with_their_cloud_and_globs(full: Manifest) -> None:
    contoso, fabrikam, offline = (full.tenants[label] for label in ("contoso", "fabrikam", "offline"))

    assert contoso.domains == ("*",)
    assert fabrikam.domains == ("*.fabrikam.com", "[a-f]?.example", "xn--mnchen-3ya.*")
    assert fabrikam.cloud is Cloud.USGOV_DOD
    assert isinstance(offline, SavedTenant)
    assert (offline.export, offline.cloud, offline.domains) == (Path("graph/offline.json"), Cloud.CHINA, None)


def test_partners_are_read_with_the_list_that_tells_of_their_customers_and_what_those_get(full: Manifest) -> None:
    csp, gdap = (full.partners[label] for label in ("csp", "gdap"))

    assert (csp.discover, csp.tenant.id, csp.tenant.cloud) == (Listing.CONTRACTS, "Partner.onmicrosoft.com", Cloud.GLOBAL)
    assert (csp.tenant.label, csp.tenant.credential, csp.defaults) == ("csp", full.credentials["certificate"], Settings())
    assert (gdap.discover, gdap.tenant.cloud) == (Listing.DELEGATED_ADMIN, Cloud.USGOV)
    assert gdap.defaults == Settings("files", dnssec=Dnssec.MANAGE)
    assert csp.tenant.domains is None
    assert not {"csp", "gdap"} & full.tenants.keys()


def test_a_path_counts_from_the_file_in_which_it_stands(full: Manifest) -> None:
    wingtip = full.tenants["wingtip"]

    assert isinstance(wingtip, SavedTenant)
    assert wingtip.export == Path("fleet/wingtip.json")
    assert full.providers["json"].where.file.parent == Path("fleet")
    assert full.state == f"sqlite:///{GOOD}/var/state.db"


def test_every_domain_and_mail_host_knows_the_line_that_names_it(full: Manifest) -> None:
    named: tuple[Domain | MailHost, ...] = (*full.domains, *full.mail_hosts)
    for domain in named:
        line = (GOOD / domain.where.file).read_text(encoding="utf-8").splitlines()[domain.where.line - 1]
        assert domain.name.split(".")[0].removeprefix("xn--")[:4] in line.lower().replace("ü", "").replace("mnchen", "mnch")


def test_the_graph_endpoint_has_no_final_slash(full: Manifest) -> None:
    assert full.graph_endpoint == "http://[::1]:8080"


def test_public_dns_is_asked_as_the_manifest_says(full: Manifest) -> None:
    forward = (Target("192.0.2.53", 53), Target("2001:db8::53", 5353))
    assert full.resolver == Resolver(forward, port=53, trust_anchor=Path("root.key"))


def test_the_core_schema_of_yaml_takes_off_and_no_for_words(adapters: Adapters) -> None:
    manifest = load(GOOD / "words-of-the-core-schema.yaml", adapters)

    assert list(manifest.tenants) == ["off", "on"]
    assert list(manifest.providers) == ["no"]
    assert [domain.name for domain in manifest.domains] == ["1e3.example.", "12.34.example."]


def test_a_domain_below_a_managed_one_may_lie_at_any_provider(adapters: Adapters) -> None:
    manifest = load(GOOD / "subdomains-of-a-managed-domain.yaml", adapters)

    assert [(domain.name, label(domain)) for domain in manifest.domains] == [
        ("contoso.com.", "files"),
        ("sales.contoso.com.", "files"),
        ("branch.contoso.com.", "branch"),
    ]


def test_the_adapters_of_this_installation_are_used_unless_others_are_given(data: Path) -> None:
    manifest = load(data / "good" / "one-domain.yaml")

    assert "zonefile" in registry.available()
    assert isinstance(manifest.providers["files"].options, registry.load("zonefile").options)


def test_validating_opens_no_file_but_the_manifest_and_its_includes(full: Manifest) -> None:
    named = [Path("graph/offline.json"), Path("partner.pem"), Path("secrets/token"), Path("zones")]

    assert full.tenants
    assert not any((GOOD / path).exists() for path in named)


def test_the_manifest_to_start_from_is_read(adapters: Adapters) -> None:
    with as_file(files("provisioner.manifest") / "starter.yaml") as starter:
        assert load(starter, adapters).domains == ()
