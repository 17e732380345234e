"""Events, rows E01 to E06 and K04 of the conformance list: on the wire, and with the clients that people use."""

import asyncio
import os
import subprocess
import time

import opcua
import pytest
from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from opcua import ua as old_ua

from harness import certificates
from harness.device import Device
from harness.events import (
    AND,
    AUDIT,
    BETWEEN,
    BITWISE_AND,
    BITWISE_OR,
    CAST,
    EQUALS,
    FAILURE,
    FIELDS,
    GREATER,
    GREATER_EQUAL,
    IN_LIST,
    IN_VIEW,
    IS_NULL,
    LESS,
    LESS_EQUAL,
    LIKE,
    MODEL_CHANGE,
    NOT,
    OF_TYPE,
    OR,
    OVERFLOW,
    RELATED_TO,
    SERVER,
    STATUS_CHANGE,
    SYSTEM,
    element,
    field,
    filter_,
    literal,
    of,
    of_type,
)
from harness.history import ENGINEER, REPLACE, add_engineer, data_value, delete_at, engineer, filled, update
from harness.plant import PASSWORD, USER, SecuredServer
from harness.process import SLOW, wait_until
from harness.product import Tagwire, sim_device
from harness.session import Session, node, tag
from harness.tokens import log_in
from harness.wire import status

NOTIFIER = 12
ADMIN, ADMIN_PASSWORD = "auditor", "reads the audit log 7"


def watch(session, subscription, id_=SERVER, filter__=None, **how):
    """An event item that must be made; returns the result."""
    item = session.item(id_, attribute=NOTIFIER, filter_=filter__ or filter_(), **how)
    result = session.monitor(subscription, [item])[0]
    assert result.StatusCode.is_good(), status(result.StatusCode)
    return result


def refusal(session, id_=SERVER, filter__=None, attribute=NOTIFIER):
    """The result of an event item that must not be made."""
    subscription = session.subscribe().SubscriptionId
    result = session.monitor(subscription, [session.item(id_, attribute=attribute, filter_=filter__)])[0]
    session.delete_subscription(subscription)
    return result


def told(answer, handle=None):
    """The fields of each event of a PublishResult, by handle when one is given."""
    found = []
    for data in answer.NotificationMessage.NotificationData or []:
        if isinstance(data, ua.EventNotificationList):
            for event in data.Events:
                if handle is None or event.ClientHandle == handle:
                    found.append([value.Value for value in event.EventFields])
    return found


def by_name(values):
    return dict(zip(FIELDS, values))


def type_number(event):
    return event["EventType"].Identifier


def collect(session, count, seconds=10, handle=None):
    """Publishes until `count` events came."""
    found, pending = [], []
    end = time.monotonic() + seconds * SLOW
    while len(found) < count:
        assert time.monotonic() < end, f"only {found}"
        answer = session.publish(pending)
        pending = []
        if answer.NotificationMessage.NotificationData:
            pending = [(answer.SubscriptionId, answer.NotificationMessage.SequenceNumber)]
        found += told(answer, handle)
    return found


def quiet(session, cycles=3):
    """The events of a few publishing cycles."""
    return [event for _ in range(cycles) for event in told(session.publish())]


def modbus(port, link="line1", device="press"):
    return (
        f'[[link]]\nname = "{link}"\ndriver = "modbus-tcp"\naddress = "127.0.0.1:{port}"\nconnect_timeout = "1s"\n'
        f'[[link.device]]\nname = "{device}"\nscan = "50ms"\nrequest_timeout = "300ms"\nattempts = 1\n'
        '[[link.device.tag]]\nname = "speed"\naddress = "40001"\ntype = "u16"\naccess = "rw"\n'
    )


STEADY = sim_device("steady static i32 rw", link="mem", device="all")


def config(*more):
    return STEADY + "".join(more)


@pytest.fixture
def own(tmp_path):
    """A server of the test's own, whose configuration it may change, and a session."""
    with Tagwire(tmp_path, config(extra(0))) as server, Session(server.port) as session:
        yield server, session


def extra(number):
    return sim_device(f"n{number} static i32 rw", link="extra", device="d")


def reload(server, number):
    """A reload that changes something: two events, the news and the change of nodes."""
    server.configure(config(extra(number)))
    server.reload()


@pytest.fixture
def plc(tmp_path):
    """A server with one PLC that can be killed."""
    device = Device().start()
    with Tagwire(tmp_path, config(modbus(device.port))) as server, Session(server.port) as session:
        wait_until(lambda: session.read_status(tag("line1.press.speed")) == "Good", 10 * SLOW, "the PLC answers")
        yield server, device, session
    device.stop()


