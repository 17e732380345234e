"""A certificate manager: a session of a security administrator that calls the methods of ServerConfiguration."""

import datetime
import struct
import urllib.request

from asyncua import ua
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary
from asyncua.common.utils import Buffer
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID

from .certificates import DER, Identity, usage
from .plant import CURVES, SecuredServer
from .process import free_port
from .secured import SecureSession
from .tokens import user_token
from .wire import status

ADMIN, ADMIN_PASSWORD = "security", "keeper of the keys 7"

CONFIGURATION = "i=12637"
CREATE_SIGNING_REQUEST, UPDATE_CERTIFICATE, APPLY, CANCEL, REJECTED = "i=12737", "i=13737", "i=12740", "i=25708", "i=12777"
APPLICATIONS_GROUP, USERS_GROUP, RSA = "i=14156", "i=14122", "i=12560"
APPLICATIONS, USERS = "i=12642", "i=14123"
READ, WRITE = 1, 6
_METHODS = {
    APPLICATIONS: dict(open=12647, close=12650, read=12652, write=12655, tell=12657, seek=12660, masks=12663, update=12666, add=12668, remove=12670),
    USERS: dict(open=14129, close=14132, read=14134, write=14137, tell=14139, seek=14142, masks=14145, update=14148, add=14151, remove=14153),
}
TRUSTED, TRUSTED_LISTS, ISSUERS, ISSUER_LISTS = 1, 2, 4, 8


