"""Logging in, with the real azure-identity against a login service on loopback."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from azure.identity import AzureAuthorityHosts
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, load_pem_private_key, pkcs12
from cryptography.x509 import load_pem_x509_certificate

from plans.desired import Cloud
from plans.problem import Problem
from provisioner.desired.credential import Login
from provisioner.desired.problems import ConsentMissing
from provisioner.desired.tenant_id import look_up_tenant_id
from provisioner.manifest.model import (
    AzureCli,
    AzurePipelines,
    BearerToken,
    Certificate,
    ClientSecret,
    Credential,
    DefaultChain,
    Location,
    ManagedIdentity,
    Method,
    Secret,
    WorkloadIdentity,
)
from tests.emulators.login import LoginEmulator, jwt

TENANT = "11111111-2222-3333-4444-555555555555"
OTHER = "00000000-2222-3333-4444-555555555555"
CLIENT = "99999999-8888-7777-6666-555555555555"
SECRET = "vErY~s3cret.cl1ent_Secret-0f-the-application"
SCOPE = "https://graph.microsoft.com/.default"
WHERE = Location(Path("provisioner.yaml"), 7)

MakeCredential = Callable[[Method], Credential]


def secret(variable: str) -> Secret:
    return Secret(WHERE, env=variable)


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Leave nothing in the environment from which any credential could get a token."""
    for variable in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "MSI_ENDPOINT", "AZURE_CLIENT_ID", "AZURE_TENANT_ID"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CLIENT_SECRET", SECRET)
    monkeypatch.setenv("SYSTEM_ACCESS_TOKEN", SECRET)


def failed(login: Login) -> Problem:
    with pytest.raises(Problem) as caught:
        login.get_token(SCOPE)
    told = caught.value
    assert told.headline
    assert told.detail
    assert told.mend
    assert SECRET not in str(told)
    return told


def install_az(folder: Path, answer: str, status: int = 0) -> None:
    """Install an Azure CLI that says one thing, whatever it is asked."""
    program = folder / "bin" / "az"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n/bin/cat <<'END'\n{answer}\nEND\nexit {status}\n")
    program.chmod(0o755)


def az_answer(token: str) -> str:
    return json.dumps({"accessToken": token, "expires_on": int(time.time()) + 3600, "tenant": TENANT, "tokenType": "Bearer"})


def workload_identity(folder: Path) -> WorkloadIdentity:
    file = folder / "federated.jwt"
    file.write_text(jwt(sub="workload"))
    return WorkloadIdentity(CLIENT, file)


def test_a_client_secret_logs_in(tls_login_service: LoginEmulator, credential_of: MakeCredential) -> None:
    method = ClientSecret(CLIENT, secret("CLIENT_SECRET"))
    login = Login(credential_of(method), TENANT, Cloud.GLOBAL, tls_login_service.url)
    assert login.get_token(SCOPE, claims=None, enable_cae=True).token == tls_login_service.token
    path, form, _ = tls_login_service.asked[-1]
    assert path == f"/{TENANT}/oauth2/v2.0/token"
    assert (form["client_id"], form["client_secret"], form["scope"]) == ([CLIENT], [SECRET], [SCOPE])
    assert login.notices == ()


def test_a_token_is_kept_until_it_nears_its_end(tls_login_service: LoginEmulator, credential_of: MakeCredential) -> None:
    login = Login(credential_of(ClientSecret(CLIENT, secret("CLIENT_SECRET"))), TENANT, Cloud.GLOBAL, tls_login_service.url)
    first = login.get_token(SCOPE)
    requests = len(tls_login_service.asked)
    assert login.get_token(SCOPE) == first
    assert len(tls_login_service.asked) == requests
    login.get_token(SCOPE, claims='{"access_token":{"nbf":{"essential":true}}}')
    assert len(tls_login_service.asked) > requests, "a claims challenge makes the kept token useless"
    assert "nbf" in tls_login_service.asked[-1][1]["claims"][0]