def test_a_dead_plc_is_told_with_all_fields_at_every_notifier_above_it(plc):
    server, device, session = plc
    subscription = session.subscribe(interval=50.0, keep_alive=2).SubscriptionId
    for handle, id_ in enumerate([SERVER, tag("line1"), tag("line1.press"), tag("mem"), tag("mem.all")]):
        watch(session, subscription, id_, handle=handle)
    device.stop()
    found = {handle: [] for handle in range(5)}
    end = time.monotonic() + 20 * SLOW
    while not (len(found[0]) >= 2 and len(found[1]) >= 2 and found[2]):
        assert time.monotonic() < end, found
        answer = session.publish()
        for handle in found:
            found[handle] += [by_name(event) for event in told(answer, handle)]
    (of_device,) = found[2]
    assert type_number(of_device) == FAILURE
    assert of_device["SourceNode"] == tag("line1.press") and of_device["SourceName"] == "press"
    assert of_device["Message"].Text == "device line1.press does not answer" and of_device["Severity"] == 700
    assert len(of_device["EventId"]) == 16 and of_device["Time"] <= of_device["ReceiveTime"]
    sources = {event["SourceNode"].Identifier: type_number(event) for event in found[0]}
    assert sources == {"line1": FAILURE, "line1.press": FAILURE}
    assert found[1] == found[0], "a link tells what happens to its devices"
    assert len({event["EventId"] for event in found[0]}) == len(found[0])
    assert found[3] == found[4] == []
    device.start()
    back = [by_name(event) for event in collect(session, 2, 20, handle=1)]
    assert {type_number(event) for event in back} == {SYSTEM}
    assert {event["Message"].Text for event in back} == {"link line1 is connected", "device line1.press answers again"}


def test_reloads_are_told(own):
    server, session = own
    subscription = session.subscribe(interval=50.0).SubscriptionId
    watch(session, subscription)
    reload(server, 1)
    news, model = (by_name(event) for event in collect(session, 2))
    assert type_number(news) == SYSTEM and "1 tags added" in news["Message"].Text
    assert type_number(model) == MODEL_CHANGE and model["SourceNode"] == SERVER and model["SourceName"] == "Server"
    server.reload()
    assert quiet(session) == [], "a reload that changes nothing is no news"


def test_the_end_of_the_server_is_told_before_a_long_publishing_interval_is_over(tmp_path):
    server = Tagwire(tmp_path, config()).start()
    with Session(server.port) as session:
        subscription = session.subscribe(interval=60_000.0).SubscriptionId
        select = [field("EventType"), field("SystemState", type_=STATUS_CHANGE), field("SystemState")]
        watch(session, subscription, filter__=filter_(select=select))
        request = session.post_publish()
        assert server.stop() == 0
        ((kind, state, again),) = told(session.take_publish(request))
        assert (kind.Identifier, state, again) == (STATUS_CHANGE, 4, 4)


def test_e01_select_clauses_get_a_code_each_and_the_item_is_made(own):
    server, session = own
    subscription = session.subscribe(interval=50.0).SubscriptionId
    clauses = [
        (field("Message"), "Good"),
        (field("NewValue"), "Good"),
        (field("EnabledState", "Id"), "Good"),
        (field("EnabledState", "Id", type_=2782), "Good"),
        (field("NewValue", type_=SYSTEM), "BadNodeIdUnknown"),
        (field("Nothing"), "BadNodeIdUnknown"),
        (field(ua.QualifiedName("Message", 2)), "BadNodeIdUnknown"),
        (field(ua.QualifiedName(None, 0)), "BadBrowseNameInvalid"),
        (field("Message", type_=2004), "BadTypeDefinitionInvalid"),
        (field("Message", type_=99_999_999), "BadTypeDefinitionInvalid"),
        (field("Message", attribute=4), "BadAttributeIdInvalid"),
        (field("Message", index_range="2:1"), "BadIndexRangeInvalid"),
        (field("Severity", index_range="1"), "BadTypeMismatch"),
        (field(type_=2782, attribute=1), "Good"),
    ]
    made = watch(session, subscription, filter__=filter_(select=[clause for clause, _ in clauses]))
    codes = [status(code) for code in made.FilterResult.SelectClauseResults]
    assert codes == [code for _, code in clauses]
    reload(server, 1)
    event = collect(session, 1)[0]
    assert len(event) == len(clauses) and "configuration" in event[0].Text
    assert event[1:] == [None] * (len(clauses) - 1)


