from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.microsoft import HostKind, host_kind
from plans.values import is_canonical
from provisioner.manifest.words import (
    Malformed,
    domain_name,
    endpoint,
    glob,
    mail_host,
    own_host,
    pinned_exchange,
    state_url,
    tenant_id,
)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("example.com", "example.com."),
        ("Example.COM.", "example.com."),
        ("münchen.example", "xn--mnchen-3ya.example."),
        ("MÜNCHEN.example", "xn--mnchen-3ya.example."),
        ("xn--mnchen-3ya.example", "xn--mnchen-3ya.example."),
        ("a.b.example.co.uk", "a.b.example.co.uk."),
        ("1.example", "1.example."),
    ],
)
def test_a_domain_is_named_in_any_usual_form(written: str, name: str) -> None:
    assert domain_name(written) == name


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("", "this is no domain name"),
        (".", "is no label"),
        ("example..com", "this is no domain name"),
        ("a" * 64 + ".com", "this is no domain name"),
        (".".join(["a" * 60] * 5), "this is no domain name"),
        ("ex\\097mple.com", "it has an escape"),
        ("a\\.b.com", "it has an escape"),
        ("-a.example", "is no label of a mail domain"),
        ("contoso,com", "is no label of a mail domain"),
        ("https://", "this is a URL"),
        ("https://[example.com", "this is a URL"),
        ("https://com", "this is a URL"),
        ("[192.0.2.1]", "this is an IP address"),
        ("onmicrosoft.com", "Microsoft's own domain"),
        ("Contoso.mail.OnMicrosoft.us.", "Microsoft's own domain"),
        ("💩.example", "this is no domain name"),
    ],
)
def test_what_is_no_domain_of_ours_is_refused(written: str, text: str) -> None:
    with pytest.raises(Malformed, match=text) as caught:
        domain_name(written)

    assert caught.value.mend
    assert "did you mean" not in caught.value.text


@given(st.text())
def test_any_text_is_either_a_canonical_name_or_refused(text: str) -> None:
    try:
        name = domain_name(text)
    except Malformed as why:
        said = why.text
    else:
        assert is_canonical(name)
        return
    assert said.isprintable()


@given(st.one_of(st.text(), st.from_regex(r"[a-z0-9.*_ -]{0,20}\.(mx\.microsoft|mail\.protection\.outlook\.com)\.?")))
def test_any_text_is_either_a_mail_host_of_microsofts_or_refused(text: str) -> None:
    try:
        host = pinned_exchange(text)
    except Malformed as why:
        said = why.text
    else:
        assert is_canonical(host)
        assert host_kind(host) in {HostKind.MX_MICROSOFT, HostKind.LEGACY}
        assert pinned_exchange(host) == pinned_exchange(host.rstrip(".").upper()) == host
        return
    assert said.isprintable()


@given(st.one_of(st.text(), st.from_regex(r"[a-z0-9.*_ -]{0,20}\.(example|mx\.microsoft|mail\.protection\.outlook\.com)\.?")))
def test_any_text_is_either_a_mail_host_of_our_own_or_refused(text: str) -> None:
    try:
        host = own_host(text)
    except Malformed as why:
        said = why.text
    else:
        assert is_canonical(host)
        assert host_kind(host) is HostKind.FOREIGN
        assert own_host(host.rstrip(".").upper()) == mail_host(host) == host
        return
    assert said.isprintable()


@pytest.mark.parametrize("written", ["", ".", "a b", "a/b", "*.exa{mple", "*münchen.example", "a..b"])
def test_what_can_match_no_domain_is_no_glob(written: str) -> None:
    with pytest.raises(Malformed):
        glob(written)


@pytest.mark.parametrize("written", ["contoso.onmicrosoft.com", "Contoso.com.", "5D6A1F0E-7b0c-4b5e-9d61-0f6f2f1c9a10"])
def test_a_tenant_is_named_by_guid_or_domain(written: str) -> None:
    assert tenant_id(written) == written


@pytest.mark.parametrize(
    "written", ["common", "a b.com", "{5d6a1f0e-7b0c-4b5e-9d61-0f6f2f1c9a10}", "5d6a1f0e", ".", "a..b", "_a.b"]
)
def test_what_names_no_tenant_is_refused(written: str) -> None:
    with pytest.raises(Malformed):
        tenant_id(written)


@pytest.mark.parametrize(
    ("written", "root"),
    [
        ("https://graph.microsoft.com", "https://graph.microsoft.com"),
        ("https://graph.microsoft.us/", "https://graph.microsoft.us"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://127.1.2.3", "http://127.1.2.3"),
        ("http://[::1]:1/", "http://[::1]:1"),
    ],
)
def test_an_endpoint_is_https_or_loopback(written: str, root: str) -> None:
    assert endpoint(written) == root


@pytest.mark.parametrize(
    "written",
    ["ftp://a.example", "https://", "https://a.example:port", "https://[a", "https://a.example?b=c", "https://a.example#b",
     "https://a\nb.example", "http://192.0.2.1", "https://a.example/beta", "http://localhost.example", "https:a.example"],
)  # fmt: skip
def test_any_other_endpoint_is_refused(written: str) -> None:
    with pytest.raises(Malformed):
        endpoint(written)


def test_a_relative_state_counts_from_the_folder_and_an_absolute_one_stays() -> None:
    assert state_url("sqlite:///a/../state.db", Path("/srv/fleet")) == "sqlite:////srv/fleet/state.db"
    assert state_url("sqlite:////var/state.db", Path("/srv/fleet")) == "sqlite:////var/state.db"


@pytest.mark.parametrize(
    "written", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:///file:a?uri=true", "sqlite:///a/", "state.db"]
)
def test_a_state_that_is_no_file_is_refused(written: str) -> None:
    with pytest.raises(Malformed):
        state_url(written, Path("/srv"))


@pytest.mark.parametrize(
    "written",
    [
        "postgresql+psycopg://me@db.example/state",
        "postgresql+psycopg://me@db.example:5433/state?sslmode=verify-full&passfile=/etc/pgpass",
        "postgresql+psycopg://me@/state?host=/run/postgresql",
        "postgresql+psycopg:///?service=provisioner",
    ],
)
def test_a_state_in_postgresql_is_taken_as_it_is_written(written: str) -> None:
    assert state_url(written, Path("/srv")) == written


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("postgresql://me@db.example/state", "neither an SQLite file"),
        ("postgresql+psycopg://me@db.example:port/state", "no URL"),
        ("postgresql+psycopg://me@[db/state", "no URL"),
        ("postgresql+psycopg://me@db.example/state#1", "no URL"),
        ("postgresql+psycopg://me@db.example/sta\x1bte", "no URL"),
        ("postgresql+psycopg://me:hunter2@db.example/state", "a secret is a reference"),
        ("postgresql+psycopg://me:@db.example/state", "a secret is a reference"),
        ("postgresql+psycopg://me@db.example/state?password=hunter2", "a secret is a reference"),
        ("postgresql+psycopg://me@db.example/state?sslpassword=hunter2", "a secret is a reference"),
    ],
)
def test_a_state_in_postgresql_is_a_url_without_a_password(written: str, why: str) -> None:
    with pytest.raises(Malformed, match=why) as caught:
        state_url(written, Path("/srv"))
    assert "hunter2" not in caught.value.text + caught.value.mend
