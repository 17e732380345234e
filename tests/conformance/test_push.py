"""Certificates and trust lists pushed by a certificate manager, rows K09, A44, A45 and A31 of the conformance list."""

import contextlib
import hashlib
import json
import os
import subprocess
import time
from pathlib import Path

import pytest
from asyncua import ua
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from harness.certificates import DER, PEM, issue, revocation_list
from harness.plant import PASSWORD, USER
from harness.process import SLOW, wait_until
from harness.product import command
from harness.push import (
    APPLICATIONS, APPLICATIONS_GROUP, CONFIGURATION, CREATE_SIGNING_REQUEST, ISSUERS, READ, TRUSTED, USERS, USERS_GROUP, WRITE,
    ADMIN, ADMIN_PASSWORD, ManagedServer, Manager, flag, i32, list_bytes, node_id, octets, sign_request, text, u32,
)
from harness.secured import SIGN, SecureSession
from harness.tokens import log_in, user_token
from harness.wire import Closed, Fault, Refused, status


@pytest.fixture(scope="module")
def managed(tmp_path_factory):
    with ManagedServer(tmp_path_factory.mktemp("managed")) as server:
        yield server


@pytest.fixture
def manager(managed):
    with Manager(managed) as manager:
        yield manager
        try:
            manager.close_session()
        except (Closed, Fault, OSError):
            pass  # the test ended it, or its channel is closed because the certificate changed


def leaf(chain: bytes) -> x509.Certificate:
    return x509.load_der_x509_certificate(chain)


def uri_of(certificate: bytes) -> str:
    names = leaf(certificate).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return names.get_values_for_type(x509.UniformResourceIdentifier)[0]


def await_new_certificate(server, old: bytes) -> bytes:
    wait_until(lambda: server.certificate() != old, 5 * SLOW, "the endpoints give the new certificate")
    return server.certificate()


def files(server) -> set[str]:
    return {str(path.relative_to(server.pki)) for path in server.pki.rglob("*") if path.is_file()}


