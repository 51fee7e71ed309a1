"""The TLSA record of a mail host, from the file that is named for it."""

from __future__ import annotations

import hashlib
import os
from base64 import encodebytes
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.x509 import UnrecognizedExtension
from cryptography.x509.oid import ExtensionOID
from hypothesis import given
from hypothesis import strategies as st

from plans.problem import Problem
from plans.values import Tlsa, name
from provisioner.desired.certificate import LARGEST, MailCertificate, read_certificate
from tests.emulators.authority import NOW, Authority, Issued, PrivateKey, issue

HOST = name("mx1.gateway.example")
ROOT = Authority("Root")
INNER = Authority("Inner", ROOT)
OWN = INNER.issue("MX1.gateway.example", "mx2.gateway.example")


def tlsa(issued: Issued) -> Tlsa:
    return Tlsa(3, 1, 1, hashlib.sha256(issued.public_key).hexdigest())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mx1.pem"


def refused(file: Path, content: bytes | None = None) -> Problem:
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(Problem) as caught:
        read_certificate(file, HOST, NOW)
    problem = caught.value
    assert problem.headline == "No TLSA record can be made for mx1.gateway.example"
    assert problem.detail.startswith(str(file))
    assert str(file) in problem.mend or problem.mend.startswith("openssl ")
    assert "{" not in str(problem)
    assert "MII" not in str(problem)
    return problem


@pytest.mark.parametrize(
    "content",
    [
        OWN.pem,
        OWN.pem + INNER.own.pem,
        OWN.pem + INNER.own.pem + ROOT.own.pem,
        b"\xef\xbb\xbf" + OWN.pem.replace(b"\n", b"\r\n"),
        b"subject=CN = MX1\n  not UTF-8: \xff\n" + OWN.pem + b"\n" + INNER.own.pem.rstrip(),
    ],
)
def test_the_first_certificate_is_the_hosts_and_issuers_may_follow(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    names = ("mx1.gateway.example", "mx2.gateway.example")
    assert read_certificate(file, HOST, NOW) == MailCertificate(tlsa(OWN), names, OWN.certificate.not_valid_after_utc)


def test_a_public_key_will_do(file: Path) -> None:
    file.write_bytes(OWN.public_pem)
    assert read_certificate(file, HOST, NOW) == MailCertificate(tlsa(OWN))


@pytest.mark.parametrize("written", ["mx1.gateway.example", "*.gateway.example", "*.Gateway.example."])
def test_a_name_may_have_a_wildcard_for_one_label(file: Path, written: str) -> None:
    own = issue(written)
    file.write_bytes(own.pem)
    assert read_certificate(file, HOST, NOW).tlsa == tlsa(own)


@pytest.mark.parametrize("written", ["gateway.example", "*.example", "*.mx1.gateway.example", "*", "mx1.gateway.example.org"])
def test_a_certificate_for_another_host(file: Path, written: str) -> None:
    problem = refused(file, issue(written).pem)
    assert problem.detail == f"{file}:1: the certificate is for {written}, not for mx1.gateway.example."


def test_the_common_name_is_no_name(file: Path) -> None:
    assert "is for no DNS name at all, not" in refused(file, issue("mx1.gateway.example", has_names=False).pem).detail


def test_a_certificate_that_has_ended(file: Path) -> None:
    ended = NOW - timedelta(seconds=1)
    problem = refused(file, b"\n" + issue("mx1.gateway.example", not_after=ended).pem)
    told = f"ended {ended:%Y-%m-%d %H:%M}Z; it is {NOW:%Y-%m-%d %H:%M}Z now."
    assert problem.detail == f"{file}:2: the certificate for mx1.gateway.example {told}"


@pytest.mark.parametrize(
    ("key", "is_fine"),
    [
        (rsa.generate_private_key(65537, 2048), True),
        (ec.generate_private_key(ec.SECP384R1()), True),
        (rsa.generate_private_key(65537, 1024), False),  # noqa: S505 - it is refused
        (dsa.generate_private_key(2048), False),
        (ec.generate_private_key(ec.SECP521R1()), False),
        (ec.generate_private_key(ec.SECP256K1()), False),
        (ed25519.Ed25519PrivateKey.generate(), False),
    ],
)
def test_the_key_must_be_strong_and_known_to_senders(file: Path, key: PrivateKey, is_fine: bool) -> None:
    own = issue("mx1.gateway.example", key=key)
    for content in (own.pem, own.public_pem):
        file.write_bytes(content)
        if is_fine:
            assert read_certificate(file, HOST, NOW).tlsa == tlsa(own)
        else:
            assert f"{file}:1: the key is " in refused(file).detail


def test_an_algorithm_that_nobody_here_knows(file: Path) -> None:
    unknown = OWN.public_key.replace(bytes.fromhex("2a8648ce3d0201"), bytes.fromhex("2a8648ce3d0209"))
    assert "the key is neither RSA nor ECDSA" in refused(file, pem("PUBLIC KEY", unknown)).detail
    unknown = OWN.der.replace(bytes.fromhex("2a8648ce3d0201"), bytes.fromhex("2a8648ce3d0209"))
    assert "the key is neither RSA nor ECDSA" in refused(file, pem("CERTIFICATE", unknown)).detail


def pem(label: str, der: bytes) -> bytes:
    return f"-----BEGIN {label}-----\n".encode() + encodebytes(der) + f"-----END {label}-----\n".encode()


@pytest.mark.parametrize(
    "label", ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "OPENSSH PRIVATE KEY"]
)
@pytest.mark.parametrize("before", [b"", OWN.pem])
def test_a_private_key_ends_the_reading(file: Path, label: str, before: bytes) -> None:
    problem = refused(file, before + pem(label, b"hunter2") + b"-----BEGIN NONSENSE-----\n")
    line = before.count(b"\n") + 1
    assert problem.detail == f"{file}:{line}: here begins a private key, which has no place in it and was not read."
    assert problem.mend == f"openssl x509 -in {file} -out CERTIFICATE  (takes the certificate alone; name that file)"


