"""Roles, rules and user certificates: docs/roles.md is the matrix, and each of its cells is tried here."""

import re
from pathlib import Path

import pytest
from asyncua import ua

from harness import certificates
from harness.history import INSERT, NOON, REPLACE, change, data_value, raw
from harness.history import read as read_history
from harness.plant import SecuredServer
from harness.process import SLOW, wait_until
from harness.product import command, sim_device
from harness.secured import SecureSession
from harness.session import Session, tag
from harness.tokens import certificate_token, log_in
from harness.wire import Closed, Fault, status

T = ua.VariantType
PAGE = (Path(__file__).parents[2] / "docs" / "roles.md").read_text()
CONFIG = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL).group(1)
PASSWORD = "one for all 4711"
ROLES = ("observer", "operator", "engineer", "supervisor", "configure-admin", "security-admin")
TAGS = "\n".join(f"{group}.value static i32 rw" for group in ("open", "safe", "secret", "sealed"))


def table(first: str):
    """The rows of the table whose first column is headed `first`, each a dictionary."""
    lines = PAGE.splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith(f"| {first} |"))
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return [dict(zip(rows[0], row, strict=True)) for row in rows[2:]]


def configuration(rules=CONFIG):
    kept = '[[history.rule]]\npath = "mem.all.open"\n'
    return sim_device(TAGS) + '[access]\nusers = "users.toml"\n' + rules + kept


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = SecuredServer(tmp_path_factory.mktemp("roles"))
    server.anonymous = "read"
    server.configure(configuration())
    for name, role in [(role, role) for role in ROLES] + [("nina", "observer")]:
        server.add_user(name, role, PASSWORD)
    with server:
        yield server


def session_of(server, user):
    return Session(server.port) if user == "anonymous" else log_in(server, user, PASSWORD)


def node(name):
    return "i=2253" if name == "Server" else tag(name)


def call(session):
    """A method that does nothing: the items of a subscription that does not exist."""
    (called,) = session.call_methods(("i=2253", "i=11492", ua.Variant(4_000_000_000, T.UInt32)))
    result = status(called.StatusCode)
    return "Good" if result == "BadSubscriptionIdInvalid" else result


def subscribe_events(session, id_):
    select = ua.SimpleAttributeOperand()
    select.TypeDefinitionId, select.AttributeId = ua.NodeId(2041), ua.AttributeIds.Value
    select.BrowsePath = [ua.QualifiedName("Message", 0)]
    filter_ = ua.EventFilter()
    filter_.SelectClauses = [select]
    made = session.subscribe()
    (result,) = session.monitor(made.SubscriptionId, [session.item(id_, attribute=12, filter_=filter_)])
    session.delete_subscription(made.SubscriptionId)
    return status(result.StatusCode)


def attempts(name):
    """What can be tried on a node, by letter."""
    id_ = node(name)
    tries = {
        "b": lambda session: status(session.browse(id_).StatusCode),
        "p": lambda session: session.read_status(id_, 24),
    }
    if name.endswith(".value"):
        tries["r"] = lambda session: session.read_status(id_)
        tries["w"] = lambda session: session.write(id_, 7, T.Int32)
    else:
        tries["e"] = lambda session: subscribe_events(session, id_)
    if name == "Server":
        tries["c"] = call
    return tries


REFUSED = {"b": "BadNodeIdUnknown"}
USERS = [column for column in table("node")[0] if column != "node"]


@pytest.mark.parametrize("user", USERS)
def test_k05_every_cell_of_the_matrix(server, user):
    with session_of(server, user) as session:
        found = {}
        for row in table("node"):
            allowed = ""
            for letter, attempt in attempts(row["node"]).items():
                result = attempt(session)
                if result == "Good":
                    allowed += letter
                elif ".sealed." in row["node"] and result == "BadSecurityModeInsufficient":
                    pass
                else:
                    assert result == REFUSED.get(letter, "BadUserAccessDenied"), (row["node"], letter, result)
            found[row["node"]] = "".join(sorted(allowed))
        assert found == {row["node"]: "".join(sorted(row[user])) for row in table("node")}
        session.close_session()


def test_k05_nothing_that_may_not_be_seen_is_listed(server):
    def children(session):
        return {r.BrowseName.Name for r in session.browse(tag("mem.all")).References}

    with session_of(server, "nina") as session:
        assert {"open", "safe", "secret", "sealed"} <= children(session)
        session.close_session()
    with session_of(server, "supervisor") as session:
        assert {"open"} == children(session) & {"open", "safe", "secret", "sealed"}
        session.close_session()