def records(server, kind) -> list[dict]:
    words = ("audit", "show", "--json", "--kind", kind, "--config", server.file)
    done = command(*words, cwd=server.folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_k09_the_properties_say_what_a_manager_must_know(managed, manager):
    values = {
        "i=12710": ["DA"],
        "i=12639": ["PEM"],
        "i=12640": 1 << 20,
        "i=12641": False,
        "i=23597": False,
        "i=25706": uri_of(managed.certificate()),
        "i=25707": 0,
        "i=25725": "urn:tagwire:server",
        "i=14161": [ua.NodeId(12560)],
        "i=14155": [ua.NodeId(15181)],
        "i=14157": True,
        "i=14158": True,
        "i=12646": 0,
    }
    assert {id_: manager.value(id_) for id_ in values} == values
    assert manager.read_status("i=12643") == "BadNotSupported", "a trust list has no size before it is read"
    assert manager.value("i=12662").year >= 2020
    assert manager.value("i=12740", attribute=21) is True and manager.value("i=12740", attribute=22) is True
    assert manager.value("i=25709", attribute=21) is False, "ResetToServerDefaults is not there"


def test_k09_only_a_security_admin_over_an_encrypted_channel_may(managed):
    arguments = (node_id(APPLICATIONS_GROUP), node_id("i=12560"), text(""), flag(False), octets(b""))
    calls = [
        (CONFIGURATION, CREATE_SIGNING_REQUEST, *arguments),
        (CONFIGURATION, "i=12777"),
        (CONFIGURATION, "i=12740"),
        (APPLICATIONS, "i=12647", ua.Variant(READ, ua.VariantType.Byte)),
        (APPLICATIONS, "i=11580", ua.Variant(READ, ua.VariantType.Byte)),
        (USERS, "i=14151", octets(b"x"), flag(True)),
    ]
    with Manager(managed, USER, PASSWORD) as session:
        assert {status(result.StatusCode) for result in session.call_methods(*calls)} == {"BadUserAccessDenied"}
        assert session.value("i=12740", attribute=22) is False and session.value("i=14158") is False
        session.close_session()
    with Manager(managed, mode=SIGN) as session:
        assert {status(result.StatusCode) for result in session.call_methods(*calls)} == {"BadSecurityModeInsufficient"}
        session.close_session()
    with log_in(managed, ADMIN, ADMIN_PASSWORD) as session:
        assert {status(result.StatusCode) for result in session.call_methods(*calls)} == {"BadSecurityModeInsufficient"}
        session.close_session()


def test_k09_arguments_are_checked_before_anything_is_done(manager):
    assert manager.code(CONFIGURATION, "i=12740", u32(1)) == "BadTooManyArguments"
    assert manager.code(CONFIGURATION, CREATE_SIGNING_REQUEST) == "BadArgumentsMissing"
    result = manager.invoke(APPLICATIONS, "i=12647", u32(READ))
    assert status(result.StatusCode) == "BadInvalidArgument"
    assert [status(code) for code in result.InputArgumentResults] == ["BadTypeMismatch"]
    assert manager.code(APPLICATIONS, "i=12740") == "BadMethodInvalid"
    assert manager.code("i=14156", "i=12647", ua.Variant(READ, ua.VariantType.Byte)) == "BadMethodInvalid"


def test_k09_trust_lists_are_read_and_replaced(managed, manager):
    client = managed.identity.der
    assert manager.trust_list().TrustedCertificates == [client]
    root, other = issue("pushed root", authority=True), issue("pushed application")
    lists = [revocation_list(root)]
    assert manager.put_list(trusted=[client, other.der], issuers=[root.der], issuer_lists=lists) == "Good"
    assert manager.trust_list().TrustedCertificates == [client], "nothing changes before ApplyChanges"
    told = manager.diagnostics()
    assert told["Result"] == "BadInvalidState" and told["AffectedTrustLists"] == [ua.NodeId(12642)]
    assert manager.apply() == "Good"
    told = manager.diagnostics()
    assert told["Result"].is_good() and told["EndTime"] >= told["StartTime"] and told["Errors"] == []
    held = manager.trust_list()
    assert sorted(held.TrustedCertificates) == sorted([client, other.der])
    assert (held.IssuerCertificates, held.IssuerCrls) == ([root.der], lists)
    with SecureSession(managed, other) as session:
        session.close_session()
    # A part alone, and the parts of a file that were asked for alone.
    assert manager.put_list(masks=ISSUERS | 8) == "Good"
    assert manager.apply() == "Good"
    handle = manager.value_of(APPLICATIONS, "i=12663", u32(TRUSTED))
    data = manager.read_file(APPLICATIONS, handle)
    manager.on(APPLICATIONS, "close", u32(handle))
    assert data == list_bytes(TRUSTED, sorted([client, other.der], key=lambda der: hashlib.sha256(der).digest()))
    assert manager.put_list(masks=TRUSTED, trusted=[client]) == "Good"
    assert manager.apply() == "Good"
    assert manager.apply() == "BadNothingToDo" and manager.cancel() == "BadNothingToDo"
    changes = [(record["certificate"], record["change"], record.get("user")) for record in records(managed, "trust-changed")]
    assert (other.fingerprint, "accepted", ADMIN) in changes and (other.fingerprint, "removed", ADMIN) in changes
    assert (root.fingerprint, "added as issuer", ADMIN) in changes and (root.fingerprint, "removed as issuer", ADMIN) in changes


def test_k09_a_list_that_cannot_be_used_changes_nothing(managed, manager):
    client = managed.identity.der
    root = issue("root of nobody", authority=True)
    orphan = issue("orphan", issuer=root)
    revoked = issue("revoked", issuer=root)
    bad = {
        "BadCertificateInvalid": dict(trusted=[client, b"no certificate"]),
        "BadCertificateChainIncomplete": dict(trusted=[client, orphan.der]),
        "BadCertificateRevoked": dict(trusted=[client, revoked.der], issuers=[root.der], issuer_lists=[revocation_list(root, [revoked])]),
        "BadRequestTooLarge": dict(trusted=[client, *(issue(f"many {n}", key=root.key).der for n in range(3))] * 400),
    }
    del bad["BadRequestTooLarge"]
    for code, parts in bad.items():
        assert manager.put_list(**parts) == code
    handle = manager.write_file(list_bytes(trusted=[client])[:-3])
    assert manager.on_code(APPLICATIONS, "update", u32(handle)) == "BadCertificateInvalid"
    assert manager.on_code(APPLICATIONS, "update", u32(handle)) == "BadInvalidArgument", "it is closed all the same"
    assert manager.apply() == "BadNothingToDo"
    assert manager.trust_list().TrustedCertificates == [client]
    assert manager.value("i=12646") == 0


def test_k09_certificates_are_added_and_removed_one_by_one(managed, manager):
    other = issue("added alone")
    thumbprint = hashlib.sha1(other.der).hexdigest()
    assert manager.on_code(APPLICATIONS, "remove", text(thumbprint), flag(True)) == "BadInvalidArgument"
    assert manager.on_code(APPLICATIONS, "add", octets(other.der), flag(False)) == "BadCertificateInvalid"
    assert manager.on_code(APPLICATIONS, "add", octets(b"nothing"), flag(True)) == "BadCertificateInvalid"
    with pytest.raises((Refused, Closed)):
        SecureSession(managed, other)
    assert other.der in manager.rejected()
    assert manager.on_code(APPLICATIONS, "add", octets(other.der), flag(True)) == "Good"
    assert other.der not in manager.rejected()
    session = SecureSession(managed, other)
    handle = manager.open_file()
    assert manager.on_code(APPLICATIONS, "remove", text(thumbprint), flag(True)) == "BadInvalidState", "the list is open"
    manager.on(APPLICATIONS, "close", u32(handle))
    assert manager.on_code(APPLICATIONS, "remove", text(thumbprint.upper()), flag(True)) == "Good"
    wait_until(lambda: is_gone(session), 5 * SLOW, "the session of the removed client ends")
    with pytest.raises((Refused, Closed)):
        SecureSession(managed, other)
    root = issue("added root", authority=True)
    below = issue("below the added root", issuer=root)
    parts = dict(trusted=[managed.identity.der, root.der, below.der], trusted_lists=[revocation_list(root)])
    assert manager.put_list(**parts) == "Good" and manager.apply() == "Good"
    root_thumbprint = hashlib.sha1(root.der).hexdigest()
    assert manager.on_code(APPLICATIONS, "remove", text(root_thumbprint), flag(True)) == "BadCertificateChainIncomplete"
    assert manager.on_code(APPLICATIONS, "remove", text(hashlib.sha1(below.der).hexdigest()), flag(True)) == "Good"
    assert manager.on_code(APPLICATIONS, "remove", text(root_thumbprint), flag(True)) == "Good"
    assert manager.trust_list().TrustedCrls in (None, []), "its revocation lists go with it"


def is_gone(session) -> bool:
    try:
        session.value("i=2259")
        return False
    except (Closed, Fault, OSError):
        return True


def test_k09_users_have_a_trust_list_of_their_own(managed, manager):
    user = issue("a user", uri="urn:person")
    assert manager.on_code(USERS, "add", octets(user.der), flag(True)) == "Good"
    assert manager.trust_list(USERS).TrustedCertificates == [user.der]
    assert user.der not in manager.trust_list().TrustedCertificates
    assert manager.put_list(USERS) == "Good" and manager.apply() == "Good"
    assert manager.trust_list(USERS).TrustedCertificates in (None, [])
    assert manager.update(user.der, group=USERS_GROUP) == "BadInvalidArgument", "users have no certificate of the server"


@pytest.mark.row("A31")
def test_k09_a_new_certificate_for_a_new_key(managed):
    """Signing request, certificate of an authority, UpdateCertificate, ApplyChanges; then a restart."""
    old = managed.certificate()
    authority = issue("plant authority", authority=True)
    with Manager(managed) as manager:
        before = files(managed)
        request = manager.signing_request('CN="../../x"/O=plant', new_key=True)
        assert x509.load_der_x509_csr(request).public_key() != leaf(old).public_key()
        assert files(managed) - before == {"own/next-key.pem"}
        assert (managed.pki / "own/next-key.pem").stat().st_mode & 0o777 == 0o600
        new = sign_request(request, authority)
        assert manager.update(new, [authority.der]) == "Good"
        assert managed.certificate() == old, "nothing changes before ApplyChanges"
        assert manager.diagnostics()["AffectedCertificateGroups"] == [ua.NodeId(14156)]
        assert manager.apply() == "Good"
        assert await_new_certificate(managed, old) == new
        wait_until(lambda: is_gone(manager), 5 * SLOW, "channels with the old certificate are closed")
        # The session lives on for a client that opens a channel anew.
        with SecureSession(managed, create=False) as again:
            again.adopt(manager)
            again.created.ServerEndpoints = managed.endpoints()
            again.activate(token=user_token(again, ADMIN, ADMIN_PASSWORD))
            assert again.value("i=2259") == 0
            again.close_session()
    names = {Path(name).name for name in files(managed)}
    assert not any("x" == name or ".." in name for name in names) and "next-key.pem" not in names
    assert f"former-{hashlib.sha256(old).hexdigest()}.der" in names
    record = records(managed, "certificate-replaced")[-1]
    assert record["certificate"] == hashlib.sha256(new).hexdigest() and record["user"] == ADMIN
    managed.stop()
    managed.start()
    assert managed.certificate() == new
    with Manager(managed) as manager:
        manager.close_session()


def test_k09_a_new_certificate_for_the_same_key_and_one_that_brings_its_key(managed):
    old = managed.certificate()
    authority = issue("second authority", authority=True)
    with Manager(managed) as manager:
        new = sign_request(manager.signing_request(new_key=False), authority)
        assert leaf(new).public_key() == leaf(old).public_key()
        assert leaf(new).subject == leaf(old).subject, "the subject stays unless another is asked for"
        assert manager.update(new, [authority.der]) == "Good" and manager.apply() == "Good"
    assert await_new_certificate(managed, old) == new
    brought = issue("brought along", uri=uri_of(new), issuer=authority)
    key = brought.key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with Manager(managed) as manager:
        assert manager.update(brought.der, [authority.der], "PEM", key) == "Good" and manager.apply() == "Good"
    assert await_new_certificate(managed, new) == brought.der
    with Manager(managed) as manager:
        manager.close_session()
    log = "".join(path.read_text() for path in (managed.folder / "data" / "audit").glob("*.jsonl"))
    secret = key.decode().splitlines()[3]
    assert secret not in log and secret not in managed.process.output


def test_k09_wrong_certificates_are_refused_with_the_reason(managed, manager):
    uri, authority = uri_of(managed.certificate()), issue("third authority", authority=True)
    request = manager.signing_request(new_key=False)
    good = sign_request(request, authority)
    chain = [authority.der]
    key = issue("any").key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    forged = bytearray(good)
    forged[-1] ^= 1
    assert manager.update(issue("wrong key", uri=uri, issuer=authority).der, chain) == "BadSecurityChecksFailed"
    assert manager.update(good, chain, "PEM", key) == "BadSecurityChecksFailed"
    assert manager.update(sign_request(request, authority, uri="urn:somebody:else"), chain) == "BadCertificateUriInvalid"
    assert manager.update(good) == "BadCertificateChainIncomplete"
    assert manager.update(bytes(forged), chain) == "BadCertificateInvalid"
    assert manager.update(b"", chain) == "BadCertificateInvalid"
    assert manager.update(good[:-5], chain) == "BadCertificateInvalid"
    assert manager.update(good, [b"junk"]) == "BadCertificateInvalid"
    assert manager.update(good, chain, "PFX", key) == "BadNotSupported"
    assert manager.update(good, chain, "PEM", b"no key") == "BadNotSupported"
    assert manager.update(good, chain, "PEM") == "BadInvalidArgument"
    assert manager.update(good, chain, group="i=14088") == "BadInvalidArgument"
    assert manager.update(good, chain, kind="i=12558") == "BadInvalidArgument"
    assert manager.apply() == "BadNothingToDo"
    for subject in ("no pairs", "CN=../../x", "X=1"):
        arguments = (node_id(""), node_id(""), text(subject), flag(False), octets(b""))
        assert manager.code(CONFIGURATION, CREATE_SIGNING_REQUEST, *arguments) == "BadInvalidArgument"
    arguments = (node_id(""), node_id(""), text(""), flag(True), octets(b"short"))
    assert manager.code(CONFIGURATION, CREATE_SIGNING_REQUEST, *arguments) == "BadInvalidArgument", "the nonce is too short"


def test_k09_changes_are_told_to_auditors(managed, manager):
    listener = Manager(managed)
    filter_ = ua.EventFilter()
    for name in ("EventType", "ClientUserId", "Status"):
        clause = ua.SimpleAttributeOperand(ua.NodeId(2041), [ua.QualifiedName(name)], ua.AttributeIds.Value, None)
        filter_.SelectClauses.append(clause)
    made = listener.subscribe(interval=50.0)
    item = listener.item("i=2253", filter_=filter_, attribute=12, queue=100)
    assert listener.monitor(made.SubscriptionId, [item])[0].StatusCode.is_good()
    other = issue("told to auditors")
    manager.on(APPLICATIONS, "add", octets(other.der), flag(True))
    manager.put_list(masks=TRUSTED, trusted=[managed.identity.der])
    manager.apply()
    seen = []
    end = time.monotonic() + 5 * SLOW
    while time.monotonic() < end and len([kind for kind, *_ in seen if kind in (12561, 32260)]) < 4:
        answer = listener.publish()
        for data in answer.NotificationMessage.NotificationData or []:
            fields = [[field.Value for field in event.EventFields] for event in data.Events]
            seen += [(kind.Identifier, user, good) for kind, user, good in fields]
    assert seen.count((32260, ADMIN, True)) == 2 and seen.count((12561, ADMIN, True)) == 2, seen
    listener.close_session()


def test_a44_a_transaction_belongs_to_one_session(managed, manager):
    assert manager.put_list(masks=ISSUERS) == "Good"
    with Manager(managed) as other:
        assert other.apply() == "BadTransactionPending" and other.cancel() == "BadTransactionPending"
        assert other.on_code(APPLICATIONS, "open", ua.Variant(WRITE, ua.VariantType.Byte)) == "BadTransactionPending"
        assert other.on_code(APPLICATIONS, "add", octets(issue("x").der), flag(True)) == "BadTransactionPending"
        assert other.update(managed.certificate()) == "BadTransactionPending"
        assert other.trust_list().TrustedCertificates == [managed.identity.der], "reading is no change"
        other.close_session()
    assert manager.on_code(APPLICATIONS, "add", octets(issue("x").der), flag(True)) == "BadTransactionPending"
    handle = manager.open_file(mode=WRITE)
    assert manager.apply() == "BadInvalidState", "a list is still being written"
    manager.on(APPLICATIONS, "close", u32(handle))
    assert manager.cancel() == "Good"
    assert manager.diagnostics()["Result"].name == "BadRequestCancelledByClient"


@pytest.mark.parametrize("how", ["closed", "cut off"])
def test_a44_a_transaction_ends_with_its_session_and_changes_nothing(managed, how):
    old, trusted = managed.certificate(), managed.identity.der
    before = files(managed) - {"own/next-key.pem"}
    authority = issue("authority of nobody", authority=True)
    with Manager(managed) as manager:
        new = sign_request(manager.signing_request(new_key=True), authority)
        assert manager.update(new, [authority.der]) == "Good"
        assert manager.put_list(masks=TRUSTED, trusted=[trusted, authority.der]) == "Good"
        handle = manager.open_file(mode=WRITE)
        if how == "closed":
            manager.close_session()
    with Manager(managed) as other:
        ended = lambda: other.diagnostics()["Result"] != "BadInvalidState"
        wait_until(ended, 20 * SLOW, "the transaction ends with its session", step=0.2)
        assert other.diagnostics()["Result"].name == ("BadSessionClosed" if how == "closed" else "BadConnectionClosed")
        assert other.apply() == "BadNothingToDo" and other.value("i=12646") == 0
        assert other.on_code(APPLICATIONS, "update", u32(handle)) == "BadInvalidArgument"
        assert other.trust_list().TrustedCertificates == [trusted] and managed.certificate() == old
        assert files(managed) - {"own/next-key.pem"} == before
        other.close_session()


def test_a44_sessions_come_and_go_while_changes_are_applied(managed):
    """Sessions that end at any moment of a transaction leave the server and its lists whole."""
    trusted = managed.identity.der
    for round_ in range(20):
        manager = Manager(managed)
        opened = manager.on(APPLICATIONS, "open", ua.Variant(WRITE, ua.VariantType.Byte))
        if opened.StatusCode.is_good():
            handle = u32(opened.OutputArguments[0].Value)
            manager.on(APPLICATIONS, "write", handle, octets(list_bytes(TRUSTED, [trusted])))
            manager.on(APPLICATIONS, "update", handle)
        call = ua.CallRequest()
        one = ua.CallMethodRequest()
        one.ObjectId, one.MethodId = ua.NodeId(12637), ua.NodeId(12740)
        call.Parameters.MethodsToCall = [one]
        manager.post(call)
        if round_ % 2:
            manager.post(close_request())
        manager.close()
    with Manager(managed) as other:
        free = lambda: other.on_code(APPLICATIONS, "add", octets(trusted), flag(True)) == "Good"
        wait_until(free, 75 * SLOW, "no dead session holds a transaction or a list", step=0.2)
        assert other.put_list(masks=TRUSTED, trusted=[trusted]) == "Good" and other.apply() == "Good"
        assert other.trust_list().TrustedCertificates == [trusted]
        other.close_session()


def close_request():
    request = ua.CloseSessionRequest()
    request.DeleteSubscriptions = True
    return request


def test_a45_lengths_and_positions_stay_within_the_file(manager):
    handle = manager.open_file()
    whole = manager.read_file(APPLICATIONS, handle, 2**31 - 1)
    assert len(whole) > 500
    for length in (-1, -(2**31)):
        assert manager.on_code(APPLICATIONS, "read", u32(handle), i32(length)) == "BadInvalidArgument"
    assert manager.read_file(APPLICATIONS, handle, 2**31 - 1) == b""
    for position, there in ((0, 0), (10, 10), (2**63, len(whole)), (2**64 - 1, len(whole))):
        assert manager.on_code(APPLICATIONS, "seek", u32(handle), ua.Variant(position, ua.VariantType.UInt64)) == "Good"
        assert manager.value_of(APPLICATIONS, "i=12657", u32(handle)) == there
        assert manager.read_file(APPLICATIONS, handle, 7) == whole[there : there + 7]
    assert manager.read_file(APPLICATIONS, handle, 0) == b""
    assert manager.on_code(APPLICATIONS, "write", u32(handle), octets(b"x")) == "BadInvalidState"
    assert manager.on_code(APPLICATIONS, "update", u32(handle)) == "BadInvalidState"
    assert manager.on_code(APPLICATIONS, "close", u32(handle)) == "Good"
    for method, *arguments in (("close",), ("read", i32(1)), ("write", octets(b"x")), ("tell",), ("update",)):
        assert manager.on_code(APPLICATIONS, method, u32(handle), *arguments) == "BadInvalidArgument"
    for mode in (0, 2, 3, 4, 7, 8, 255):
        assert manager.on_code(APPLICATIONS, "open", ua.Variant(mode, ua.VariantType.Byte)) == "BadInvalidArgument"


def test_a45_nobody_writes_more_than_a_trust_list_may_have(manager):
    handle = manager.open_file(mode=WRITE)
    part = octets(bytes(1 << 18))
    for _ in range(4):
        assert manager.on_code(APPLICATIONS, "write", u32(handle), part) == "Good"
    assert manager.on_code(APPLICATIONS, "write", u32(handle), octets(b"x")) == "BadRequestTooLarge"
    assert manager.on_code(APPLICATIONS, "seek", u32(handle), ua.Variant(2**64 - 1, ua.VariantType.UInt64)) == "Good"
    assert manager.value_of(APPLICATIONS, "i=12657", u32(handle)) == 1 << 20
    assert manager.on_code(APPLICATIONS, "close", u32(handle)) == "Good"
    hostile = b"\x0f\0\0\0" + b"\xff\xff\xff\x7f" * 4
    for data in (hostile, b"\x0f\0\0\0\xfe\xff\xff\xff", b"", b"\xff" * 40, list_bytes() + b"more"):
        assert manager.on_code(APPLICATIONS, "update", u32(manager.write_file(data))) == "BadCertificateInvalid"


def test_a45_open_files_are_counted_and_belong_to_their_session(managed, manager):
    handles = [manager.open_file() for _ in range(4)]
    assert counted_files(managed) == 4
    assert 0 not in handles and len(set(handles)) == 4
    assert manager.on_code(APPLICATIONS, "open", ua.Variant(READ, ua.VariantType.Byte)) == "BadResourceUnavailable"
    assert manager.value("i=12646") == 4
    with Manager(managed) as other:
        for handle in handles:
            assert other.on_code(APPLICATIONS, "read", u32(handle), i32(10)) == "BadInvalidArgument"
            assert other.on_code(APPLICATIONS, "close", u32(handle)) == "BadInvalidArgument"
            assert manager.on_code(USERS, "read", u32(handle), i32(10)) == "BadInvalidArgument"
        own = other.open_file(mode=WRITE)
        assert manager.on_code(USERS, "open", ua.Variant(WRITE, ua.VariantType.Byte)) == "BadResourceUnavailable"
        assert other.on_code(APPLICATIONS, "open", ua.Variant(WRITE, ua.VariantType.Byte)) == "BadNotWritable"
        assert other.value("i=12646") == 5
        other.close_session()
        assert own not in handles
    assert manager.value("i=12646") == 4
    manager.close_session()
    with Manager(managed) as other:
        assert other.value("i=12646") == 0, "files end with their session"
        other.close_session()
    assert counted_files(managed) == 0


def figures(server) -> dict:
    """What the server tells of itself."""
    return json.loads(command("status", "--json", "--config", server.file, cwd=server.folder).stdout)


def counted_files(server) -> int:
    """Files that count against the limits of the server."""
    return figures(server)["open_files"]


def counted_bytes(server) -> int:
    """Bytes that those files count."""
    return figures(server)["open_file_bytes"]


def nothing_is_open(server) -> bool:
    return (counted_files(server), counted_bytes(server)) == (0, 0)


OPEN_TO_READ = ua.Variant(READ, ua.VariantType.Byte)


def test_a45_all_sessions_together_have_so_many_files_open(managed):
    """Four of a session, 32 of all; what is refused leaves nothing behind, and each file counts what it holds."""
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(Manager(managed)) for _ in range(9)]
        handles = [(one, one.open_file()) for one in crowd[:8] for _ in range(4)]
        length = len(crowd[0].read_file(APPLICATIONS, handles[0][1], 2**31 - 1))
        assert (counted_files(managed), counted_bytes(managed)) == (32, 32 * length)
        for trust_list in (APPLICATIONS, USERS):
            assert crowd[8].on_code(trust_list, "open", OPEN_TO_READ) == "BadResourceUnavailable"
        assert crowd[8].value("i=12646") == 32 and counted_files(managed) == 32
        one, handle = handles[0]
        assert one.on_code(APPLICATIONS, "close", u32(handle)) == "Good"
        assert crowd[8].on_code(APPLICATIONS, "open", OPEN_TO_READ) == "Good", "the place is free again"
        for one in crowd:
            one.close_session()
    wait_until(lambda: nothing_is_open(managed), 5 * SLOW, "the quota is back at zero")


