"""The configuration of the server that conformance tests share."""

from asyncua import ua
from cryptography.hazmat.primitives.asymmetric import ec

from . import certificates
from .process import wait_until
from .product import Tagwire, sim_device
from .wire import Channel

SCALARS = {
    "bool": ("bool", ua.VariantType.Boolean, [False, True]),
    "i8": ("i8", ua.VariantType.SByte, [-128, 0, 127]),
    "u8": ("u8", ua.VariantType.Byte, [0, 255]),
    "i16": ("i16", ua.VariantType.Int16, [-(2**15), 2**15 - 1]),
    "u16": ("u16", ua.VariantType.UInt16, [0, 2**16 - 1]),
    "i32": ("i32", ua.VariantType.Int32, [-(2**31), 2**31 - 1]),
    "u32": ("u32", ua.VariantType.UInt32, [0, 2**32 - 1]),
    "i64": ("i64", ua.VariantType.Int64, [-(2**63), 2**63 - 1, 2**53 + 1]),
    "u64": ("u64", ua.VariantType.UInt64, [0, 2**64 - 1]),
    "f32": ("f32", ua.VariantType.Float, [0.0, -1.5, 3.0e38, float("inf"), float("-inf")]),
    "f64": ("f64", ua.VariantType.Double, [0.0, -1.5, 1.7e308, 5e-324, float("inf"), float("-inf")]),
    "string": ("string", ua.VariantType.String, ["", "plain", "Maß 温度 🏭", "x" * 5000]),
    "bytes": ("bytes", ua.VariantType.ByteString, [b"", bytes(range(256)), b"x" * 5000]),
}
"""Tag name, configured type, OPC UA type and values worth a round trip."""

_SCALAR_TAGS = "\n".join(f"{name} static {kind} rw" for name, (kind, *_) in SCALARS.items())
_MANY = "\n".join(f"m{number} static f64 rw" for number in range(300))
_SPARE = "\n".join(f"w{number} static i32 rw" for number in range(40))

CONFIG = (
    sim_device(
        f"""
        {_SCALAR_TAGS}
        when static datetime rw
        ints static i32[10] rw
        bytes10 static u8[10] rw
        floats static f64[5] rw
        matrix static i32[3,4] rw
        texts static string[4] rw
        readonly static i32 ro
        writeonly static i32 wo
        plant.line.speed static f64 rw
        {_SPARE}
        """
    )
    + sim_device(_MANY, link="bulk", device="d")
    + sim_device("counter counter(period=50ms) i32 ro\nsine sine(period=2s,low=0,high=100) f64 ro\nranged static f64 rw eu_range=[0,200]", link="sig", device="d", scan="50ms")
)

USER, PASSWORD, ROLE = "operator", "correct horse battery", "operator"
READER, READER_PASSWORD = "viewer", "only looking 99"


RSA_POLICIES = ("basic256sha256", "aes128-sha256-rsaoaep", "aes256-sha256-rsapss")
CURVES = (ec.SECP256R1(), ec.SECP384R1())
CURVE_POLICIES = ("ecc-nistp256-aesgcm", "ecc-nistp384-aesgcm", "ecc-nistp256", "ecc-nistp384")


class SecuredServer(Tagwire):
    """The shared configuration with every security policy, two users with passwords, and a trusted client certificate
    for each kind of key; a user with a certificate for each curve."""

    def __init__(self, folder):
        self.people = {
            curve.name: certificates.make(folder / "people", name=f"person-{curve.name}", curve=curve) for curve in CURVES
        }
        digits = ", ".join(f'"{person.fingerprint}"' for person in self.people.values())
        role = f'[[access.role]]\nname = "{ROLE}"\ncertificates = [{digits}]\n'
        config = CONFIG + '[access]\nusers = "users.toml"\n' + role
        super().__init__(folder / "server", config, security=("none", *RSA_POLICIES, *CURVE_POLICIES))
        self.identity = certificates.make(folder / "client")
        trusted = self.folder / "data" / "pki" / "trusted"
        trusted.mkdir(parents=True)
        (trusted / "client.der").write_bytes(self.identity.certificate_der.read_bytes())
        self.identities = {"rsa": self.identity}
        for curve in CURVES:
            identity = certificates.make(folder / "client", name=f"client-{curve.name}", curve=curve)
            (trusted / f"{identity.name}.der").write_bytes(identity.certificate_der.read_bytes())
            self.identities[curve.name] = identity
        trusted_people = self.folder / "data" / "pki" / "users" / "trusted"
        trusted_people.mkdir(parents=True)
        for person in self.people.values():
            (trusted_people / f"{person.name}.der").write_bytes(person.der)
        for user, password, role in ((USER, PASSWORD, ROLE), (READER, READER_PASSWORD, "observer")):
            self.add_user(user, role, password)

    def start(self):
        super().start()
        wait_until(lambda: len(self.endpoints()) == 15, 60, "the server has made its certificate", step=0.1)
        return self

    def endpoints(self):
        """What GetEndpoints tells."""
        request = ua.GetEndpointsRequest()
        request.Parameters.EndpointUrl = self.url
        with Channel(self.port) as channel:
            return channel.call(request).Endpoints

    def certificate(self, policy="Basic256Sha256") -> bytes:
        """The server's own certificate, as its endpoints with this policy tell it."""
        found = {e.ServerCertificate for e in self.endpoints() if e.SecurityPolicyUri.endswith(f"#{policy}")}
        assert len(found) == 1
        return found.pop()