def test_k05_one_request_with_allowed_and_refused_values(server):
    """A24: what is allowed is done, and nothing else."""
    with session_of(server, "operator") as session:
        items = [(tag(f"mem.all.{group}.value"), ua.Variant(11, T.Int32), None) for group in ("open", "safe", "secret")]
        assert session.write_values(items) == ["Good", "BadUserAccessDenied", "BadUserAccessDenied"]
        session.close_session()
    with session_of(server, "nina") as session:
        assert session.value(tag("mem.all.secret.value")) != 11
        session.close_session()


def test_k05_a_refused_value_cannot_be_subscribed(server):
    with session_of(server, "observer") as session:
        made = session.subscribe()
        items = [session.item(tag(f"mem.all.{group}.value")) for group in ("open", "safe", "secret", "sealed")]
        results = [status(result.StatusCode) for result in session.monitor(made.SubscriptionId, items)]
        assert results == ["Good", "Good", "BadUserAccessDenied", "BadSecurityModeInsufficient"]
        session.close_session()


def test_k05_permissions_name_the_roles(server):
    with session_of(server, "security-admin") as session:
        (value,) = session.read_values([tag("mem.all.secret.value")], attribute=24)
        permissions = {item.RoleId.to_string(): item.Permissions for item in value.Value.Value}
        browse, read, write = 1, 0x20, 0x40
        assert permissions["ns=1;s=role:night-shift"] & (browse | read | write) == browse | read | write
        assert all(not bits & (read | write) for id_, bits in permissions.items() if "night-shift" not in id_)
        session.close_session()
    with session_of(server, "operator") as session:
        (value,) = session.read_values([tag("mem.all.open.value")], attribute=25)
        assert {item.RoleId.Identifier for item in value.Value.Value} == {15644, 15656, 15680}
        session.close_session()


@pytest.mark.parametrize("role", ROLES)
def test_k05_history_is_for_those_whose_role_says_so(server, role):
    rights = {row["operation"]: row[role] == "x" for row in table("operation")}
    value, denied = tag("mem.all.open.value"), "BadUserAccessDenied"
    deletion = ua.DeleteAtTimeDetails()
    deletion.NodeId, deletion.ReqTimes = value, [NOON]
    with session_of(server, role) as session:
        assert (status(read_history(session, value, raw(0, 5)).StatusCode) != denied) == rights["history-read"]
        for mode, right in ((INSERT, "history-insert"), (REPLACE, "history-modify")):
            new = ua.UpdateDataDetails()
            new.NodeId, new.PerformInsertReplace, new.UpdateValues = value, mode, [data_value(1, 1, kind=T.Int32)]
            assert (status(change(session, new)[0].StatusCode) != denied) == rights[right], right
        assert (status(change(session, deletion)[0].StatusCode) != denied) == rights["history-delete"]
        session.close_session()


def test_k07_an_encrypted_channel_opens_what_is_sealed(server):
    value = tag("mem.all.sealed.value")
    with SecureSession(server) as session:
        assert session.read_status(value) == "Good"
        (restrictions,) = session.read_values([value], attribute=26)
        assert restrictions.Value.Value == 2
        session.close_session()
    with Session(server.port) as session:
        assert session.read_status(value) == "BadSecurityModeInsufficient"
        (restrictions,) = session.read_values([tag("mem.all.open.value")], attribute=26)
        assert restrictions.Value.Value == 0
        session.close_session()


def test_k06_a_changed_rule_counts_after_a_reload(tmp_path):
    server = SecuredServer(tmp_path)
    server.anonymous = "write"
    server.configure(configuration(""))
    with server:
        value = tag("mem.all.open.value")
        with Session(server.port) as session:
            assert session.write(value, 1, T.Int32) == "Good"
            server.configure(configuration('[[access.rule]]\npath = "mem.all.open"\nread = "operator"\n'))
            planned = command("plan", "--config", server.file, cwd=server.folder)
            assert "who may do what" in planned.stdout
            server.reload()
            with pytest.raises((Fault, Closed)):
                session.write(value, 2, T.Int32)
        with Session(server.port) as session:
            assert session.write(value, 2, T.Int32) == "BadUserAccessDenied"
            assert session.value(value) == 1
            session.close_session()


def user_certificate(name, **how):
    return certificates.issue(name, uri=f"urn:people:{name}", **how)


