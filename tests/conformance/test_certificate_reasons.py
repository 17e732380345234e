"""The true reason of each refused certificate, rows X02 to X09: in the audit log, as an audit event of the type that Part 5
has for it, and in the list of certificates with what to do about it. The client learns no more than it may."""

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Callable

import pytest
from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256

from harness import certificates
from harness.authorities import Authorities, outcome
from harness.certificates import issue, make, revocation_list
from harness.plant import SecuredServer
from harness.process import SLOW
from harness.product import command
from harness.push import ADMIN, ADMIN_PASSWORD
from harness.secured import SecureSession
from harness.tokens import certificate_token

MISMATCH, EXPIRED, INVALID, UNTRUSTED, REVOKED, WRONG_USE = 2082, 2085, 2086, 2087, 2088, 2089
URL_MISMATCH = 2748
HIDDEN = "BadSecurityChecksFailed"


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    server = SecuredServer(tmp_path_factory.mktemp("reasons"))
    server.add_user(ADMIN, "security-admin", ADMIN_PASSWORD)
    with server:
        yield Authorities(server)


def incomplete(pki):
    return issue("of nobody known", issuer=issue("nobody known", authority=True))


def with_issuer_not_trusted(pki):
    return issue("of known", issuer=pki.authority("known only", folder="issuer"))


def without_list(pki):
    return issue("of listless", issuer=pki.authority("listless", lists=False))


def with_old_list(pki):
    authority = pki.authority("outdated", lists=False)
    pki.put("trusted", "outdated.crl", revocation_list(authority, days=-2))
    return issue("of outdated", issuer=authority)


def revoked(pki):
    authority = pki.authority("revoker", lists=False)
    client = issue("revoked", issuer=authority)
    pki.put("trusted", "revoker.crl", revocation_list(authority, [client]))
    return client


def of_revoked_issuer(pki):
    root = pki.authority("root of the revoked", lists=False)
    middle = issue("revoked between", authority=True, issuer=root)
    pki.put("trusted", "root of the revoked.crl", revocation_list(root, [middle]))
    pki.put("issuer", "revoked between.crl", revocation_list(middle))
    leaf = issue("below the revoked", issuer=middle)
    leaf.chain = [middle.der]
    return leaf


def trusted(pki, name, **how):
    client = issue(name, **how)
    pki.trust(client)
    return client


def forged(pki):
    client = issue("forged", issuer=pki.authority("forged upon"))
    der = bytearray(client.der)
    der[-20] ^= 1
    client.forged = bytes(der)
    return client


def posing(pki):
    authority = trusted(pki, "posing authority", authority=True)
    pki.put("trusted", "posing authority.crl", revocation_list(authority))
    return authority


def of_expired_issuer(pki):
    authority = issue("expired authority", authority=True, days=(-20, -1))
    pki.put("trusted", "expired authority.der", authority.der)
    pki.put("trusted", "expired authority.crl", revocation_list(authority))
    return issue("of expired", issuer=authority)


@dataclass
class Case:
    """A certificate that is wrong in one point, and what is told of it."""

    made: Callable
    reason: str
    event: int
    answer: str
    advice: str
    how: dict = field(default_factory=dict)


CASES = {
    "x03-chain-incomplete": Case(incomplete, "IssuerUnknown", UNTRUSTED, HIDDEN, "put the issuer's certificate"),
    "x03-issuer-not-trusted": Case(with_issuer_not_trusted, "Untrusted", UNTRUSTED, HIDDEN, "tagwire trust accept"),
    "x02-untrusted": Case(lambda pki: issue("stranger"), "Untrusted", UNTRUSTED, HIDDEN, "tagwire trust accept"),
    "x08-no-revocation-list": Case(
        without_list, "RevocationUnknown", REVOKED, "BadCertificateRevocationUnknown", "current revocation list"
    ),
    "x08-old-revocation-list": Case(
        with_old_list, "RevocationUnknown", REVOKED, "BadCertificateRevocationUnknown", "current revocation list"
    ),
    "x04-revoked": Case(revoked, "Revoked", REVOKED, HIDDEN, "issue a new certificate"),
    "x04-issuer-revoked": Case(of_revoked_issuer, "IssuerRevoked", REVOKED, HIDDEN, "issue a new certificate"),
    "x05-expired": Case(
        lambda pki: trusted(pki, "expired", days=(-20, -1)),
        "Expired", EXPIRED, "BadCertificateTimeInvalid", "renew the peer's certificate",
    ),
    "x05-not-yet-valid": Case(
        lambda pki: trusted(pki, "early", days=(1, 20)),
        "NotYetValid", EXPIRED, "BadCertificateTimeInvalid", "check the clocks",
    ),
    "x05-issuer-expired": Case(of_expired_issuer, "IssuerTime", EXPIRED, HIDDEN, "renew the issuer's certificate"),
    "x06-bad-signature": Case(forged, "SignatureInvalid", INVALID, HIDDEN, "issue the peer's certificate again"),
    "x07-wrong-use": Case(posing, "UseNotAllowed", WRONG_USE, "BadCertificateUseNotAllowed", "an application certificate"),
    "x09-wrong-uri": Case(
        lambda pki: trusted(pki, "wrong uri"),
        "UriMismatch", MISMATCH, "BadCertificateUriInvalid", "equal the URI in its certificate",
        {"uri": "urn:somebody:else"},
    ),
}