CERTIFICATE_LINES = OWN.pem.count(b"\n")


@pytest.mark.parametrize(
    ("content", "line", "what"),
    [
        (b"", 1, "there is neither a certificate nor a public key in PEM"),
        (OWN.der, 1, "there is neither a certificate nor a public key in PEM"),
        (pem("CERTIFICATE REQUEST", b"x"), 1, "here begins neither a certificate nor a public key but CERTIFICATE REQUEST"),
        (pem("X509 CRL", b"x"), 1, "here begins neither a certificate nor a public key but X509 CRL"),
        (pem("CERTIFICATE", b"x"), 1, "what begins here is damaged: it is no certificate"),
        (pem("CERTIFICATE", OWN.der + b"x"), 1, "what begins here is damaged: it is no certificate"),
        (pem("PUBLIC KEY", b"x"), 1, "what begins here is damaged: it is no public key"),
        (pem("PUBLIC KEY", OWN.public_key + b"x"), 1, "what begins here is damaged: it is no public key"),
        (b"-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----", 1, "what begins here is damaged: it is no base64"),
        (b"\n" + OWN.pem[:-10], 2, "what begins here has no end"),
        (OWN.pem + issue("a").public_pem, CERTIFICATE_LINES + 1, "what begins here does not belong to what stands before it"),
        (OWN.public_pem * 2, OWN.public_pem.count(b"\n") + 1, "what begins here does not belong to what stands before it"),
        (
            OWN.public_pem + OWN.pem,
            OWN.public_pem.count(b"\n") + 1,
            "what begins here does not belong to what stands before it",
        ),
        (OWN.pem + ROOT.own.pem, CERTIFICATE_LINES + 1, "the certificate that begins here did not issue the one before it"),
        (OWN.pem + OWN.pem, CERTIFICATE_LINES + 1, "the certificate that begins here did not issue the one before it"),
        (
            OWN.pem + issue("Inner", is_authority=True).pem,
            CERTIFICATE_LINES + 1,
            "the certificate that begins here did not issue",
        ),
    ],
)
def test_what_is_not_one_certificate_or_key_is_told_by_its_line(file: Path, content: bytes, line: int, what: str) -> None:
    assert refused(file, content).detail.startswith(f"{file}:{line}: {what}")


def test_malformed_extensions(file: Path) -> None:
    broken = issue("mx1.gateway.example", extra=UnrecognizedExtension(ExtensionOID.ISSUER_ALTERNATIVE_NAME, b"\xff"))
    assert refused(file, broken.pem).detail == f"{file}:1: the extensions of the certificate are malformed."


def test_a_file_that_cannot_be_read(file: Path) -> None:
    assert refused(file).detail == f"{file}: the file cannot be read: No such file or directory."
    file.mkdir()
    assert refused(file).detail == f"{file}: this is no regular file."
    file.rmdir()
    os.mkfifo(file)
    assert refused(file).detail == f"{file}: this is no regular file."
    file.unlink()
    assert refused(file, b"x" * (LARGEST + 1)).detail == f"{file}: this is larger than 1 MiB, which no certificate is."


garbage = st.binary(max_size=200)


@given(garbage | garbage.map(lambda der: pem("CERTIFICATE", der)) | garbage.map(lambda der: pem("PUBLIC KEY", der)))
def test_garbage_is_a_problem_and_never_a_traceback(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    refused(tmp_path_factory.getbasetemp() / "garbage.pem", content)