def test_a45_bytes_of_lists_that_are_written_count_until_their_session_ends(managed, manager):
    handle = manager.open_file(mode=WRITE)
    for n_parts in range(1, 5):
        assert manager.on_code(APPLICATIONS, "write", u32(handle), octets(bytes(1 << 18))) == "Good"
        assert counted_bytes(managed) == n_parts << 18
    assert manager.on_code(APPLICATIONS, "write", u32(handle), octets(b"x")) == "BadRequestTooLarge"
    assert counted_bytes(managed) == 1 << 20, "what is refused does not count"
    manager.close_session()
    wait_until(lambda: nothing_is_open(managed), 5 * SLOW, "the quota is back at zero")


def test_a45_files_of_clients_that_vanish_are_closed(managed):
    """Connections that break without a word, while a file is open and while a list is being written."""
    with Manager(managed) as witness:
        lost = [Manager(managed, timeout_ms=2000.0) for _ in range(3)]
        for one in lost[:2]:
            assert [one.open_file() for _ in range(3)]
        handle = lost[2].open_file(mode=WRITE)
        assert lost[2].on_code(APPLICATIONS, "write", u32(handle), octets(bytes(1000))) == "Good"
        assert witness.value("i=12646") == 7 and counted_bytes(managed) > 1000
        for one in lost:
            one.close()
        wait_until(lambda: nothing_is_open(managed), 30 * SLOW, "the files of sessions that ended are closed", step=0.2)
        assert witness.value("i=12646") == 0
        again = witness.open_file(mode=WRITE)
        assert witness.on_code(APPLICATIONS, "close", u32(again)) == "Good", "nobody writes the list any more"
        witness.close_session()


