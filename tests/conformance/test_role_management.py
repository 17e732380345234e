"""Roles changed by clients (Part 18), row K06: who holds a role, for which applications and on which endpoints it counts."""

import hashlib
import json

import pytest
from asyncua import ua

from harness import certificates
from harness.plant import SecuredServer
from harness.process import SLOW, wait_until
from harness.product import command, sim_device
from harness.secured import SIGN, SecureSession
from harness.session import node, tag
from harness.tokens import certificate_token, log_in, user_token
from harness.wire import Closed, Fault, status

ROLE_SET, ADD_ROLE, REMOVE_ROLE = "i=15606", "i=16301", "i=16304"
ANONYMOUS, AUTHENTICATED, OPERATOR, OBSERVER = "i=15644", "i=15656", "i=15680", "i=15668"
NIGHT = "ns=1;s=role:night-shift"
TYPE_METHODS = {
    "AddIdentity": "i=15624",
    "RemoveIdentity": "i=15626",
    "AddApplication": "i=16176",
    "RemoveApplication": "i=16178",
    "AddEndpoint": "i=16180",
    "RemoveEndpoint": "i=16182",
}
PASSWORD = "one for all 4711"
T = ua.VariantType
USER_NAME, THUMBPRINT, ANY_BODY, ANY_USER, APPLICATION, SUBJECT = 1, 2, 5, 6, 7, 8
OPEN, SECRET = tag("mem.all.open"), tag("mem.all.secret")
CONFIG = (
    sim_device("open static i32 rw\nsecret static i32 rw")
    + """[access]
users = "users.toml"
[[access.role]]
name = "night-shift"
users = ["nina"]
[[access.rule]]
path = "mem.all.secret"
read = "night-shift"
write = "night-shift"
"""
)


@pytest.fixture
def server(tmp_path):
    server = SecuredServer(tmp_path)
    server.anonymous = "none"
    server.configure(CONFIG)
    for name, role in (("chief", "security-admin"), ("otto", "observer"), ("nina", "observer")):
        server.add_user(name, role, PASSWORD)
    with server:
        yield server


def secure(server, user, identity=None, **how):
    session = SecureSession(server, identity, activate=False, **how)
    session.activate(token=user_token(session, user, PASSWORD))
    return session


def children(session, id_):
    """NodeIds by browse name."""
    return {found.BrowseName.Name: found.NodeId for found in session.browse(id_).References}


def text(value):
    return ua.Variant(value, T.String)


def identity(kind, criteria=""):
    rule = ua.IdentityMappingRuleType()
    rule.CriteriaType, rule.Criteria = ua.IdentityCriteriaType(kind), criteria
    return ua.Variant(rule, T.ExtensionObject)


def endpoint(url=None, mode=0, policy=None):
    made = ua.EndpointType()
    made.EndpointUrl, made.SecurityMode, made.SecurityPolicyUri = url, ua.MessageSecurityMode(mode), policy
    return ua.Variant(made, T.ExtensionObject)


def change(session, role, method, argument) -> str:
    """The status of a method of a role, called by the id that it has on the type."""
    return status(session.call_methods((role, TYPE_METHODS[method], argument))[0].StatusCode)


def identities(session, role):
    rules = session.value(children(session, role)["Identities"])
    return [(rule.CriteriaType.value, rule.Criteria or "") for rule in rules]


def write_secret(session):
    return session.write(SECRET, 7, T.Int32)


def test_k06_a_user_gets_a_role_and_loses_it(server):
    with secure(server, "chief") as chief:
        with log_in(server, "otto", PASSWORD) as otto:
            assert otto.write(OPEN, 1, T.Int32) == "BadUserAccessDenied"
            assert change(chief, OPERATOR, "AddIdentity", identity(USER_NAME, "otto")) == "Good"
            assert otto.write(OPEN, 1, T.Int32) == "BadUserAccessDenied", "it counts from the next activation on"
            otto.activate(token=user_token(otto, "otto", PASSWORD))
            assert otto.write(OPEN, 1, T.Int32) == "Good"
            assert (USER_NAME, "otto") in identities(chief, OPERATOR)
            assert change(chief, OPERATOR, "AddIdentity", identity(USER_NAME, "otto")) == "BadAlreadyExists"
            own = children(chief, OPERATOR)["RemoveIdentity"]
            assert status(chief.call_methods((OPERATOR, own, identity(USER_NAME, "otto")))[0].StatusCode) == "Good"

            def is_over():
                try:
                    return otto.write(OPEN, 2, T.Int32) != "Good"
                except (Fault, Closed):
                    return True

            wait_until(is_over, 5 * SLOW, "who may have lost a right loses the session")
        with log_in(server, "otto", PASSWORD) as otto:
            assert otto.write(OPEN, 1, T.Int32) == "BadUserAccessDenied"
            otto.close_session()
        assert change(chief, OPERATOR, "RemoveIdentity", identity(USER_NAME, "otto")) == "BadNotFound"
        chief.close_session()