TRUE_AND_FALSE = [
    ("equals", [of(EQUALS, field("Severity"), literal(100, ua.VariantType.Int64))], True),
    ("text for number", [of(EQUALS, literal("100"), field("Severity"))], True),
    ("five and six", [of(AND, element(1), element(2)), of(EQUALS, field("Severity"), literal(100)), of(EQUALS, field("Severity"), literal(6))], False),
    ("five or six", [of(OR, element(1), element(2)), of(EQUALS, field("Severity"), literal(100)), of(EQUALS, field("Severity"), literal(6))], True),
    ("null", [of(EQUALS, field("LocalTime"), literal(5))], False),
    ("not null is null", [of(NOT, element(1)), of(EQUALS, field("LocalTime"), literal(5))], False),
    ("is null", [of(IS_NULL, field("LocalTime"))], True),
    ("greater", [of(GREATER, field("Severity"), literal(99.5))], True),
    ("less", [of(LESS, field("Severity"), literal(99.5))], False),
    ("greater or equal", [of(GREATER_EQUAL, field("Severity"), literal(100))], True),
    ("less or equal", [of(LESS_EQUAL, field("Severity"), literal(99))], False),
    ("like", [of(LIKE, field("Message"), literal("%configuration [a-t]aken%"))], True),
    ("not like", [of(LIKE, field("Message"), literal("configuration"))], False),
    ("between", [of(BETWEEN, field("Severity"), literal(100), literal(200))], True),
    ("in list", [of(IN_LIST, field("Severity"), literal(1), literal("100"))], True),
    ("cast", [of(EQUALS, element(1), literal("100")), of(CAST, field("Severity"), literal(ua.NodeId(12, 0), ua.VariantType.NodeId))], True),
    ("of type", [of_type(SYSTEM)], True),
    ("of another type", [of_type(AUDIT)], False),
    ("bits", [of(EQUALS, element(1), literal(100)), of(BITWISE_AND, field("Severity"), literal(0x7F))], True),
    ("more bits", [of(EQUALS, element(1), literal(0x1E4)), of(BITWISE_OR, field("Severity"), literal(0x180))], True),
]


def test_e02_where_clauses_choose(own):
    server, session = own
    subscription = session.subscribe(interval=50.0).SubscriptionId
    for handle, (_, where, _) in enumerate(TRUE_AND_FALSE):
        watch(session, subscription, filter__=filter_(*where), handle=handle)
    watch(session, subscription, handle=999, filter__=filter_(of_type(MODEL_CHANGE)))
    reload(server, 1)
    heard = {}
    while 999 not in heard:
        for data in session.publish().NotificationMessage.NotificationData or []:
            for event in data.Events:
                kind = event.EventFields[1].Value.Identifier
                heard.setdefault(event.ClientHandle, set()).add(kind)
    for handle, (name, _, expected) in enumerate(TRUE_AND_FALSE):
        assert (SYSTEM in heard.get(handle, ())) == expected, name


@pytest.mark.parametrize(
    "where, element_code, operand_codes",
    [
        ([of(EQUALS, literal(1))], "BadFilterOperandCountMismatch", []),
        ([of(NOT, literal(1), literal(1))], "BadFilterOperandCountMismatch", []),
        ([of(IN_VIEW, literal(1))], "BadFilterOperatorUnsupported", []),
        ([of(RELATED_TO, literal(1))], "BadFilterOperatorUnsupported", []),
        ([of(NOT, element(0))], "BadFilterOperandInvalid", ["BadFilterOperandInvalid"]),
        ([of(NOT, element(7))], "BadFilterOperandInvalid", ["BadFilterOperandInvalid"]),
        ([of(EQUALS, field("Nothing"), literal(1))], "BadFilterOperandInvalid", ["BadNodeIdUnknown", "Good"]),
        ([of(OF_TYPE, literal(5))], "BadFilterOperandInvalid", ["BadFilterOperandInvalid"]),
        ([of(OF_TYPE, literal(SERVER, ua.VariantType.NodeId))], "BadFilterOperandInvalid", ["BadFilterOperandInvalid"]),
    ],
)
def test_e02_e03_wrong_where_clauses_are_refused_with_their_code(session, where, element_code, operand_codes):
    refused = refusal(session, filter__=filter_(*where))
    assert status(refused.StatusCode) == "BadEventFilterInvalid"
    result = refused.FilterResult.WhereClauseResult.ElementResults[0]
    assert status(result.StatusCode) == element_code
    assert [status(code) for code in result.OperandStatusCodes or []] == operand_codes