def test_a45_the_figures_of_open_files_are_on_the_metrics_page(managed, manager):
    assert manager.open_file()
    page = managed.metrics()
    assert page["tagwire_ua_open_files"] == 1 and page["tagwire_ua_open_file_bytes"] == counted_bytes(managed) > 0


def test_k09_node_opcua_rotates_the_certificate(managed, tmp_path):
    """A foreign certificate manager does the whole of it, as its library has it."""
    old, authority = managed.certificate(), issue("authority of node", authority=True)
    authority.save(tmp_path)
    added = issue("added by node")
    added.save(tmp_path)
    script = Path(__file__).parents[1] / "peers" / "node" / "push.js"
    words = ["node", script, managed.url, managed.identity.certificate_pem, managed.identity.key_pem, ADMIN, ADMIN_PASSWORD, added.certificate_der]
    node = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ)
    try:
        # The library prints notes of its own between.
        told = lambda: json.loads(next(line for line in node.stdout if line.startswith("{")))
        first = told()
        assert first["trusted"] == [managed.identity.fingerprint] and first["formats"] == ["PEM"]
        assert first["types"] == ["ns=0;i=12560"]
        assert told()["trusted"] == sorted([managed.identity.fingerprint, added.fingerprint])
        assert told()["trusted"] == [managed.identity.fingerprint]
        new = sign_request(bytes.fromhex(told()["request"]), authority)
        node.stdin.write(json.dumps({"certificate": new.hex(), "issuers": [authority.der.hex()]}) + "\n")
        node.stdin.flush()
        assert told() == {"update": "Good", "applyChangesRequired": True}
        assert told() == {"apply": "Good"}
        assert told() == {"seen": hashlib.sha256(new).hexdigest()}
        assert node.wait(30) == 0
    finally:
        node.kill()
        node.wait()
    assert managed.certificate() == new != old
    done = command("trust", "renew", "--config", managed.file, cwd=managed.folder)
    assert done.returncode == 1 and "an authority issued certificate" in done.stderr
    assert managed.certificate() == new, "what an authority issued is the authority's to renew"
