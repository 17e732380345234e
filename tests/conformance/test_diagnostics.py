"""Diagnostics, audit, roles, node management and redundancy, rows K01 to K11 of the conformance list."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from asyncua import ua

from harness.plant import PASSWORD as USER_PASSWORD
from harness.plant import USER, SecuredServer
from harness.process import SLOW, free_port, wait_until
from harness.product import Tagwire, sim_device
from harness.secured import SecureSession
from harness.session import Session, data_changes, tag
from harness.tokens import log_in, user_token
from harness.wire import Channel, Closed, Fault, Refused, status

SUMMARY = {
    "CurrentSessionCount": 2277,
    "CumulatedSessionCount": 2278,
    "CurrentSubscriptionCount": 2285,
    "CumulatedSubscriptionCount": 2286,
    "RejectedRequestsCount": 2288,
    "SecurityRejectedRequestsCount": 2287,
    "RejectedSessionCount": 3705,
    "SecurityRejectedSessionCount": 2279,
}
T = ua.VariantType


@pytest.fixture(scope="module")
def quiet(tmp_path_factory):
    """A server that no other test disturbs."""
    config = sim_device("value static i32 rw\ncounter counter(period=50ms) i32 ro")
    with Tagwire(tmp_path_factory.mktemp("quiet"), config) as server:
        yield server


def counters(session):
    values = session.read_values([ua.NodeId(number) for number in SUMMARY.values()])
    return dict(zip(SUMMARY, (value.Value.Value for value in values), strict=True))


def moved(session, before):
    """What changed since, and by how much."""
    return {name: value - before[name] for name, value in counters(session).items() if value != before[name]}


def test_k01_sessions_and_subscriptions_are_counted(quiet):
    with Session(quiet.port) as session:
        before = counters(session)
        with Session(quiet.port) as other:
            assert moved(session, before) == {"CurrentSessionCount": 1, "CumulatedSessionCount": 1}
            other.close_session()
        assert moved(session, before) == {"CumulatedSessionCount": 1}
        before = counters(session)
        made = session.subscribe()
        assert moved(session, before) == {"CurrentSubscriptionCount": 1, "CumulatedSubscriptionCount": 1}
        session.delete_subscription(made.SubscriptionId)
        assert moved(session, before) == {"CumulatedSubscriptionCount": 1}
        session.close_session()


def test_k01_refused_requests_are_counted(quiet):
    with Session(quiet.port) as session:
        before = counters(session)
        assert session.fault_of(lambda: session.call(ua.ReadRequest())) == "BadNothingToDo"
        assert moved(session, before) == {"RejectedRequestsCount": 1}
        session.close_session()


def test_k01_refused_sessions_are_counted(quiet):
    with Session(quiet.port) as session:
        before = counters(session)
        with Session(quiet.port, activate=False) as other:
            token = ua.UserNameIdentityToken()
            token.PolicyId, token.UserName, token.Password = "no such policy", "somebody", b"secret"
            assert other.fault_of(lambda: other.activate(token=token)) != "Good"
            assert moved(session, before)["RejectedSessionCount"] == 1
            other.close_session()
        session.close_session()


def moved_by_a_wrong_password(server):
    """What a log-in with a wrong password changes about the counters."""
    with log_in(server, "security-admin", PASSWORD) as session:
        before = counters(session)
        with Session(server.port, activate=False) as other:
            wrong = user_token(other, "security-admin", "wrong")
            assert other.fault_of(lambda: other.activate(token=wrong)) != "Good"
            changed = moved(session, before)
            other.close_session()
        session.close_session()
    return changed


def test_k01_sessions_refused_for_their_security_are_counted(closed):
    assert moved_by_a_wrong_password(closed)["SecurityRejectedSessionCount"] == 1


def test_k01_refusals_for_security_count_among_all_refusals(closed):
    assert moved_by_a_wrong_password(closed)["RejectedSessionCount"] == 1


ENABLED_FLAG = "i=2294"


ARRAYS = {"sessions": "i=3707", "security": "i=3708", "subscriptions": "i=2290"}


def test_k02_diagnostics_are_off_and_not_for_everybody_to_switch_on(quiet):
    with Session(quiet.port) as session:
        assert session.value(ENABLED_FLAG) is False
        assert session.write(ENABLED_FLAG, True, T.Boolean) == "BadUserAccessDenied"
        assert session.value(ENABLED_FLAG) is False
        for array in ARRAYS.values():
            assert session.read_status(array) == "BadUserAccessDenied", array
        session.close_session()


@pytest.fixture(scope="module")
def observed(tmp_path_factory):
    """A server with a user for security, who may switch diagnostics on, and one who only operates."""
    server = SecuredServer(tmp_path_factory.mktemp("observed"))
    server.anonymous = "write"
    tags = "counter counter(period=50ms) i32 ro\nvalue static i32 rw"
    server.configure(sim_device(tags) + '[access]\nusers = "users.toml"\n')
    server.add_user("admin", "security-admin", PASSWORD)
    with server:
        yield server


def secured(server, user) -> SecureSession:
    session = SecureSession(server, activate=False)
    session.activate(token=user_token(session, user, PASSWORD if user == "admin" else USER_PASSWORD))
    return session


def switch(session, on):
    assert session.write(ENABLED_FLAG, on, T.Boolean) == "Good"
    assert session.value(ENABLED_FLAG) is on


def array(session, which):
    value = session.read(ARRAYS[which])
    assert value.StatusCode is None or value.StatusCode.is_good(), value.StatusCode
    return value.Value.Value or []


def undecoded(session, id_) -> bytes:
    """The answer to a Read as bytes; asyncua takes the field Encoding of this structure for a mask."""
    request = ua.ReadRequest()
    item = ua.ReadValueId()
    item.NodeId, item.AttributeId = ua.NodeId.from_string(id_), 13
    request.Parameters.NodesToRead = [item]
    return session.answer(session.post(request))


def test_k02_an_administrator_switches_diagnostics_over_an_encrypted_channel(observed):
    with log_in(observed, "admin", PASSWORD) as plain:
        assert plain.write(ENABLED_FLAG, True, T.Boolean) == "BadSecurityModeInsufficient"
        assert plain.read_status(ARRAYS["sessions"]) == "BadSecurityModeInsufficient"
        plain.close_session()
    with secured(observed, "admin") as admin:
        assert admin.read_status(ARRAYS["sessions"]) == "BadNotReadable"
        assert admin.write(ENABLED_FLAG, 1, T.Int32) == "BadTypeMismatch"
        switch(admin, True)

        def own():
            (mine,) = [entry for entry in array(admin, "sessions") if entry.SessionId == admin.created.SessionId]
            return mine

        wait_until(lambda: own().ReadCount.TotalCount, 5 * SLOW, "there are diagnostics")
        mine = own()
        assert mine.ClientDescription.ApplicationUri == admin.application_uri
        assert mine.ActualSessionTimeout == 60_000.0 and mine.ReadCount.TotalCount >= 1
        told = undecoded(admin, ARRAYS["security"])
        assert all(part in told for part in (b"admin", b"UserName", b"#Basic256Sha256", admin.identity.der))
        switch(admin, False)
        assert admin.read_status(ARRAYS["sessions"]) == "BadNotReadable"
        admin.close_session()
    with secured(observed, USER) as operator:
        assert operator.write(ENABLED_FLAG, True, T.Boolean) == "BadUserAccessDenied"
        assert operator.read_status(ARRAYS["security"]) == "BadUserAccessDenied"
        operator.close_session()


def test_k03_subscription_diagnostics_agree_with_what_a_client_sees(observed):
    with secured(observed, "admin") as admin, Session(observed.port) as client:
        switch(admin, True)
        made = client.subscribe(interval=50.0, keep_alive=7)
        items = [client.item(tag("mem.all.counter"), handle=1), client.item(tag("mem.all.value"), handle=2, mode=0)]
        assert all(result.StatusCode.is_good() for result in client.monitor(made.SubscriptionId, items))
        n_changes = sum(len(data_changes(client.publish())) for _ in range(4))

        def diagnostics():
            found = [entry for entry in array(admin, "subscriptions") if entry.SubscriptionId == made.SubscriptionId]
            return found[0] if found and found[0].PublishRequestCount >= 4 else None

        wait_until(diagnostics, 5 * SLOW, "the subscription is told of")
        seen = diagnostics()
        assert seen.SessionId == client.created.SessionId
        assert (seen.PublishingInterval, seen.MaxKeepAliveCount) == (made.RevisedPublishingInterval, made.RevisedMaxKeepAliveCount)
        assert (seen.MonitoredItemCount, seen.DisabledMonitoredItemCount) == (2, 1)
        assert seen.DataChangeNotificationsCount == seen.NotificationsCount == n_changes
        assert seen.PublishingEnabled and seen.UnacknowledgedMessageCount == 4 and seen.NextSequenceNumber == 5
        (session,) = [entry for entry in array(admin, "sessions") if entry.SessionId == client.created.SessionId]
        assert (session.CurrentSubscriptionsCount, session.CurrentMonitoredItemsCount) == (1, 2)
        assert session.PublishCount.TotalCount == 4 and session.CreateSubscriptionCount.TotalCount == 1
        switch(admin, False)
        client.close_session()
        admin.close_session()


SUMMARY_OBJECT = "i=3706"
HAS_COMPONENT, SESSION_OBJECT_TYPE, ARRAY_TYPE, SUBSCRIPTION_TYPE = "i=47", 2029, 2171, 2172
PARTS = {"SessionDiagnostics": 2197, "SessionSecurityDiagnostics": 2244, "SubscriptionDiagnosticsArray": ARRAY_TYPE}
FIELDS = {"SessionDiagnostics": 43, "SessionSecurityDiagnostics": 9}


def components(session, id_):
    """What a node has, by name."""
    result = session.browse(id_, reference=HAS_COMPONENT)
    assert result.StatusCode.is_good(), status(result.StatusCode)
    return {reference.BrowseName.Name: reference for reference in result.References}


def sessions_shown(session):
    """The sessions below SessionsDiagnosticsSummary by their ids; the arrays there are not sessions."""
    found = session.browse(SUMMARY_OBJECT, reference=HAS_COMPONENT, classes=1).References
    return {reference.NodeId: reference for reference in found}


def test_k03_each_session_is_an_object_with_what_its_type_says(observed):
    with secured(observed, "admin") as admin, Session(observed.port, create=False) as client:
        assert not sessions_shown(admin), "without diagnostics there are no sessions to see"
        switch(admin, True)
        client.create(name="boiler room 7")
        client.activate()
        made = client.subscribe(interval=50.0)
        client.monitor(made.SubscriptionId, [client.item(tag("mem.all.value"), handle=2)])
        id_ = client.created.SessionId
        shown = sessions_shown(admin)[id_]
        assert (shown.BrowseName.Name, shown.NodeClass, shown.TypeDefinition.Identifier) == ("boiler room 7", 1, SESSION_OBJECT_TYPE)
        assert shown.NodeId.NamespaceIndex == shown.BrowseName.NamespaceIndex == 1
        parts = components(admin, id_)
        assert {name: part.TypeDefinition.Identifier for name, part in parts.items()} == PARTS
        for name, n_fields in FIELDS.items():
            fields = components(admin, parts[name].NodeId)
            assert len(fields) == n_fields
            values = {field: admin.read(reference.NodeId) for field, reference in fields.items()}
            bad = [field for field, value in values.items() if not value.StatusCode.is_good()]
            assert not bad and values["SessionId"].Value.Value == id_
            for attribute in (1, 2, 3, 4, 14, 15, 17, 18, 20):
                answers = admin.read_values([reference.NodeId for reference in fields.values()], attribute=attribute)
                assert all(answer.StatusCode.is_good() for answer in answers), attribute
        wait_until(lambda: components(admin, parts["SubscriptionDiagnosticsArray"].NodeId), 5 * SLOW, "the subscription is shown")
        elements = components(admin, parts["SubscriptionDiagnosticsArray"].NodeId)
        (element,) = elements.values()
        assert list(elements) == [str(made.SubscriptionId)] and element.TypeDefinition.Identifier == SUBSCRIPTION_TYPE
        fields = components(admin, element.NodeId)
        assert len(fields) == 31 and admin.value(fields["SubscriptionId"].NodeId) == made.SubscriptionId
        assert admin.value(fields["MonitoredItemCount"].NodeId) == 1
        whole = admin.value(parts["SubscriptionDiagnosticsArray"].NodeId)
        assert [entry.SubscriptionId for entry in whole] == [made.SubscriptionId]
        assert admin.value(element.NodeId).SubscriptionId == made.SubscriptionId
        above = admin.browse(fields["SubscriptionId"].NodeId, direction=1).References
        assert [reference.NodeId for reference in above] == [element.NodeId]
        client.close_session()
        assert id_ not in sessions_shown(admin), "the object ends with its session"
        for gone in (id_, parts["SessionDiagnostics"].NodeId, fields["SubscriptionId"].NodeId):
            assert admin.read_status(gone, attribute=1) == "BadNodeIdUnknown"
        switch(admin, False)
        assert not sessions_shown(admin)
        admin.close_session()


def test_k03_the_single_figures_agree_with_the_structure_and_can_be_watched(observed):
    with secured(observed, "admin") as admin, Session(observed.port) as client:
        switch(admin, True)
        parts = components(admin, client.created.SessionId)
        fields = components(admin, parts["SessionDiagnostics"].NodeId)
        for _ in range(5):
            client.read("i=2258")
        count = lambda: admin.value(fields["ReadCount"].NodeId).TotalCount
        wait_until(lambda: count() == 5, 5 * SLOW, "the reads are counted")
        whole = admin.value(parts["SessionDiagnostics"].NodeId)
        for name, reference in fields.items():
            if name != "ClientLastContactTime":
                assert admin.value(reference.NodeId) == getattr(whole, name), name
        path = ua.TranslateBrowsePathsToNodeIdsRequest()
        start = ua.BrowsePath()
        start.StartingNode = client.created.SessionId
        for name in ("SessionDiagnostics", "ReadCount"):
            element = ua.RelativePathElement(IncludeSubtypes=True, IsInverse=False)
            element.ReferenceTypeId, element.TargetName = ua.NodeId(33), ua.QualifiedName(name)
            start.RelativePath.Elements.append(element)
        path.Parameters.BrowsePaths = [start]
        (target,) = admin.call(path).Results[0].Targets
        assert target.TargetId == fields["ReadCount"].NodeId
        made = admin.subscribe(interval=50.0)
        (watched,) = admin.monitor(made.SubscriptionId, [admin.item(fields["CurrentSubscriptionsCount"].NodeId, handle=5)])
        assert watched.StatusCode.is_good()
        client.subscribe(interval=1000.0)
        told = []

        def heard_of_it():
            told.extend(change.Value.Value for _, change in data_changes(admin.publish()))
            return 1 in told

        wait_until(heard_of_it, 5 * SLOW, "the figure changes")
        for id_ in (fields["ReadCount"].NodeId, parts["SessionDiagnostics"].NodeId):
            assert admin.write(id_, 1, T.UInt32) in ("BadNotWritable", "BadUserAccessDenied")
        switch(admin, False)
        for id_ in (fields["ReadCount"].NodeId, parts["SessionDiagnostics"].NodeId, client.created.SessionId):
            assert admin.read_status(id_, attribute=3) == "BadNodeIdUnknown", "nothing is left while diagnostics are off"
        client.close_session()
        admin.close_session()


def test_k02_sessions_are_shown_to_administrators_over_encrypted_channels_only(observed):
    with secured(observed, "admin") as admin:
        switch(admin, True)
        id_ = admin.created.SessionId
        parts = components(admin, id_)
        nodes = [id_, *(part.NodeId for part in parts.values())]
        nodes += [field.NodeId for name in FIELDS for field in components(admin, parts[name].NodeId).values()]
        visitors = [
            (secured(observed, USER), "BadUserAccessDenied"),
            (Session(observed.port), "BadUserAccessDenied"),
            (log_in(observed, "admin", PASSWORD), "BadSecurityModeInsufficient"),
        ]
        for other, refused in visitors:
            with other:
                assert not sessions_shown(other)
                for node in nodes:
                    assert other.read_status(node, attribute=3) == refused
                for node in nodes[1:]:
                    assert other.read_status(node) == refused
                    assert status(other.browse(node).StatusCode) == "BadNodeIdUnknown"
                made = other.subscribe()
                (item,) = other.monitor(made.SubscriptionId, [other.item(nodes[1])])
                assert status(item.StatusCode) == refused
                other.close_session()
        switch(admin, False)
        admin.close_session()


def test_k03_all_sessions_are_shown_and_browsed_in_pages(observed):
    """Sessions that end while a client pages through them are not told twice, and none of the others is left out."""
    with secured(observed, "admin") as admin:
        switch(admin, True)
        crowd = [Session(observed.port) for _ in range(40)]
        ids = {one.created.SessionId for one in crowd} | {admin.created.SessionId}
        assert set(sessions_shown(admin)) == ids
        page = admin.browse(SUMMARY_OBJECT, max_references=7, reference=HAS_COMPONENT, classes=1)
        seen = [reference.NodeId for reference in page.References]
        for one in crowd[:20]:
            one.close_session()
        while page.ContinuationPoint:
            (page,) = admin.browse_next([page.ContinuationPoint])
            seen += [reference.NodeId for reference in page.References]
        assert len(seen) == len(set(seen))
        for one in crowd[20:]:
            assert one.created.SessionId in seen
            one.close_session()
        assert set(sessions_shown(admin)) == {admin.created.SessionId}
        switch(admin, False)
        admin.close_session()


def test_k03_node_opcua_reads_the_diagnostics_of_a_session(observed):
    with secured(observed, "admin") as admin, Session(observed.port, create=False) as client:
        client.create(name="seen by node")
        client.activate()
        switch(admin, True)
        wait_until(lambda: client.created.SessionId in sessions_shown(admin), 5 * SLOW, "sessions are shown")
        program = Path(__file__).parents[1] / "peers" / "node" / "diagnostics.js"
        identity = observed.identity
        words = ["node", program, observed.url, identity.certificate_pem, identity.key_pem, "admin", PASSWORD, "seen by node"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60 * SLOW, env=os.environ)
        assert done.returncode == 0, done.stderr
        told = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))
        assert told["parts"] == sorted(PARTS) and told["name"] == "seen by node"
        assert told["uri"] == client.application_uri and told["fields"] == 43 and told["bad"] == []
        switch(admin, False)
        client.close_session()
        admin.close_session()


@pytest.fixture(scope="module")
def closed(tmp_path_factory):
    """A server that admits nobody without a name, with a user for security."""
    server = SecuredServer(tmp_path_factory.mktemp("closed"))
    server.anonymous = "none"
    server.configure(sim_device("value static i32 rw") + '[access]\nusers = "users.toml"\n')
    server.add_user("security-admin", "security-admin", PASSWORD)
    with server:
        yield server


PASSWORD = "one for all 4711"


def test_k05_nobody_is_admitted_without_a_name(closed):
    with Session(closed.port, activate=False) as session:
        token = ua.AnonymousIdentityToken()
        token.PolicyId = "anonymous"
        refused = session.fault_of(lambda: session.activate(token=token))
        assert refused in ("BadIdentityTokenRejected", "BadUserAccessDenied", "BadIdentityTokenInvalid")


def invoke(session, object_id, method, *arguments) -> str:
    (result,) = session.call_methods((ua.NodeId(object_id), ua.NodeId(method), *arguments))
    return status(result.StatusCode)


NOT_CALLABLE = ("BadMethodInvalid", "BadNotExecutable", "BadUserAccessDenied", "BadNodeIdUnknown", "BadNotSupported")


NODE_MANAGEMENT = [ua.AddNodesRequest, ua.DeleteNodesRequest, ua.AddReferencesRequest, ua.DeleteReferencesRequest]


@pytest.mark.pending("clients do not manage nodes")
@pytest.mark.parametrize("service", NODE_MANAGEMENT)
def test_k08_node_management_is_refused(quiet, service):
    with Session(quiet.port) as session:
        assert session.fault_of(lambda: session.call(service())) == "BadServiceUnsupported"
        session.close_session()


def test_k10_a_shutdown_ends_cleanly(tmp_path):
    with Tagwire(tmp_path, "") as server:
        session = Session(server.port)
        server.process.signal(signal.SIGTERM)
        with pytest.raises((Closed, Refused, Fault)):
            for _ in range(2000):
                session.read("i=2258")
                time.sleep(0.005)
        session.close()
        assert server.process.wait(10 * SLOW) == 0
        assert "panicked" not in server.process.output
        server.process = None


def test_k10_a_shutdown_is_announced(tmp_path):
    """A client that watches the state of the server sees it change, with the seconds that are left."""
    with Tagwire(tmp_path, "") as server:
        session = Session(server.port)
        made = session.subscribe(interval=50.0, keep_alive=1)
        session.monitor(made.SubscriptionId, [session.item("i=2259", handle=1), session.item("i=2992", handle=2)])
        wait_until(lambda: data_changes(session.publish()), 5 * SLOW, "the first values")
        server.process.signal(signal.SIGTERM)
        told = []
        with pytest.raises((Closed, Refused, Fault)):
            while True:
                told += data_changes(session.publish())
        session.close()
        server.process.wait(10 * SLOW)
        server.process = None
        assert (1, 4) in [(handle, change.Value.Value) for handle, change in told], told


@pytest.mark.pending("redundant servers come later")
def test_k11_a_server_alone_says_so(quiet):
    with Session(quiet.port) as session:
        assert session.value("i=3709") == 0
        assert len(session.value("i=2254")) == 1
        assert 200 <= session.value("i=2267") <= 255
        session.close_session()
    with Channel(quiet.port) as channel:
        request = ua.FindServersRequest()
        request.Parameters.EndpointUrl = channel.url
        assert len(channel.call(request).Servers) == 1


def test_k11_the_service_level_follows_the_devices(tmp_path):
    """Two devices on a port where nobody listens: there is no data, and the service level says so."""
    tags = '[[link.device.tag]]\nname = "r"\naddress = "400001"\ntype = "u16"\n'
    config = f'[[link]]\nname = "line"\ndriver = "modbus-tcp"\naddress = "127.0.0.1:{free_port()}"\n'
    config += 'connect_timeout = "1s"\n'
    for unit in (1, 2):
        config += f'[[link.device]]\nname = "d{unit}"\nunit = {unit}\nscan = "100ms"\n{tags}'
    with Tagwire(tmp_path, config) as server, Session(server.port) as session:
        wait_until(lambda: session.value("i=2267") == 1, 5 * SLOW, "the service level says so", step=0.1)
        session.close_session()