@pytest.mark.parametrize("shape", ["pem", "pfx"])
def test_a_certificate_logs_in(
    tls_login_service: LoginEmulator,
    credential_of: MakeCredential,
    certificates: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    shape: str,
) -> None:
    file = tmp_path / "partner"
    key, certificate = load_pem_private_key(certificates.pem, None), load_pem_x509_certificate(certificates.pem)
    password = None
    if shape == "pfx":
        monkeypatch.setenv("PASSWORD", "open sesame")
        password = secret("PASSWORD")
        sealed = BestAvailableEncryption(b"open sesame")
        file.write_bytes(pkcs12.serialize_key_and_certificates(b"x", key, certificate, None, sealed))  # type: ignore[arg-type] # an RSA key
    else:
        file.write_bytes(certificates.pem)
    method = Certificate(CLIENT, Secret(WHERE, file=file), password)
    login = Login(credential_of(method), TENANT, Cloud.GLOBAL, tls_login_service.url)
    assert login.get_token(SCOPE).token == tls_login_service.token
    assert tls_login_service.asked[-1][1]["client_assertion_type"]


def test_a_certificate_that_is_none(tls_login_service: LoginEmulator, credential_of: MakeCredential, tmp_path: Path) -> None:
    file = tmp_path / "partner.pem"
    file.write_text("this is no certificate")
    method = Certificate(CLIENT, Secret(WHERE, file=file))
    told = failed(Login(credential_of(method), TENANT, Cloud.GLOBAL, tls_login_service.url))
    assert "PEM or PKCS12" in told.detail
    assert "partner.pem" in told.mend


def test_a_workload_identity_logs_in(tls_login_service: LoginEmulator, credential_of: MakeCredential, tmp_path: Path) -> None:
    login = Login(credential_of(workload_identity(tmp_path)), TENANT, Cloud.GLOBAL, tls_login_service.url)
    assert login.get_token(SCOPE).token == tls_login_service.token
    assert tls_login_service.asked[-1][1]["client_assertion"] == [jwt(sub="workload")]


def test_a_workload_identity_without_its_file(
    tls_login_service: LoginEmulator, credential_of: MakeCredential, tmp_path: Path
) -> None:
    missing = WorkloadIdentity(CLIENT, tmp_path / "nowhere.jwt")
    told = failed(Login(credential_of(missing), TENANT, Cloud.GLOBAL, tls_login_service.url))
    assert "nowhere.jwt: No such file" in told.detail
    assert "platform" in told.mend
    unset = failed(Login(credential_of(WorkloadIdentity(CLIENT)), TENANT, Cloud.GLOBAL, tls_login_service.url))
    assert "token_file_path" in unset.detail