def test_e03_a_chain_of_a_thousand_elements_is_bounded(own):
    server, session = own
    last = of(EQUALS, field("Severity"), literal(100))
    chain = [of(NOT, element(next_)) for next_ in range(1, 999)] + [last]
    subscription = session.subscribe(interval=50.0).SubscriptionId
    watch(session, subscription, filter__=filter_(*chain))
    reload(server, 1)
    assert type_number(by_name(collect(session, 1)[0])) == SYSTEM
    refused = refusal(session, filter__=filter_(*[of(NOT, element(next_)) for next_ in range(1, 1001)], last))
    assert status(refused.StatusCode) == "BadEventFilterInvalid"


@pytest.mark.parametrize(
    "id_, filter__, code",
    [
        ("i=85", filter_(), "BadNotSupported"),
        ("i=2268", filter_(), "BadNotSupported"),
        (tag("mem.all.plant"), filter_(), "BadNotSupported"),
        (tag("mem.all.i32"), filter_(), "BadAttributeIdInvalid"),
        ("i=2258", filter_(), "BadAttributeIdInvalid"),
        (tag("nowhere"), filter_(), "BadNodeIdUnknown"),
        (SERVER, None, "BadEventFilterInvalid"),
        (SERVER, filter_(select=[]), "BadEventFilterInvalid"),
        (SERVER, ua.DataChangeFilter(), "BadFilterNotAllowed"),
    ],
)
def test_e04_items_that_cannot_be(session, id_, filter__, code):
    assert status(refusal(session, id_, filter__).StatusCode) == code


def test_an_event_filter_on_a_value_is_refused(session):
    assert status(refusal(session, tag("mem.all.i32"), filter_(), attribute=13).StatusCode) == "BadFilterNotAllowed"


def test_the_notifiers_are_found_by_browsing(plc):
    _, _, session = plc
    notifier = {id_: session.read(id_, NOTIFIER).Value.Value for id_ in (SERVER, tag("line1"), tag("line1.press"), tag("line1._System"))}
    assert list(notifier.values()) == [1, 1, 1, 0]
    found = session.browse(SERVER, reference="i=36")
    ids = {reference.NodeId.Identifier for reference in found.References}
    assert ids == {"line1", "line1.press", "mem", "mem.all"}
    up = session.browse(tag("line1.press"), direction=1, reference="i=48").References
    assert [reference.NodeId for reference in up] == [ua.ExpandedNodeId(2253, 0)]
    children = session.browse(tag("line1"), reference="i=33").References
    assert len({reference.NodeId for reference in children}) == len(children), "no child appears twice"


@pytest.mark.parametrize("discard_oldest", [True, False])
def test_e05_an_overflow_is_told_once_and_the_newest_is_kept(own, discard_oldest):
    server, session = own
    made = session.subscribe(interval=50.0, publishing=False)
    result = watch(session, made.SubscriptionId, queue=3, discard_oldest=discard_oldest)
    assert result.RevisedQueueSize == 3
    for number in range(1, 5):
        reload(server, number)
    request = ua.SetPublishingModeRequest()
    request.Parameters.PublishingEnabled, request.Parameters.SubscriptionIds = True, [made.SubscriptionId]
    session.call(request)
    found = [by_name(event) for event in collect(session, 4)]
    types = [type_number(event) for event in found]
    if discard_oldest:
        assert types == [OVERFLOW, MODEL_CHANGE, SYSTEM, MODEL_CHANGE]
    else:
        assert types == [SYSTEM, MODEL_CHANGE, MODEL_CHANGE, OVERFLOW]
    overflow = found[types.index(OVERFLOW)]
    assert overflow["SourceNode"] == SERVER and overflow["SourceName"] == "Internal/EventQueueOverflow"
    assert quiet(session) == []


def test_queue_sizes_of_events(session):
    subscription = session.subscribe().SubscriptionId
    sizes = [watch(session, subscription, queue=size).RevisedQueueSize for size in (0, 1, 2, 2**32 - 1)]
    assert sizes == [1000, 1000, 2, 10_000]