def test_k06_changes_survive_a_restart_and_a_reload(server):
    with secure(server, "chief") as chief:
        assert change(chief, NIGHT, "AddIdentity", identity(USER_NAME, "otto")) == "Good"
        chief.close_session()
    assert "otto" in (server.folder / "data" / "roles.toml").read_text()
    assert server.stop() == 0
    server.start()
    with log_in(server, "otto", PASSWORD) as otto:
        assert write_secret(otto) == "Good"
        otto.close_session()
    server.configure(CONFIG.replace("open static", "other static"))
    server.reload()
    with log_in(server, "otto", PASSWORD) as otto:
        assert write_secret(otto) == "Good"
        otto.close_session()


def test_k06_what_the_configuration_says_is_shown_and_stays(server):
    with secure(server, "chief") as chief:
        assert identities(chief, NIGHT) == [(USER_NAME, "nina")]
        assert identities(chief, ANONYMOUS) == [(ANY_BODY, "")]
        assert identities(chief, AUTHENTICATED) == [(ANY_USER, "")]
        assert (USER_NAME, "otto") in identities(chief, OBSERVER)
        assert change(chief, NIGHT, "RemoveIdentity", identity(USER_NAME, "nina")) == "BadNotSupported"
        assert change(chief, OBSERVER, "RemoveIdentity", identity(USER_NAME, "otto")) == "BadNotSupported"
        assert change(chief, OBSERVER, "AddIdentity", identity(USER_NAME, "otto")) == "BadAlreadyExists"
        for role in (ANONYMOUS, AUTHENTICATED):
            assert change(chief, role, "AddIdentity", identity(USER_NAME, "otto")) == "BadRequestNotAllowed"
        chief.close_session()


def test_k06_roles_are_added_and_removed(server):
    with secure(server, "chief") as chief:
        result = chief.call_methods((ROLE_SET, ADD_ROLE, text("Visitors"), text("")))[0]
        assert status(result.StatusCode) == "Good"
        (made,) = [argument.Value for argument in result.OutputArguments]
        assert made == ua.NodeId("role:Visitors", 1)
        shown = children(chief, ROLE_SET)
        assert shown["Visitors"] == made and shown["night-shift"] == node(NIGHT) and shown["Operator"] == node(OPERATOR)
        parts = children(chief, made)
        assert {"Identities", "Applications", "ApplicationsExclude", "Endpoints", "EndpointsExclude"} <= set(parts)
        assert set(TYPE_METHODS) <= set(parts)
        assert chief.browse(made).References[0].ReferenceTypeId.Identifier == 40
        assert chief.browse(made).References[0].NodeId == ua.NodeId(15620)
        assert change(chief, made, "AddIdentity", identity(USER_NAME, "otto")) == "Good"
        assert identities(chief, made) == [(USER_NAME, "otto")]
        add = lambda name, namespace="": status(
            chief.call_methods((ROLE_SET, ADD_ROLE, text(name), text(namespace)))[0].StatusCode
        )
        assert add("Visitors") == "BadAlreadyExists"
        assert add("night-shift") == "BadAlreadyExists"
        for wrong in ("Operator", "security admin", "a.b", "", " x", "x" * 65):
            assert add(wrong) in ("BadInvalidArgument", "BadAlreadyExists"), wrong
        assert add("Elsewhere", "urn:somebody:else") == "BadInvalidArgument"
        remove = lambda role: status(
            chief.call_methods((ROLE_SET, REMOVE_ROLE, ua.Variant(node(role), T.NodeId)))[0].StatusCode
        )
        assert remove(made) == "Good"
        assert remove(made) == "BadNodeIdUnknown"
        assert remove(NIGHT) == "BadNotSupported"
        assert remove(OPERATOR) == "BadRequestNotAllowed"
        assert remove("i=2253") == "BadNodeIdUnknown"
        assert "Visitors" not in children(chief, ROLE_SET)
        chief.close_session()