def certificate_log_in(server, user, **how) -> str:
    """Logs in with a certificate on the unsecured endpoint; returns the status and closes the session again."""
    with Session(server.port, activate=False) as session:
        token, signature = certificate_token(session, user, **how)
        try:
            session.activate(token=token, token_signature=signature)
        except Fault as fault:
            return str(fault)
        session.close_session()
        return "Good"


def trust_user(server, user):
    folder = server.folder / "data" / "pki" / "users" / "trusted"
    (folder / f"{user.uri.rsplit(':', 1)[1]}.der").write_bytes(user.der)


def test_s19_a_trusted_certificate_is_let_in_with_its_roles(server):
    offered = {p.TokenType for e in server.endpoints() for p in e.UserIdentityTokens}
    assert ua.UserTokenType.Certificate in offered
    anna = user_certificate("anna")
    assert certificate_log_in(server, anna) == "BadIdentityTokenRejected"
    listed = command("trust", "list", "--config", server.file, cwd=server.folder).stdout
    assert "users waiting for a decision" in listed and "tagwire trust accept" in listed
    accepted = command("trust", "accept", anna.fingerprint[:16], "--config", server.file, cwd=server.folder)
    assert accepted.returncode == 0, accepted.stderr
    assert certificate_log_in(server, anna) == "Good"
    with Session(server.port, activate=False) as session:
        token, signature = certificate_token(session, anna)
        session.activate(token=token, token_signature=signature)
        assert session.read_status(tag("mem.all.open.value")) == "BadUserAccessDenied", "no role yet"
        assert session.read_status("i=2256") == "Good"
        command("trust", "reject", anna.fingerprint[:16], "--config", server.file, cwd=server.folder)

        def is_over():
            try:
                session.read_status("i=2256")
            except (Fault, Closed):
                return True
            return False

        wait_until(is_over, 5 * SLOW, "the session of a user who is not trusted any more ends")


def test_s19_a_role_for_a_certificate(tmp_path):
    anna = user_certificate("anna")
    server = SecuredServer(tmp_path)
    server.anonymous = "none"
    digits = anna.fingerprint
    role = f'[[access.role]]\nname = "operator"\ncertificates = "{digits}"\n'
    server.configure(configuration(role))
    with server:
        trust_user(server, anna)
        for make in (lambda: Session(server.port, activate=False), lambda: SecureSession(server, activate=False)):
            with make() as session:
                token, signature = certificate_token(session, anna)
                session.activate(token=token, token_signature=signature)
                assert session.write(tag("mem.all.open.value"), 3, T.Int32) == "Good"
                session.close_session()


def test_k05_the_way_to_what_may_be_seen_is_seen(tmp_path):
    carl = user_certificate("carl")
    server = SecuredServer(tmp_path)
    server.anonymous = "none"
    rules = f'[[access.role]]\nname = "night-shift"\ncertificates = "{carl.fingerprint}"\n'
    server.configure(configuration(rules + '[[access.rule]]\npath = "mem.all.secret"\nread = "night-shift"\n'))
    with server:
        trust_user(server, carl)
        with Session(server.port, activate=False) as session:
            token, signature = certificate_token(session, carl)
            session.activate(token=token, token_signature=signature)
            for above, seen in (("i=85", "mem"), (tag("mem"), "all"), (tag("mem.all"), "secret")):
                names = {r.BrowseName.Name for r in session.browse(above).References}
                assert seen in names and not names & {"open", "safe", "sealed", "_System"}, names
            assert session.read_status(tag("mem.all.secret.value")) == "Good"
            session.close_session()


def test_s19_expired_revoked_and_unproved_certificates(server):
    expired = user_certificate("old", days=(-10, -1))
    trust_user(server, expired)
    assert certificate_log_in(server, expired) == "BadIdentityTokenRejected"
    bert = user_certificate("bert")
    trust_user(server, bert)
    assert certificate_log_in(server, bert) == "Good"
    other = user_certificate("other")
    for how in ({"key": other.key}, {"signature": b""}, {"nonce": b"\x07" * 32}):
        assert certificate_log_in(server, bert, **how) == "BadUserSignatureInvalid", how
    assert certificate_log_in(server, bert, policy="certificate") == "BadIdentityTokenInvalid"


def test_s19_an_application_is_no_user(server):
    """A certificate that is trusted as an application is nobody's identity."""
    assert certificate_log_in(server, server.identity) == "BadIdentityTokenRejected"