def modify(session, subscription, item, filter__, handle=1, queue=0):
    request = ua.ModifyMonitoredItemsRequest()
    request.Parameters.SubscriptionId = subscription
    request.Parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
    change = ua.MonitoredItemModifyRequest()
    change.MonitoredItemId = item
    change.RequestedParameters = session.item(SERVER, handle=handle, queue=queue, filter_=filter__).RequestedParameters
    request.Parameters.ItemsToModify = [change]
    return session.call(request).Results[0]


def set_mode(session, subscription, mode, items):
    request = ua.SetMonitoringModeRequest()
    request.Parameters.SubscriptionId = subscription
    request.Parameters.MonitoringMode = ua.MonitoringMode(mode)
    request.Parameters.MonitoredItemIds = items
    assert all(result.is_good() for result in session.call(request).Parameters.Results)


def test_modify_changes_filter_and_handle_of_events(own):
    server, session = own
    subscription = session.subscribe(interval=50.0).SubscriptionId
    item = watch(session, subscription, handle=1).MonitoredItemId
    changed = modify(session, subscription, item, filter_(of_type(MODEL_CHANGE), select=[field("Severity")]), handle=7)
    assert changed.StatusCode.is_good() and changed.RevisedQueueSize == 1000
    assert [status(code) for code in changed.FilterResult.SelectClauseResults] == ["Good"]
    bad = modify(session, subscription, item, filter_(of(NOT, element(0))))
    assert status(bad.StatusCode) == "BadEventFilterInvalid"
    reload(server, 1)
    assert collect(session, 1, handle=7) == [[100]]


def test_a_disabled_event_item_hears_nothing_and_a_triggered_one_reports(own):
    server, session = own
    subscription = session.subscribe(interval=50.0, keep_alive=1).SubscriptionId
    item = watch(session, subscription, handle=1, mode=0).MonitoredItemId
    reload(server, 1)
    set_mode(session, subscription, 2, [item])
    assert quiet(session) == []
    reload(server, 2)
    collect(session, 2, handle=1)
    sampled = watch(session, subscription, handle=2, mode=1).MonitoredItemId
    trigger = session.monitor(subscription, [session.item(tag("mem.all.steady"), handle=3)])[0].MonitoredItemId
    request = ua.SetTriggeringRequest()
    request.Parameters.SubscriptionId, request.Parameters.TriggeringItemId = subscription, trigger
    request.Parameters.LinksToAdd, request.Parameters.LinksToRemove = [sampled], []
    assert session.call(request).Parameters.AddResults[0].is_good()
    reload(server, 3)
    collect(session, 2, handle=1)
    assert quiet(session) == []
    assert session.write(tag("mem.all.steady"), 12345, ua.VariantType.Int32) == "Good"
    assert len(collect(session, 2, handle=2)) == 2


def test_events_can_be_asked_for_again(own):
    server, session = own
    made = session.subscribe(interval=50.0)
    watch(session, made.SubscriptionId)
    reload(server, 1)
    answer = session.publish()
    while not told(answer):
        answer = session.publish()
    request = ua.RepublishRequest()
    request.Parameters.SubscriptionId = made.SubscriptionId
    request.Parameters.RetransmitSequenceNumber = answer.NotificationMessage.SequenceNumber
    again = session.call(request).NotificationMessage
    assert again.SequenceNumber == answer.NotificationMessage.SequenceNumber


def test_events_go_with_a_transferred_subscription(tmp_path):
    server = SecuredServer(tmp_path)
    server.configure(config(extra(0)) + '[access]\nusers = "users.toml"\n')
    with server, log_in(server, USER, PASSWORD) as session, log_in(server, USER, PASSWORD) as other:
        made = session.subscribe(interval=50.0)
        watch(session, made.SubscriptionId)
        transfer = ua.TransferSubscriptionsRequest()
        transfer.Parameters.SubscriptionIds, transfer.Parameters.SendInitialValues = [made.SubscriptionId], True
        assert other.call(transfer).Parameters.Results[0].StatusCode.is_good()
        reload(server, 2)
        collect(other, 2)


def test_events_and_changes_share_a_message_and_its_limit(own):
    server, session = own
    made = session.subscribe(interval=50.0, max_notifications=1)
    watch(session, made.SubscriptionId, handle=1)
    session.monitor(made.SubscriptionId, [session.item(tag("mem.all.steady"), handle=2, queue=10)])
    reload(server, 1)
    assert session.write(tag("mem.all.steady"), 77, ua.VariantType.Int32) == "Good"
    events, values = 0, []
    end = time.monotonic() + 10 * SLOW
    while events < 2 or not values or values[-1] != 77:
        assert time.monotonic() < end
        data = session.publish().NotificationMessage.NotificationData or []
        assert len(data) <= 1
        for one in data:
            if isinstance(one, ua.EventNotificationList):
                assert len(one.Events) == 1
                events += 1
            else:
                values += [item.Value.Value.Value for item in one.MonitoredItems]