def test_azure_pipelines_logs_in(
    tls_login_service: LoginEmulator, credential_of: MakeCredential, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = AzurePipelines(CLIENT, "connection", secret("SYSTEM_ACCESS_TOKEN"))
    login = Login(credential_of(method), TENANT, Cloud.GLOBAL, tls_login_service.url)
    assert "SYSTEM_OIDCREQUESTURI" in failed(login).detail
    monkeypatch.setenv("SYSTEM_OIDCREQUESTURI", f"{tls_login_service.url}/oidc")
    assert login.get_token(SCOPE).token == tls_login_service.token
    assert tls_login_service.asked[-1][1]["client_assertion"] == [jwt(sub="pipeline")]


def test_a_managed_identity_logs_in(
    login_service: LoginEmulator, credential_of: MakeCredential, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{login_service.url}/msi")
    monkeypatch.setenv("IDENTITY_HEADER", "header")
    login_service.token = jwt(tid=TENANT)
    assert Login(credential_of(ManagedIdentity()), TENANT, Cloud.GLOBAL).get_token(SCOPE).token == login_service.token
    told = failed(Login(credential_of(ManagedIdentity(CLIENT)), OTHER, Cloud.GLOBAL))
    assert "its own tenant only" in told.mend


def test_the_azure_cli_logs_in(credential_of: MakeCredential, tmp_path: Path) -> None:
    install_az(tmp_path, az_answer(jwt(tid=TENANT)))
    assert Login(credential_of(AzureCli()), TENANT, Cloud.GLOBAL).get_token(SCOPE).token == jwt(tid=TENANT)
    told = failed(Login(credential_of(AzureCli()), OTHER, Cloud.GLOBAL))
    assert told.mend == f"az login --tenant {OTHER}"


def test_the_azure_cli_that_is_not_there(credential_of: MakeCredential) -> None:
    told = failed(Login(credential_of(AzureCli()), TENANT, Cloud.GLOBAL))
    assert "not found on path" in told.detail
    assert told.mend == f"az login --tenant {TENANT}"


def test_the_default_chain_asks_for_the_tenant(
    tls_login_service: LoginEmulator, credential_of: MakeCredential, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_ID", CLIENT)
    monkeypatch.setenv("AZURE_CLIENT_SECRET", SECRET)
    monkeypatch.setenv("AZURE_TENANT_ID", OTHER)
    tls_login_service.tenants[OTHER] = OTHER
    login = Login(credential_of(DefaultChain()), TENANT, Cloud.GLOBAL, tls_login_service.url)
    assert login.get_token(SCOPE).token == tls_login_service.token
    assert tls_login_service.asked[-1][0] == f"/{TENANT}/oauth2/v2.0/token"


def test_the_switch_that_pins_the_home_tenant_is_named(
    tls_login_service: LoginEmulator, credential_of: MakeCredential, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_IDENTITY_DISABLE_MULTITENANTAUTH", "1")
    tls_login_service.token = jwt(tid=OTHER)
    login = Login(credential_of(ClientSecret(CLIENT, secret("CLIENT_SECRET"))), TENANT, Cloud.GLOBAL, tls_login_service.url)
    told = failed(login)
    assert TENANT in told.detail
    assert OTHER in told.detail
    assert "AZURE_IDENTITY_DISABLE_MULTITENANTAUTH" in told.detail
    assert told.mend == "unset AZURE_IDENTITY_DISABLE_MULTITENANTAUTH"
    assert tls_login_service.token not in str(told)


def test_a_credential_of_another_tenant(tls_login_service: LoginEmulator, credential_of: MakeCredential) -> None:
    tls_login_service.token = jwt(tid=OTHER)
    login = Login(credential_of(ClientSecret(CLIENT, secret("CLIENT_SECRET"))), TENANT, Cloud.GLOBAL, tls_login_service.url)
    assert "name the credential of that tenant" in failed(login).mend


@pytest.mark.parametrize(
    ("code", "mend"),
    [
        ("AADSTS90002", "`id`"),
        ("AADSTS53003", "Conditional Access"),
        ("AADSTS7000215", "client secret, which is read from env CLIENT_SECRET"),
    ],
)
def test_a_refused_login_is_told_by_its_code(
    tls_login_service: LoginEmulator, credential_of: MakeCredential, code: str, mend: str
) -> None:
    words = f"{code}: It went wrong with {SECRET} and {jwt(tid=TENANT)} for '{CLIENT}'.\r\nTrace ID: 1"
    tls_login_service.error = {"error": "invalid_client", "error_description": words, "error_codes": [int(code[6:])]}
    method = ClientSecret(CLIENT, secret("CLIENT_SECRET"))
    told = failed(Login(credential_of(method), TENANT, Cloud.GLOBAL, tls_login_service.url))
    assert not isinstance(told, ConsentMissing)
    assert code in told.detail
    assert CLIENT in told.detail
    assert "Trace ID" not in told.detail
    assert "eyJ" not in str(told)
    assert mend in told.mend


@pytest.mark.parametrize("code", ["AADSTS65001", "AADSTS90094", "AADSTS700016", "AADSTS7000229"])
def test_a_login_without_consent_names_the_tenant_and_the_page(
    tls_login_service: LoginEmulator, credential_of: MakeCredential, code: str
) -> None:
    tls_login_service.error = {"error": "unauthorized_client", "error_description": f"{code}: No.\r\nTrace ID: 1"}
    credential = credential_of(ClientSecret(CLIENT, secret("CLIENT_SECRET")))
    told = failed(Login(credential, TENANT, Cloud.GLOBAL, tls_login_service.url, label="contoso"))
    assert isinstance(told, ConsentMissing)
    assert (told.tenant, told.url) == ("contoso", f"{tls_login_service.url}/{TENANT}/adminconsent?client_id={CLIENT}")
    assert told.mend.endswith(told.url)
    assert code in told.detail


def test_a_tenant_without_a_label_is_called_by_its_id(tls_login_service: LoginEmulator, credential_of: MakeCredential) -> None:
    tls_login_service.error = {"error": "unauthorized_client", "error_description": "AADSTS65001: No."}
    credential = credential_of(ClientSecret(CLIENT, secret("CLIENT_SECRET")))
    told = failed(Login(credential, TENANT, Cloud.GLOBAL, tls_login_service.url))
    assert isinstance(told, ConsentMissing)
    assert told.tenant == TENANT


def test_a_token_near_its_end_is_renewed_and_one_that_was_not_taken_is_forgotten(
    tls_login_service: LoginEmulator, credential_of: MakeCredential
) -> None:
    login = Login(credential_of(ClientSecret(CLIENT, secret("CLIENT_SECRET"))), TENANT, Cloud.GLOBAL, tls_login_service.url)
    tls_login_service.lifetime = 200
    login.get_token(SCOPE)
    tls_login_service.token = jwt(tid=TENANT, uti="second")
    tls_login_service.lifetime = 3600
    assert login.get_token(SCOPE).token == tls_login_service.token
    kept = tls_login_service.token
    tls_login_service.token = jwt(tid=TENANT, uti="third")
    assert login.get_token(SCOPE).token == kept
    login.forget()
    assert login.get_token(SCOPE).token == tls_login_service.token


@pytest.mark.parametrize(("claims", "of_person"), [({"scp": "Domain.Read.All"}, True), ({"roles": ["Domain.Read.All"]}, False)])
def test_a_token_tells_whether_it_stands_for_a_person(
    credential_of: MakeCredential, monkeypatch: pytest.MonkeyPatch, claims: dict[str, object], of_person: bool
) -> None:
    monkeypatch.setenv("TOKEN", jwt(tid=TENANT, **claims))
    login = Login(credential_of(BearerToken(secret("TOKEN"))), TENANT, Cloud.GLOBAL)
    before = login.of_person
    login.get_token(SCOPE)
    assert (before, login.of_person) == (False, of_person)


def test_no_log_holds_a_secret_or_a_token(
    tls_login_service: LoginEmulator, credential_of: MakeCredential, caplog: pytest.LogCaptureFixture
) -> None:
    method = ClientSecret(CLIENT, secret("CLIENT_SECRET"))
    with caplog.at_level(logging.DEBUG):
        Login(credential_of(method), TENANT, Cloud.GLOBAL, tls_login_service.url).get_token(SCOPE)
    assert caplog.records
    assert SECRET not in caplog.text
    assert tls_login_service.token not in caplog.text


def test_a_login_service_that_is_not_there(credential_of: MakeCredential) -> None:
    method = ClientSecret(CLIENT, secret("CLIENT_SECRET"))
    assert "gives no token" in failed(Login(credential_of(method), TENANT, Cloud.GLOBAL, "https://127.0.0.1:9")).headline


def test_a_given_token_is_used_as_it_is(credential_of: MakeCredential, monkeypatch: pytest.MonkeyPatch) -> None:
    end = int(time.time()) + 900
    monkeypatch.setenv("TOKEN", jwt(tid=TENANT.upper(), exp=end))
    given = Login(credential_of(BearerToken(secret("TOKEN"))), TENANT, Cloud.GLOBAL).get_token(SCOPE)
    assert given == (jwt(tid=TENANT.upper(), exp=end), end)


@pytest.mark.parametrize("claims", [{}, {"exp": "soon"}, {"exp": 1e300}, {"exp": float("inf")}, {"exp": -1}])
def test_a_given_token_without_an_end_is_used_for_an_hour(
    credential_of: MakeCredential, monkeypatch: pytest.MonkeyPatch, claims: dict[str, object]
) -> None:
    monkeypatch.setenv("TOKEN", jwt(tid=TENANT, **claims))
    given = Login(credential_of(BearerToken(secret("TOKEN"))), TENANT, Cloud.GLOBAL).get_token(SCOPE)
    assert 3590 < given.expires_on - time.time() <= 3600


@pytest.mark.parametrize(
    ("token", "words"),
    [
        (jwt(tid=TENANT, exp=1_700_000_000), "expired at 2023-11-14 22:13:20 UTC"),
        (jwt(aud="graph"), "no claim `tid`"),
        (jwt(tid=5), "no claim `tid`"),
        ("two words", "a blank"),
        ("two\nlines", "a line end"),
        ("ünicode", "no bearer token has"),
        ("", "is empty"),
    ],
)
def test_a_given_token_that_cannot_be_used(
    credential_of: MakeCredential, monkeypatch: pytest.MonkeyPatch, token: str, words: str
) -> None:
    monkeypatch.setenv("TOKEN", token)
    told = failed(Login(credential_of(BearerToken(secret("TOKEN"))), TENANT, Cloud.GLOBAL))
    assert words in told.detail
    assert not token or token not in str(told)


@pytest.mark.parametrize(
    "token", ["opaque", "a.b", "a.b.c", "e30.e30.x", "!.e30.x", f"{jwt(tid=OTHER)}.x.y", "bnVsbA.bnVsbA.x", "eyJh.eyJh.x"]
)
def test_a_token_that_is_no_jwt_is_taken_with_a_notice(
    credential_of: MakeCredential, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("TOKEN", token)
    login = Login(credential_of(BearerToken(secret("TOKEN"))), "contoso.onmicrosoft.com", Cloud.GLOBAL)
    assert login.get_token(SCOPE).token == token
    assert len(login.notices) == 1
    assert token not in login.notices[0]


def test_a_tenants_name_is_looked_up(
    login_service: LoginEmulator, credential_of: MakeCredential, monkeypatch: pytest.MonkeyPatch
) -> None:
    login_service.tenants["contoso.com"] = TENANT.upper()
    monkeypatch.setenv("TOKEN", jwt(tid=TENANT))
    login = Login(credential_of(BearerToken(secret("TOKEN"))), "contoso.com", Cloud.GLOBAL, login_service.url)
    assert login.get_token(SCOPE, claims="{}").token == login.get_token(SCOPE, claims="{}").token
    assert [path for path, _, _ in login_service.asked] == ["/contoso.com/v2.0/.well-known/openid-configuration"]
    monkeypatch.setenv("TOKEN", jwt(tid=OTHER))
    told = failed(Login(credential_of(BearerToken(secret("TOKEN"))), "contoso.com", Cloud.GLOBAL, login_service.url))
    assert f"not for {TENANT}, which is contoso.com" in told.detail


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (None, "AADSTS90002"),
        ((500, b""), "status 500"),
        ((200, b"<html>"), "status 200"),
        ((200, b"[1]"), "status 200"),
        ((400, b'{"error": {"code": "bad", "message": "very"}}'), "bad: very"),
        ((200, b"{}"), "`issuer`"),
        ((200, b'{"issuer": 5}'), "`issuer`"),
        ((200, b'{"issuer": "https://sts.example/{tenantid}/v2.0"}'), "`issuer`"),
    ],
)
def test_a_tenant_that_cannot_be_looked_up_is_refused(
    login_service: LoginEmulator, raw: tuple[int, bytes] | None, words: str
) -> None:
    login_service.raw = raw
    with pytest.raises(Problem) as caught:
        look_up_tenant_id("con/toso", login_service.url)
    assert words in caught.value.detail
    assert "/con%2Ftoso/" in caught.value.detail


def test_a_look_up_where_nobody_listens_is_refused() -> None:
    with pytest.raises(Problem, match="no answer"):
        look_up_tenant_id("contoso.com", "http://127.0.0.1:9")


@pytest.mark.parametrize(
    ("cloud", "host"),
    [
        (Cloud.GLOBAL, AzureAuthorityHosts.AZURE_PUBLIC_CLOUD),
        (Cloud.USGOV, AzureAuthorityHosts.AZURE_GOVERNMENT),
        (Cloud.USGOV_DOD, AzureAuthorityHosts.AZURE_GOVERNMENT),
        (Cloud.CHINA, "login.partner.microsoftonline.cn"),
    ],
)
def test_consent_is_given_where_the_cloud_has_its_page(credential_of: MakeCredential, cloud: Cloud, host: str) -> None:
    login = Login(credential_of(ManagedIdentity()), TENANT, cloud)
    assert login.consent_url() == f"https://{host}/{TENANT}/adminconsent?client_id=CLIENT_ID"