class ManagedServer(SecuredServer):
    """The shared configuration with a security administrator; the RSA client certificate alone is trusted."""

    def __init__(self, folder):
        super().__init__(folder)
        self.metrics_port = free_port()
        with self.file.open("a") as file:
            file.write(f'[http]\nlisten = "127.0.0.1:{self.metrics_port}"\n')
        pushed = [self.pki / "trusted" / f"{self.identities[curve.name].name}.der" for curve in CURVES]
        pushed += [self.pki / "users" / "trusted" / f"{person.name}.der" for person in self.people.values()]
        for file in pushed:
            file.unlink()
        self.add_user(ADMIN, "security-admin", ADMIN_PASSWORD)

    def metrics(self) -> dict[str, float]:
        """The figures without labels of the metrics page."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=10) as page:
            lines = page.read().decode().splitlines()
        return {name: float(value) for name, value in (line.split() for line in lines if "{" not in line and line[0] != "#")}

    @property
    def pki(self):
        return self.folder / "data" / "pki"


def u32(value):
    return ua.Variant(value, ua.VariantType.UInt32)


def i32(value):
    return ua.Variant(value, ua.VariantType.Int32)


def octets(value):
    return ua.Variant(value, ua.VariantType.ByteString)


def text(value):
    return ua.Variant(value, ua.VariantType.String)


def flag(value):
    return ua.Variant(value, ua.VariantType.Boolean)


def node_id(value):
    return ua.Variant(ua.NodeId.from_string(value) if value else ua.NodeId(), ua.VariantType.NodeId)


class Manager(SecureSession):
    """Its methods return the name of the status, or the value where one was asked for and the call was good."""

    def __init__(self, server, user=ADMIN, password=ADMIN_PASSWORD, **how):
        super().__init__(server, activate=False, **how)
        self.activate(token=user_token(self, user, password))

    def invoke(self, object_id, method, *arguments):
        return self.call_methods((object_id, method, *arguments))[0]

    def code(self, object_id, method, *arguments) -> str:
        return status(self.invoke(object_id, method, *arguments).StatusCode)

    def value_of(self, object_id, method, *arguments):
        result = self.invoke(object_id, method, *arguments)
        assert result.StatusCode.is_good(), status(result.StatusCode)
        return result.OutputArguments[0].Value

    def signing_request(self, subject="", new_key=True, nonce=b"n" * 32, group=APPLICATIONS_GROUP, kind=RSA):
        arguments = (node_id(group), node_id(kind), text(subject), flag(new_key), octets(nonce))
        return self.value_of(CONFIGURATION, CREATE_SIGNING_REQUEST, *arguments)

    def update(self, certificate, issuers=(), form="", key=b"", group=APPLICATIONS_GROUP, kind=RSA) -> str:
        chain = ua.Variant(list(issuers), ua.VariantType.ByteString, is_array=True)
        arguments = (node_id(group), node_id(kind), octets(certificate), chain, text(form), octets(key))
        result = self.invoke(CONFIGURATION, UPDATE_CERTIFICATE, *arguments)
        if result.StatusCode.is_good():
            assert result.OutputArguments[0].Value is True, "changes wait for ApplyChanges"
        return status(result.StatusCode)

    def apply(self) -> str:
        return self.code(CONFIGURATION, APPLY)

    def cancel(self) -> str:
        return self.code(CONFIGURATION, CANCEL)

    def rejected(self) -> list[bytes]:
        return list(self.value_of(CONFIGURATION, REJECTED) or [])

    def on(self, trust_list, method, *arguments):
        """A method of a trust list, by its short name."""
        return self.invoke(trust_list, f"i={_METHODS[trust_list][method]}", *arguments)

    def on_code(self, trust_list, method, *arguments) -> str:
        return status(self.on(trust_list, method, *arguments).StatusCode)

    def open_file(self, trust_list=APPLICATIONS, mode=READ) -> int:
        return self.value_of(trust_list, f"i={_METHODS[trust_list]['open']}", ua.Variant(mode, ua.VariantType.Byte))

    def read_file(self, trust_list, handle, length=65536) -> bytes:
        return self.value_of(trust_list, f"i={_METHODS[trust_list]['read']}", u32(handle), i32(length)) or b""

    def trust_list(self, trust_list=APPLICATIONS) -> ua.TrustListDataType:
        """The list in force, read in small pieces."""
        handle = self.open_file(trust_list)
        data = b""
        while part := self.read_file(trust_list, handle, 700):
            data += part
        assert self.on_code(trust_list, "close", u32(handle)) == "Good"
        return struct_from_binary(ua.TrustListDataType, Buffer(data))

    def write_file(self, data: bytes, trust_list=APPLICATIONS) -> int:
        handle = self.open_file(trust_list, WRITE)
        for start in range(0, len(data), 5000):
            assert self.on_code(trust_list, "write", u32(handle), octets(data[start : start + 5000])) == "Good"
        return handle

    def put_list(self, trust_list=APPLICATIONS, masks=0xF, trusted=(), trusted_lists=(), issuers=(), issuer_lists=()) -> str:
        """Writes a new list into the transaction."""
        data = list_bytes(masks, trusted, trusted_lists, issuers, issuer_lists)
        return self.on_code(trust_list, "update", u32(self.write_file(data, trust_list)))

    def diagnostics(self) -> dict:
        """TransactionDiagnostics: values, or the names of their codes."""
        names = ("StartTime", "EndTime", "Result", "AffectedTrustLists", "AffectedCertificateGroups", "Errors")
        values = self.read_values([f"i={32337 + place}" for place in range(6)])
        told = lambda value: value.Value.Value if value.StatusCode.is_good() else status(value.StatusCode)
        return {name: told(value) for name, value in zip(names, values)}


def list_bytes(masks=0xF, trusted=(), trusted_lists=(), issuers=(), issuer_lists=()) -> bytes:
    """The file of a trust list, made without asyncua's structure so that it can be wrong."""
    part = lambda ders: struct.pack("<i", len(ders)) + b"".join(struct.pack("<i", len(der)) + der for der in ders)
    return struct.pack("<I", masks) + b"".join(map(part, (trusted, trusted_lists, issuers, issuer_lists)))


def sign_request(request: bytes, authority: Identity, uri=None, days=365, subject=None) -> bytes:
    """The certificate that an authority issues for a signing request, DER."""
    asked = x509.load_der_x509_csr(request)
    assert asked.is_signature_valid
    names = asked.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    if uri is not None:
        rest = [name for name in names if not isinstance(name, x509.UniformResourceIdentifier)]
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri), *rest])
    now = datetime.datetime.now(datetime.timezone.utc)
    uses = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject or asked.subject)
        .issuer_name(authority.certificate.subject)
        .public_key(asked.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage(False), critical=True)
        .add_extension(names, critical=False)
        .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
    )
    return builder.sign(authority.key, hashes.SHA256()).public_bytes(DER)


__all__ = [name for name in dir() if not name.startswith("_")]