def test_k06_a_role_counts_for_some_applications_only(server):
    """Listed applications are shut out; the other way round they are the only ones."""
    with secure(server, "chief") as chief:
        uri = server.identity.uri
        assert change(chief, NIGHT, "AddApplication", text(uri)) == "Good"
        exclude = children(chief, NIGHT)["ApplicationsExclude"]
        assert chief.value(exclude) is True
        assert list(chief.value(children(chief, NIGHT)["Applications"])) == [uri]
        with secure(server, "nina") as nina:
            assert write_secret(nina) == "BadUserAccessDenied"
            nina.close_session()
        assert chief.write(exclude, False, T.Boolean) == "Good"
        assert chief.write(exclude, 1, T.Int32) == "BadTypeMismatch"
        with secure(server, "nina") as nina:
            assert write_secret(nina) == "Good"
            nina.close_session()
        with log_in(server, "nina", PASSWORD) as unproved:
            assert write_secret(unproved) == "BadUserAccessDenied"
            unproved.close_session()
        assert change(chief, NIGHT, "RemoveApplication", text(uri)) == "Good"
        assert change(chief, NIGHT, "RemoveApplication", text(uri)) == "BadNotFound"
        chief.close_session()


def test_k06_a_role_counts_on_some_endpoints_only(server):
    with secure(server, "chief") as chief:
        assert change(chief, NIGHT, "AddEndpoint", endpoint(mode=3)) == "Good"
        assert change(chief, NIGHT, "AddEndpoint", endpoint()) == "BadInvalidArgument"
        assert chief.write(children(chief, NIGHT)["EndpointsExclude"], False, T.Boolean) == "Good"
        (shown,) = chief.value(children(chief, NIGHT)["Endpoints"])
        assert shown.SecurityMode == ua.MessageSecurityMode.SignAndEncrypt
        with secure(server, "nina") as encrypted, secure(server, "nina", mode=SIGN) as signed:
            assert write_secret(encrypted) == "Good"
            assert write_secret(signed) == "BadUserAccessDenied"
            encrypted.close_session()
            signed.close_session()
        assert change(chief, NIGHT, "RemoveEndpoint", endpoint(mode=3)) == "Good"
        chief.close_session()


@pytest.mark.parametrize("kind", ["thumbprint", "subject", "application", "any user"])
def test_k06_a_role_for_certificates_and_applications(server, kind):
    anna = certificates.issue("anna", uri="urn:people:anna")
    trusted = server.folder / "data" / "pki" / "users" / "trusted"
    (trusted / "anna.der").write_bytes(anna.der)
    with secure(server, "chief") as chief:
        command("trust", "list", "--config", server.file, cwd=server.folder)
        rule = {
            "thumbprint": identity(THUMBPRINT, hashlib.sha1(anna.der).hexdigest().upper()),
            "subject": identity(SUBJECT, "CN=anna"),
            "application": identity(APPLICATION, server.identity.uri),
            "any user": identity(ANY_USER),
        }[kind]
        assert change(chief, NIGHT, "AddIdentity", rule) == "Good"
        with SecureSession(server, activate=False) as session:
            token, signature = certificate_token(session, anna)
            session.activate(token=token, token_signature=signature)
            assert write_secret(session) == "Good"
            session.close_session()
        chief.close_session()


def test_k06_only_security_administrators_over_encrypted_channels_change_roles(server):
    rule = identity(USER_NAME, "otto")
    with log_in(server, "chief", PASSWORD) as plain, secure(server, "chief", mode=SIGN) as signed:
        for session in (plain, signed):
            assert change(session, OPERATOR, "AddIdentity", rule) == "BadSecurityModeInsufficient"
            parts = children(session, OPERATOR)
            assert session.read_status(parts["Identities"]) == "BadSecurityModeInsufficient"
            assert session.write(parts["ApplicationsExclude"], False, T.Boolean) == "BadSecurityModeInsufficient"
            session.close_session()
    with secure(server, "otto") as otto:
        assert change(otto, OPERATOR, "AddIdentity", rule) == "BadUserAccessDenied"
        made = otto.call_methods((ROLE_SET, ADD_ROLE, text("Mine"), text("")))[0]
        assert status(made.StatusCode) == "BadUserAccessDenied"
        assert otto.read_status(children(otto, OPERATOR)["Identities"]) == "BadUserAccessDenied"
        otto.close_session()