# Clients that people use.


async def test_asyncua_hears_of_a_dead_plc(plc):
    server, device, _ = plc
    heard = asyncio.Queue()

    class Handler:
        def event_notification(self, event):
            heard.put_nowait(event)

    async with Client(server.url) as client:
        subscription = await client.create_subscription(50, Handler())
        await subscription.subscribe_events(client.nodes.server, ua.NodeId(FAILURE, 0))
        device.stop()
        event = await asyncio.wait_for(heard.get(), 20 * SLOW)
        assert event.EventType == ua.NodeId(FAILURE, 0) and event.Severity == 700
        assert event.SourceName in ("line1", "press")


def test_python_opcua_hears_of_a_dead_plc(plc):
    server, device, _ = plc
    heard = []

    class Handler:
        def event_notification(self, event):
            heard.append(event)

    client = opcua.Client(server.url)
    client.connect()
    try:
        subscription = client.create_subscription(50, Handler())
        subscription.subscribe_events(client.get_node(old_ua.NodeId("line1.press", 2)))
        device.stop()
        wait_until(lambda: heard, 20 * SLOW, "the event arrives")
        assert heard[0].SourceName == "press" and heard[0].Severity == 700
        assert heard[0].Message.Text == "device line1.press does not answer"
    finally:
        client.disconnect()


