"""Certificates for the foreign clients, authorities that issue them, and revocation lists; right or wrong in one point."""

import datetime
import hashlib
import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CLIENT_URI = "urn:tagwire:tests:client"
DER, PEM = serialization.Encoding.DER, serialization.Encoding.PEM
_SHA256_WITH_RSA, _SHA1_WITH_RSA = (bytes.fromhex(f"2a864886f70d0101{end}") for end in ("0b", "05"))


@dataclass
class Identity:
    """One certificate and its key; the files are there when a folder was given."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    uri: str
    folder: Path | None = None
    name: str = ""
    chain: list[bytes] = field(default_factory=list)
    """The issuers that are sent along, the nearest first."""
    forged: bytes | None = None
    """What is sent in place of the certificate."""

    @property
    def der(self) -> bytes:
        return self.forged or self.certificate.public_bytes(DER)

    @property
    def fingerprint(self) -> str:
        """SHA-256 in hexadecimal digits."""
        return hashlib.sha256(self.der).hexdigest()

    @property
    def certificate_der(self) -> Path:
        return self.folder / f"{self.name}.der"

    @property
    def certificate_pem(self) -> Path:
        return self.folder / f"{self.name}.pem"

    @property
    def key_der(self) -> Path:
        return self.folder / f"{self.name}.key.der"

    @property
    def key_pem(self) -> Path:
        return self.folder / f"{self.name}.key.pem"

    def save(self, folder: Path):
        """Writes certificate and key in both encodings."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.certificate_der.write_bytes(self.certificate.public_bytes(DER))
        self.certificate_pem.write_bytes(self.certificate.public_bytes(PEM))
        for file, encoding in ((self.key_der, DER), (self.key_pem, PEM)):
            plain = serialization.NoEncryption()
            file.write_bytes(self.key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain))


def named(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def thumbprint(der: bytes) -> bytes:
    """What messages point to a certificate with."""
    return hashlib.sha1(der).digest()


def usage(authority: bool, encrypts=True) -> x509.KeyUsage:
    """Keys on a curve only sign."""
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=not authority and encrypts,
        key_encipherment=not authority and encrypts,
        data_encipherment=not authority and encrypts,
        key_cert_sign=True,
        key_agreement=False,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def issue(
    name="client",
    uri=CLIENT_URI,
    issuer: Identity | None = None,
    authority=False,
    bits=2048,
    days=(-1, 365),
    key=None,
    issuer_name=None,
) -> Identity:
    """A certificate, self-signed unless an issuer is given."""
    key = key or rsa.generate_private_key(public_exponent=65537, key_size=bits)
    now = datetime.datetime.now(datetime.timezone.utc)
    names = [x509.UniformResourceIdentifier(uri), x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    builder = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer_name) if issuer_name else issuer.certificate.subject if issuer else named(name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days=days[0]))
        .not_valid_after(now + datetime.timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(usage(authority, isinstance(key, rsa.RSAPrivateKey)), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if not authority:
        uses = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
    signer = issuer.key if issuer else key
    certificate = builder.sign(signer, hashes.SHA384() if signer.key_size == 384 else hashes.SHA256())
    return Identity(certificate, key, uri, name=name)


def revocation_list(authority: Identity, revoked=(), days=7) -> bytes:
    """A revocation list of an authority that is current for so many days, or was until some days ago."""
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(now + datetime.timedelta(days=min(days, 0), hours=-1))
        .next_update(now + datetime.timedelta(days=days))
    )
    for identity in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(identity.certificate.serial_number).revocation_date(now)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(authority.key, hashes.SHA256()).public_bytes(DER)


def with_sha1(identity: Identity, signer: Identity) -> Identity:
    """The same certificate, signed with SHA-1; names and lengths stay as they are."""
    der = identity.certificate.public_bytes(DER)
    body = identity.certificate.tbs_certificate_bytes
    weak = body.replace(_SHA256_WITH_RSA, _SHA1_WITH_RSA)
    signature = signer.key.sign(weak, padding.PKCS1v15(), hashes.SHA1())
    der = der.replace(_SHA256_WITH_RSA, _SHA1_WITH_RSA)
    identity.forged = der[: -len(signature)] + signature
    return identity


def make(folder: Path, name="client", uri=CLIENT_URI, bits=2048, days=(-1, 365), curve=None) -> Identity:
    """A self-signed certificate as OPC UA applications use them, with its files; RSA unless a curve is given."""
    identity = issue(name, uri, bits=bits, days=days, key=curve and ec.generate_private_key(curve))
    identity.save(folder)
    return identity