class Auditor:
    """An asyncua client that subscribes to audit events."""

    FIELDS = ("EventType", "SourceName", "Message", "Certificate", "InvalidUri", "StatusCodeId", "Status", "EndpointUrl")

    def __init__(self, server):
        self.server, self.events = server, []

    async def __aenter__(self):
        self.client = Client(self.server.url, timeout=20)
        self.client.application_uri = certificates.CLIENT_URI
        identity = self.server.identity
        await self.client.set_security(SecurityPolicyBasic256Sha256, str(identity.certificate_der), str(identity.key_pem))
        self.client.set_user(ADMIN)
        self.client.set_password(ADMIN_PASSWORD)
        await self.client.connect()
        subscription = await self.client.create_subscription(50, self)
        wanted = ua.EventFilter()
        for name in self.FIELDS:
            clause = ua.SimpleAttributeOperand(AttributeId=ua.AttributeIds.Value, BrowsePath=[ua.QualifiedName(name)])
            clause.TypeDefinitionId = ua.NodeId(ua.ObjectIds.BaseEventType)
            wanted.SelectClauses.append(clause)
        await subscription.subscribe_events(self.client.nodes.server, evfilter=wanted, queuesize=1000)
        return self

    async def __aexit__(self, *_):
        await self.client.disconnect()

    def event_notification(self, event):
        self.events.append(event)

    async def heard(self, wanted):
        end = time.monotonic() + 10 * SLOW
        while not any(map(wanted, self.events)):
            assert time.monotonic() < end, [vars(event) for event in self.events]
            await asyncio.sleep(0.05)
        return [event for event in self.events if wanted(event)]


def told(pki, *words) -> str:
    done = command(*words, "--config", pki.server.file, cwd=pki.server.folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def recorded(pki, fingerprint) -> list[dict]:
    """What the audit log has about a refused certificate."""
    records = [json.loads(line) for line in told(pki, "audit", "show", "--json", "--kind", "certificate-refused").splitlines()]
    return [record for record in records if fingerprint in json.dumps(record)]


def waiting(pki, fingerprint, of_users=False) -> dict:
    lists = json.loads(told(pki, "trust", "list", "--json"))
    lists = lists["users"] if of_users else lists
    (entry,) = [entry for entry in lists["pending"] if entry["fingerprint"] == fingerprint]
    return entry


@pytest.mark.parametrize("name", CASES)
async def test_x04_x05_every_refusal_tells_the_administrator_its_true_reason(pki, name):
    case = CASES[name]
    identity = case.made(pki)
    async with Auditor(pki.server) as auditor:
        assert await asyncio.to_thread(outcome, pki, identity, **case.how) == case.answer
        is_meant = lambda event: event.EventType.Identifier == case.event and event.Certificate == identity.der
        (event,) = await auditor.heard(is_meant)
    assert event.Status is False and event.SourceName == "Security/Certificate" and case.reason in event.Message.Text
    if case.event == MISMATCH:
        assert event.InvalidUri == case.how["uri"]
    (record,) = recorded(pki, identity.fingerprint)
    assert record["code"] == case.reason and record["peer"].startswith("127.0.0.1:")
    entry = waiting(pki, identity.fingerprint)
    assert entry["reason"] == case.reason and case.advice in entry["fix"] and entry["peer"] == "127.0.0.1"
    assert f"{entry['why']}; {entry['fix']}" in told(pki, "trust", "list")
    lines = [line for line in pki.server.process.lines if identity.fingerprint[:8] in line and "refused" in line]
    assert lines and f"{entry['why']}; {entry['fix']}" in lines[0]


@pytest.mark.row("S19")
async def test_x04_x05_a_user_whose_certificate_is_refused_is_told_of_as_well(pki, tmp_path):
    person = make(tmp_path, name="nobody")
    async with Auditor(pki.server) as auditor:

        def try_it():
            with SecureSession(pki.server, activate=False) as session:
                token, signature = certificate_token(session, person)
                return session.fault_of(lambda: session.activate(token=token, token_signature=signature))

        assert await asyncio.to_thread(try_it) == "BadIdentityTokenRejected"
        is_meant = lambda event: event.EventType.Identifier == UNTRUSTED and event.Certificate == person.der
        assert len(await auditor.heard(is_meant)) == 1
    assert [record["code"] for record in recorded(pki, person.fingerprint)] == ["Untrusted"]
    entry = waiting(pki, person.fingerprint, of_users=True)
    assert entry["reason"] == "Untrusted" and "tagwire trust accept" in entry["fix"]


async def test_k04_a_client_that_means_another_host_is_told_to_auditors(pki):
    """The wrong host name of a certificate is for the client to notice; the server sees that the client used another name."""
    async with Auditor(pki.server) as auditor:

        def come(url):
            with SecureSession(pki.server, create=False) as session:
                session.url = url
                session.create()
                session.activate()
                session.close_session()

        ours, other = f"opc.tcp://LOCALHOST:{pki.server.port}/here", "opc.tcp://somewhere.else.example:4840"
        for url in (ours, other):
            await asyncio.to_thread(come, url)
        (event,) = await auditor.heard(lambda event: event.EventType.Identifier == URL_MISMATCH)
        assert event.EndpointUrl == other and event.SourceName == "Session/CreateSession"