def test_node_opcua_hears_of_a_dead_plc(plc):
    server, device, _ = plc
    program = os.path.join(os.path.dirname(__file__), "..", "peers", "node", "events.js")
    process = subprocess.Popen(
        ["node", program, server.url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    )
    try:
        # Making its own certificate is logged first.
        assert any(line.strip() == "listening" for line in process.stdout), process.stderr.read()
        device.stop()
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, out + err
        assert out.split("\n")[0] == "DeviceFailureEventType press 700 device line1.press does not answer", out
    finally:
        process.kill()


# Audit events: to auditors over encrypted channels and to nobody else.


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    server = SecuredServer(tmp_path_factory.mktemp("audited"))
    server.add_user(ADMIN, "security-admin", ADMIN_PASSWORD)
    with server:
        yield server


async def secure_client(server, user, password, mode=ua.MessageSecurityMode.SignAndEncrypt):
    client = Client(server.url, timeout=20)
    client.application_uri = certificates.CLIENT_URI
    identity = server.identity
    await client.set_security(
        SecurityPolicyBasic256Sha256, str(identity.certificate_der), str(identity.key_pem), mode=mode
    )
    client.set_user(user)
    client.set_password(password)
    await client.connect()
    return client


class Heard:
    """What an asyncua subscription to audit events heard."""

    def __init__(self):
        self.events = []

    def event_notification(self, event):
        self.events.append(event)

    def of(self, number):
        return [event for event in self.events if event.EventType == ua.NodeId(number, 0)]

    async def first(self, number, wanted=lambda event: True):
        end = time.monotonic() + 10 * SLOW
        while True:
            found = [event for event in self.of(number) if wanted(event)]
            if found:
                return found[0]
            assert time.monotonic() < end, [(event.EventType, event.Message.Text) for event in self.events]
            await asyncio.sleep(0.05)


AUDIT_TYPES = {
    2060: ("SecureChannelId", "ClientCertificateThumbprint", "SecurityPolicyUri", "SecurityMode"),
    2071: ("SessionId", "SecureChannelId", "RevisedSessionTimeout"),
    2075: ("SessionId", "UserIdentityToken"),
    2069: ("SessionId",),
    2100: ("AttributeId", "OldValue", "NewValue"),
    2127: ("MethodId", "InputArguments"),
    2087: ("Certificate",),
    3006: ("UpdatedNode", "PerformInsertReplace", "NewValues", "OldValues"),
    3014: ("StartTime", "EndTime", "OldValues"),
    3019: ("ReqTimes",),
}
COMMON = ("ActionTimeStamp", "Status", "ServerId", "ClientAuditEntryId", "ClientUserId")


async def audit_subscription(client, heard):
    """All audit events with the fields that the tests look at."""
    subscription = await client.create_subscription(50, heard)
    filter__ = ua.EventFilter()
    names = list(FIELDS) + list(COMMON) + sorted({name for names in AUDIT_TYPES.values() for name in names})
    filter__.SelectClauses = [field(name) for name in names]
    filter__.WhereClause.Elements = [of_type(AUDIT)]
    await subscription.subscribe_events(client.nodes.server, evfilter=filter__, queuesize=1000)
    return subscription


async def test_h17_changes_of_history_are_told_with_the_values_before(tmp_path):
    server = SecuredServer(tmp_path)
    server.add_user(ADMIN, "security-admin", ADMIN_PASSWORD)
    add_engineer(server)
    server.file.write_text(server.file.read_text() + '[[history.rule]]\npath = "bulk"\n')
    with server:
        auditor = await secure_client(server, ADMIN, ADMIN_PASSWORD)
        heard = Heard()
        try:
            await audit_subscription(auditor, heard)
            with engineer(server) as session:
                id_ = filled(session, "bulk.d.m3", [(1, 1.5), (2, 2.5)])
                assert update(session, id_, REPLACE, [data_value(1, 7.5)]) == ["GoodEntryReplaced"]
                assert delete_at(session, id_, [2]).StatusCode.is_good()
                session.close_session()
            replaced = await heard.first(3006, lambda event: event.PerformInsertReplace == 2)
            assert [value.Value.Value for value in replaced.OldValues] == [1.5]
            assert [value.Value.Value for value in replaced.NewValues] == [7.5]
            assert replaced.UpdatedNode == id_ and replaced.SourceNode == id_ and replaced.ClientUserId == ENGINEER
            gone = await heard.first(3019)
            assert [value.Value.Value for value in gone.OldValues] == [2.5] and len(gone.ReqTimes) == 1
            assert len((await heard.first(3014)).OldValues) >= 1
        finally:
            await auditor.disconnect()


async def test_k04_what_is_done_is_told_to_auditors(audited):
    auditor = await secure_client(audited, ADMIN, ADMIN_PASSWORD)
    heard = Heard()
    try:
        await audit_subscription(auditor, heard)
        assert await auditor.get_node(ua.NodeId(2994, 0)).read_value() is True
        doer = await secure_client(audited, USER, PASSWORD)
        await doer.get_node(ua.NodeId("bulk.d.m7", 2)).write_value(ua.DataValue(ua.Variant(1.25, ua.VariantType.Double)))
        await doer.get_node(ua.NodeId("bulk.d.m7", 2)).write_value(ua.DataValue(ua.Variant(2.5, ua.VariantType.Double)))
        with pytest.raises(ua.UaStatusCodeError):
            await doer.get_node(ua.NodeId("mem.all.readonly", 2)).write_value(5, ua.VariantType.Int32)
        subscription = await doer.create_subscription(1000, None)
        await doer.nodes.server.call_method(
            ua.NodeId(11492, 0), ua.Variant(subscription.subscription_id, ua.VariantType.UInt32)
        )
        await doer.disconnect()
        # asyncua looks for the endpoint over a channel without security first.
        channel = await heard.first(2060, lambda event: event.SecurityMode == 3)
        assert channel.Status is True and channel.SecurityPolicyUri.endswith("Basic256Sha256")
        assert channel.SourceName == "SecureChannel/OpenSecureChannel" and channel.ClientCertificateThumbprint
        made = await heard.first(2071)
        assert made.SourceName == "Session/CreateSession" and made.SessionId and made.RevisedSessionTimeout > 0
        activated = await heard.first(2075)
        assert activated.ClientUserId == USER and activated.SessionId == made.SessionId and activated.Status is True
        assert activated.UserIdentityToken.UserName == USER and not activated.UserIdentityToken.Password
        changed = await heard.first(2100, lambda event: event.NewValue == 2.5)
        assert changed.OldValue == 1.25 and changed.AttributeId == 13 and changed.ClientUserId == USER
        assert changed.SourceNode == ua.NodeId("bulk.d.m7", 2) and changed.SourceName == "Attribute/Write"
        refused = await heard.first(2100, lambda event: event.Status is False)
        assert refused.SourceNode == ua.NodeId("mem.all.readonly", 2)
        called = await heard.first(2127)
        assert called.MethodId == ua.NodeId(11492, 0) and called.Status is True
        closed = await heard.first(2069)
        assert closed.SourceName == "Session/CloseSession" and closed.SessionId == made.SessionId
        assert len(heard.of(2071)) == len(heard.of(2075)) == 1
    finally:
        await auditor.disconnect()


async def test_k04_what_is_refused_is_told_without_the_password(audited, tmp_path):
    auditor = await secure_client(audited, ADMIN, ADMIN_PASSWORD)
    heard = Heard()
    try:
        await audit_subscription(auditor, heard)
        with pytest.raises((ua.UaError, ConnectionError, asyncio.TimeoutError)):
            await secure_client(audited, USER, "no such password")
        refused = await heard.first(2075)
        assert refused.Status is False and refused.UserIdentityToken.UserName == USER
        stranger = certificates.make(tmp_path / "stranger")
        client = Client(audited.url, timeout=5)
        client.application_uri = certificates.CLIENT_URI
        await client.set_security(
            SecurityPolicyBasic256Sha256, str(stranger.certificate_der), str(stranger.key_pem),
            server_certificate=None, mode=ua.MessageSecurityMode.SignAndEncrypt,
        )
        with pytest.raises((ua.UaError, ConnectionError, asyncio.TimeoutError, TimeoutError)):
            await client.connect()
        untrusted = await heard.first(2087)
        assert untrusted.Certificate == stranger.certificate_der.read_bytes() and untrusted.Status is False
        assert (await heard.first(2060, lambda event: event.Status is False)).SourceName == "SecureChannel/OpenSecureChannel"
        assert "no such password" not in repr([vars(event) for event in heard.events])
    finally:
        await auditor.disconnect()


async def test_k04_the_clients_audit_entry_is_copied(audited):
    auditor = await secure_client(audited, ADMIN, ADMIN_PASSWORD)
    heard = Heard()
    try:
        await audit_subscription(auditor, heard)

        def write():
            with Session(audited.port) as session:
                request = ua.WriteRequest()
                item = ua.WriteValue()
                item.NodeId, item.AttributeId = tag("bulk.d.m8"), 13
                item.Value = ua.DataValue(ua.Variant(3.5, ua.VariantType.Double))
                request.Parameters.NodesToWrite = [item]
                return session.call(request, audit_entry="order 66").Results[0]

        assert (await asyncio.to_thread(write)).is_good()
        changed = await heard.first(2100)
        assert changed.ClientAuditEntryId == "order 66" and changed.ClientUserId == "anonymous"
    finally:
        await auditor.disconnect()


@pytest.mark.row("E06")
@pytest.mark.parametrize(
    "user, password, mode",
    [
        (USER, PASSWORD, ua.MessageSecurityMode.SignAndEncrypt),
        (ADMIN, ADMIN_PASSWORD, ua.MessageSecurityMode.Sign),
    ],
)
async def test_k04_others_hear_no_audit_events(audited, user, password, mode):
    client = await secure_client(audited, user, password, mode)
    heard = Heard()
    try:
        await audit_subscription(client, heard)
        with Session(audited.port) as session:
            await asyncio.to_thread(session.write, tag("bulk.d.m9"), 1.0, ua.VariantType.Double)
        await asyncio.sleep(0.5)
        assert heard.events == []
    finally:
        await client.disconnect()


async def test_e05_a_storm_costs_the_oldest_and_says_so_once(audited):
    auditor = await secure_client(audited, ADMIN, ADMIN_PASSWORD)
    heard = Heard()
    try:
        subscription = await auditor.create_subscription(2000, heard)
        filter__ = ua.EventFilter()
        filter__.SelectClauses = [field(name) for name in (*FIELDS, "NewValue")]
        filter__.WhereClause.Elements = [of_type(2100)]
        await subscription.subscribe_events(auditor.nodes.server, evfilter=filter__, queuesize=100)

        def storm():
            with Session(audited.port) as session:
                value = lambda number: ua.Variant(float(number), ua.VariantType.Double)
                for start in range(0, 10_000, 1_000):
                    items = [(tag("bulk.d.m10"), value(start + number)) for number in range(1_000)]
                    assert set(session.write_values(items)) == {"Good"}

        await asyncio.to_thread(storm)
        await heard.first(2100, lambda event: event.NewValue == 9_999.0)
        assert len(heard.of(OVERFLOW)) <= 2 and len(heard.events) <= 2 * 101
        assert heard.of(OVERFLOW), "the loss is told"
        last = [event.NewValue for event in heard.of(2100)][-100:]
        assert last == [float(number) for number in range(9_900, 10_000)]
    finally:
        await auditor.disconnect()
