"""The trust folders of a server under test, filled by hand, and what becomes of clients then."""

from .certificates import issue, revocation_list
from .secured import SecureSession
from .wire import Fault, Refused


class Authorities:
    """A server and the trust folders that decide whom it takes."""

    def __init__(self, server):
        self.server = server
        self.pki = server.folder / "data" / "pki"

    def put(self, folder, name, content: bytes):
        place = self.pki / folder
        place.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)

    def trust(self, identity):
        self.put("trusted", f"{identity.name}.der", identity.der)

    def authority(self, name, folder="trusted", lists=True, revoked=(), issuer=None):
        made = issue(name, authority=True, issuer=issuer)
        self.put(folder, f"{name}.der", made.der)
        if lists:
            self.put(folder, f"{name}.crl", revocation_list(made, revoked))
        return made


def outcome(pki, identity, **how) -> str:
    """What becomes of a client that opens a session with this identity."""
    try:
        with SecureSession(pki.server, identity, **how) as session:
            session.close_session()
            return "Good"
    except (Refused, Fault) as refusal:
        return refusal.name