def test_k06_calls_that_make_no_sense_are_refused(server):
    with secure(server, "chief") as chief:
        assert change(chief, ROLE_SET, "AddIdentity", identity(USER_NAME, "otto")) == "BadMethodInvalid"
        assert change(chief, "i=2253", "AddIdentity", identity(USER_NAME, "otto")) == "BadMethodInvalid"
        observers = children(chief, OBSERVER)["AddIdentity"]
        other = chief.call_methods((OPERATOR, observers, identity(USER_NAME, "otto")))[0]
        assert status(other.StatusCode) == "BadMethodInvalid"
        assert change(chief, OPERATOR, "AddIdentity", text("otto")) == "BadInvalidArgument"
        assert change(chief, OPERATOR, "AddIdentity", identity(USER_NAME, "")) == "BadInvalidArgument"
        assert change(chief, OPERATOR, "AddIdentity", identity(ANY_USER, "somebody")) == "BadInvalidArgument"
        for unknown in (3, 4):
            assert change(chief, OPERATOR, "AddIdentity", identity(unknown, "group")) == "BadNotSupported"
        missing = chief.call_methods((OPERATOR, TYPE_METHODS["AddIdentity"]))[0]
        assert status(missing.StatusCode) == "BadArgumentsMissing"
        assert chief.write(children(chief, OPERATOR)["Identities"], 1, T.Int32) == "BadNotWritable"
        chief.close_session()


def test_k06_changes_are_in_the_audit_log_and_told_to_auditors(server):
    with secure(server, "chief") as chief, secure(server, "chief") as auditor:
        made = auditor.subscribe(interval=50.0, keep_alive=2).SubscriptionId
        filter_ = ua.EventFilter()
        for name, type_ in (("EventType", 2041), ("SourceNode", 2041), ("Status", 2052), ("MethodId", 2127)):
            clause = ua.SimpleAttributeOperand()
            clause.TypeDefinitionId, clause.BrowsePath = ua.NodeId(type_), [ua.QualifiedName(name, 0)]
            clause.AttributeId = ua.AttributeIds.Value
            filter_.SelectClauses.append(clause)
        item = auditor.item("i=2253", attribute=12, queue=100, filter_=filter_)
        assert status(auditor.monitor(made, [item])[0].StatusCode) == "Good"
        assert change(chief, OPERATOR, "AddIdentity", identity(USER_NAME, "otto")) == "Good"
        events = []

        def is_told():
            for data in auditor.publish().NotificationMessage.NotificationData or []:
                events.extend([field.Value for field in event.EventFields] for event in data.Events)
            return [event for event in events if event[0] == ua.NodeId(17641)]

        (event,) = wait_until(is_told, 5 * SLOW, "the event")
        assert event[1:] == [node(OPERATOR), True, node(TYPE_METHODS["AddIdentity"])]
        auditor.close_session()
        chief.close_session()
    shown = command("audit", "show", "--json", "--config", server.file, cwd=server.folder)
    records = [json.loads(line) for line in shown.stdout.splitlines()]
    (record,) = [record for record in records if record["what"] == "role-changed"]
    assert (record["user"], record["role"], record["change"]) == ("chief", "operator", "identity added")
    assert "otto" in record["subject"] and record["result"] == "Good"


def test_k06_the_users_file_gives_a_role_of_the_configuration(server):
    add = lambda role: command(
        "user", "add", "otto", "--role", "observer", "--role", role, "--config", server.file,
        cwd=server.folder, TAGWIRE_PASSWORD=PASSWORD,
    )
    assert "there is no role" in add("night-shft").stderr
    assert add("night-shift").returncode == 0
    with log_in(server, "otto", PASSWORD) as otto:
        assert write_secret(otto) == "Good"
        otto.close_session()
    server.configure(CONFIG.replace("night-shift", "day-shift"))
    server.reload()
    with log_in(server, "otto", PASSWORD) as otto:
        assert write_secret(otto) == "BadUserAccessDenied"
        otto.close_session()
    assert "gives a role that is not there" in server.process.output
