"""A certification authority of our own, and certificates by it or by nobody but themselves."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | dsa.DSAPrivateKey | ed25519.Ed25519PrivateKey
NOW = datetime.now(UTC).replace(microsecond=0)


@dataclass(frozen=True)
class Issued:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: PrivateKey

    @property
    def der(self) -> bytes:
        """The certificate as DER."""
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        """The certificate as PEM."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def public_key(self) -> bytes:
        """The SubjectPublicKeyInfo as DER, encoded anew."""
        return self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @property
    def public_pem(self) -> bytes:
        """The public key as PEM."""
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    @property
    def private_pem(self) -> bytes:
        """The private key as PEM (PKCS #8)."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def server(self, folder: Path) -> ssl.SSLContext:
        """Give a server's side of TLS that presents it."""
        file = folder / f"{self.certificate.serial_number}.pem"
        file.write_bytes(self.private_pem + self.pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


class Authority:
    """Issues certificates; `own` is its own one, signed by itself or by another."""

    def __init__(self, common_name: str = "Test CA", by: Authority | None = None) -> None:
        self.own: Issued = issue(common_name, by=by.own if by else None, is_authority=True)

    def issue(self, *names: str, **how: object) -> Issued:
        """Issue a certificate as `issue` does, signed by this authority."""
        return issue(*names, by=self.own, **how)  # type: ignore[arg-type] # handed on as it came


def issue(
    *names: str,
    key: PrivateKey | None = None,
    not_after: datetime = NOW + timedelta(days=90),
    by: Issued | None = None,
    is_authority: bool = False,
    has_names: bool = True,
    extra: x509.ExtensionType | None = None,
) -> Issued:
    """Make a certificate for DNS names, the first of which is the common name too; without `by` it is signed by itself."""
    own = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=365))
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    if has_names and not is_authority:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
    if extra:
        builder = builder.add_extension(extra, critical=False)
    signer = by.key if by else own
    return Issued(builder.sign(signer, None if isinstance(signer, ed25519.Ed25519PrivateKey) else SHA256()), own)
