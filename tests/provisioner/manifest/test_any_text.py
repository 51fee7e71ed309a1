"""Whatever stands in the files, the answer is a manifest or the list of its mistakes, and never a secret."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provisioner.manifest import Adapters, ManifestInvalid, load

VOCABULARY = """
    version state include credentials tenants providers domains defaults graph type id credential export cloud provider
    strategy endpoint env file token secret client_id zonefile directory many client-secret azure-cli all phased p t c
    verify dns manual exchange a.mx.microsoft a.mail.protection.outlook.com dane dnssec manage policy soak 1h rate route
    gateway mx mail_hosts certificate next takeover from until 2026-12-31 2026-02-30 parent signed_since registrar
    example.com example.net a.example münchen.example xn--mnchen-3ya.example *.example.com https://a.example/v1.0
    sqlite:///a.db *.csv *.yaml global 1 0x1 1.5 true null ~ << & * ! ? - | > % @ ` ' " { } [ ] , : #
"""
SPACES = ["\t", "\n", "\n  ", "\n    ", ": ", ", ", " ", "- ", "---\n", "\\", "\x85", "\ufeff"]
WORDS = st.sampled_from([*VOCABULARY.split(), *SPACES])
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), WORDS)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.one_of(WORDS, st.text(max_size=5)), inner, max_size=5)
    ),
)
KEYS = """type id credential export cloud domains defaults provider strategy verify exchange dane dnssec smtp_probe tenant token
    port route mx preference takeover from until parent signed_since delegated_since certificate next file"""
ENTRIES = st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS.split(), VALUES))
SECTION = st.one_of(VALUES, st.dictionaries(st.one_of(WORDS, st.sampled_from("ptc")), st.one_of(ENTRIES, VALUES), max_size=4))
MANIFESTS = st.fixed_dictionaries(
    {"version": st.one_of(st.just(1), SCALARS)},
    optional={
        **dict.fromkeys(("credentials", "tenants", "providers", "domains", "mail_hosts"), SECTION),
        **dict.fromkeys(("defaults", "graph", "state", "include", "policy"), VALUES),
    },
)
once_for_all = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def answer(folder: Path, adapters: Adapters, text: bytes, name: str = "m.yaml") -> str:
    file = folder / name
    file.write_bytes(text)
    try:
        load(file, adapters)
    except ManifestInvalid as invalid:
        told = invalid
    else:
        return ""
    assert told.mistakes
    return str(told)


@once_for_all
@given(st.one_of(st.binary(), st.text().map(lambda text: text.encode("utf-8", "replace"))))
def test_any_octets(tmp_path: Path, adapters: Adapters, text: bytes) -> None:
    answer(tmp_path, adapters, text)
    answer(tmp_path, adapters, text, "m.json")


@once_for_all
@given(st.lists(WORDS).map(lambda words: "version: 1\n" + "".join(words)))
def test_any_row_of_signs_and_words(tmp_path: Path, adapters: Adapters, text: str) -> None:
    answer(tmp_path, adapters, text.encode())


@once_for_all
@given(MANIFESTS)
def test_any_structure(tmp_path: Path, adapters: Adapters, manifest: dict[str, Any]) -> None:
    told = answer(tmp_path, adapters, json.dumps(manifest).encode(), "m.json")

    assert "Input should" not in told
    assert "pydantic" not in told


@once_for_all
@given(st.lists(st.lists(st.one_of(WORDS, st.text(max_size=5)), max_size=4).map(",".join)).map("\n".join))
def test_any_table(tmp_path: Path, adapters: Adapters, rows: str) -> None:
    for header in ("", "tenant,domain,provider,route,exchange\n"):
        (tmp_path / "a.csv").write_text(header + rows, encoding="utf-8", errors="replace")
        answer(tmp_path, adapters, b"version: 1\ninclude: [a.csv]\n")


SECRETS = st.text(st.characters(categories=("L", "N", "P", "S")), min_size=6).map(lambda text: f"hush{text}hush")


@once_for_all
@given(SECRETS, st.sampled_from(["'", '"', ""]), st.sampled_from(["client-secret", "certificate", "azure-pipelines", "token"]))
def test_a_literal_secret_is_refused_and_never_repeated(
    tmp_path: Path, adapters: Adapters, secret: str, quote: str, kind: str
) -> None:
    key = {"client-secret": "secret", "certificate": "password", "azure-pipelines": "system_access_token", "token": "token"}[
        kind
    ]
    told = answer(
        tmp_path, adapters, f"version: 1\ncredentials:\n  c:\n    type: {kind}\n    {key}: {quote}{secret}{quote}\n".encode()
    )

    assert told
    assert "hush" not in told


@pytest.mark.parametrize(
    "sign", ["!", "&", "*", "{", "[", "%", "@", "`", "|", ">", "- ", "? ", "'", '"', "{x: ", "{env: ", "\\", ", "]
)
def test_no_sign_before_a_secret_makes_it_repeated(sign: str, tmp_path: Path, adapters: Adapters) -> None:
    for text in (f"{sign}hush-hush", f"{sign}hush: hush", f"{sign}hush hush\n      hush: x"):
        told = answer(tmp_path, adapters, f"version: 1\ncredentials:\n  c:\n    type: token\n    token: {text}\n".encode())

        assert told
        assert "hush" not in told
