"""Application instance certificates for the foreign clients."""

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CLIENT_URI = "urn:tagwire:tests:client"


@dataclass
class Identity:
    """The files of one certificate and its key."""

    certificate_der: Path
    certificate_pem: Path
    key_der: Path
    key_pem: Path


def make(folder: Path, name="client", uri=CLIENT_URI, bits=2048, days=(-1, 365)) -> Identity:
    """A self-signed certificate as OPC UA applications use them."""
    folder.mkdir(parents=True, exist_ok=True)
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=True,
        data_encipherment=True,
        key_cert_sign=True,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    names = [
        x509.UniformResourceIdentifier(uri),
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    ]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days=days[0]))
        .not_valid_after(now + datetime.timedelta(days=days[1]))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, der = serialization.Encoding.PEM, serialization.Encoding.DER
    files = Identity(*(folder / f"{name}{end}" for end in (".der", ".pem", ".key.der", ".key.pem")))
    files.certificate_der.write_bytes(certificate.public_bytes(der))
    files.certificate_pem.write_bytes(certificate.public_bytes(pem))
    for file, encoding in ((files.key_der, der), (files.key_pem, pem)):
        plain = serialization.NoEncryption()
        file.write_bytes(key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain))
    return files
