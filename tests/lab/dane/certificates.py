"""A certification authority of the lab, and the certificates of its servers."""

from __future__ import annotations

import hashlib
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID


class Authority:
    """Issues certificates; `file` has its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.file = folder / "authority.pem"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "The lab")])
        self.file.write_bytes(self._issue(self._name, self._key, x509.BasicConstraints(ca=True, path_length=None), ()))

    def issue(self, host: str, label: str = "") -> Path:
        """Issue a certificate with a new key; gives its file, beside which the key is, in `….key`."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        made = self._folder / f"{host}{label}.pem"
        made.write_bytes(self._issue(subject, key, x509.BasicConstraints(ca=False, path_length=None), (host,)))
        made.with_suffix(".key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return made

    def server(self, host: str, label: str = "") -> ssl.SSLContext:
        """Issue a certificate, and give the side of a server that presents it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        present(context, self.issue(host, label))
        return context

    def tlsa(self, host: str, label: str = "") -> str:
        """Give the record 3 1 1 of a certificate that was issued, made by hand (RFC 6698 §2.1)."""
        certificate = x509.load_pem_x509_certificate((self._folder / f"{host}{label}.pem").read_bytes())
        public = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return f"3 1 1 {hashlib.sha256(public).hexdigest()}"

    def _issue(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, constraints: x509.BasicConstraints, hosts: tuple[str, ...]
    ) -> bytes:
        today = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(today - timedelta(days=1))
            .not_valid_after(today + timedelta(days=30))
            .add_extension(constraints, critical=True)
        )
        if hosts:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)


def present(context: ssl.SSLContext, certificate: Path) -> None:
    """Let a server present a certificate from its next handshake on."""
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
