"""A session over the raw client, with the services that tests use most in short form."""

from asyncua import ua

from .wire import Channel, Fault, status

ANONYMOUS = 0


def node(text) -> ua.NodeId:
    """A NodeId from its text, or one already made."""
    return text if isinstance(text, ua.NodeId) else ua.NodeId.from_string(text)


def tag(name: str) -> ua.NodeId:
    """The NodeId of a tag, from `link.device.tag`."""
    return ua.NodeId(name, 2)


class Session(Channel):
    """An activated session (unless told otherwise)."""

    application_uri = "urn:tagwire:tests"

    def __init__(self, port: int, activate=True, timeout_ms=60_000.0, user=None, password=None, create=True, **how):
        super().__init__(port, **how)
        self.created = None
        self.server_nonce = b""
        if create:
            self.create(timeout_ms)
            if activate:
                self.activate(user, password)

    def create(self, timeout_ms=60_000.0, name="test", nonce=None, certificate=None):
        """CreateSession; the authentication token is used from now on."""
        request = ua.CreateSessionRequest()
        request.Parameters.ClientDescription.ApplicationUri = self.application_uri
        request.Parameters.ClientDescription.ApplicationType = ua.ApplicationType.Client
        request.Parameters.EndpointUrl = self.url
        request.Parameters.SessionName = name
        request.Parameters.RequestedSessionTimeout = timeout_ms
        request.Parameters.ClientNonce = nonce
        request.Parameters.ClientCertificate = certificate
        result = self.call(request).Parameters
        self.authentication = result.AuthenticationToken
        self.created, self.server_nonce = result, result.ServerNonce
        return result

    def adopt(self, other: "Session"):
        """Takes the session of another channel over; it is this one's after the next activation."""
        self.created, self.authentication, self.server_nonce = other.created, other.authentication, other.server_nonce

    def proof(self) -> ua.SignatureData:
        """The signature that ActivateSession carries; none without security."""
        return ua.SignatureData()

    def policy_id(self, kind: int) -> str:
        """The policy id that the server gives this kind of user token on the unsecured endpoint."""
        for endpoint in self.created.ServerEndpoints:
            if endpoint.SecurityMode == ua.MessageSecurityMode.None_:
                for policy in endpoint.UserIdentityTokens:
                    if policy.TokenType == kind:
                        return policy.PolicyId
        raise AssertionError("the unsecured endpoint has no such token policy")

    def activate(self, user=None, password=None, token=None, proof=None, token_signature=None):
        """ActivateSession, anonymous unless a token is given."""
        request = ua.ActivateSessionRequest()
        if token is None and user is None:
            token = ua.AnonymousIdentityToken()
            token.PolicyId = self.policy_id(ua.UserTokenType.Anonymous)
        elif token is None:
            token = ua.UserNameIdentityToken()
            token.PolicyId = self.policy_id(ua.UserTokenType.UserName)
            token.UserName = user
            token.Password = password.encode() if isinstance(password, str) else password
        request.Parameters.UserIdentityToken = token
        request.Parameters.ClientSignature = self.proof() if proof is None else proof
        if token_signature is not None:
            request.Parameters.UserTokenSignature = token_signature
        answer = self.call(request)
        self.server_nonce = answer.Parameters.ServerNonce
        return answer

    def call_methods(self, *calls):
        """Call of several methods, each as (object, method, arguments ...); returns the results."""
        request = ua.CallRequest()
        for object_id, method, *arguments in calls:
            one = ua.CallMethodRequest()
            one.ObjectId, one.MethodId, one.InputArguments = node(object_id), node(method), list(arguments)
            request.Parameters.MethodsToCall.append(one)
        return self.call(request).Results

    def close_session(self, delete=True):
        request = ua.CloseSessionRequest()
        request.DeleteSubscriptions = delete
        return self.call(request)

    def read_values(self, ids, attribute=13, stamps=2, max_age=0.0, index_range=None, encoding=None):
        """Read of one attribute of several nodes; returns the DataValues."""
        request = ua.ReadRequest()
        request.Parameters.MaxAge = max_age
        request.Parameters.TimestampsToReturn = ua.TimestampsToReturn(stamps) if stamps in (0, 1, 2, 3) else stamps
        for id_ in ids:
            item = ua.ReadValueId()
            item.NodeId = node(id_)
            item.AttributeId = attribute
            item.IndexRange = index_range
            if encoding is not None:
                item.DataEncoding = encoding
            request.Parameters.NodesToRead.append(item)
        return self.call(request).Results

    def read(self, id_, attribute=13, **how) -> ua.DataValue:
        return self.read_values([id_], attribute, **how)[0]

    def value(self, id_, **how):
        """The plain value; anything but Good fails."""
        result = self.read(id_, **how)
        assert result.StatusCode.is_good(), status(result.StatusCode)
        return result.Value.Value

    def read_status(self, id_, attribute=13, **how) -> str:
        return status(self.read(id_, attribute, **how).StatusCode)

    def write_values(self, items) -> list[str]:
        """Write of (node, DataValue or Variant, index range) items; returns the names of the results."""
        request = ua.WriteRequest()
        for id_, value, *rest in items:
            item = ua.WriteValue()
            item.NodeId = node(id_)
            item.AttributeId = rest[1] if len(rest) > 1 else 13
            item.IndexRange = rest[0] if rest else None
            item.Value = value if isinstance(value, ua.DataValue) else ua.DataValue(value)
            request.Parameters.NodesToWrite.append(item)
        return [status(result) for result in self.call(request).Results]

    def write(self, id_, value, kind: ua.VariantType, index_range=None, dimensions=None) -> str:
        variant = ua.Variant(value, kind)
        if dimensions is not None:
            variant = ua.Variant(value, kind, dimensions, is_array=True)
        return self.write_values([(id_, variant, index_range)])[0]

    def browse(self, id_, max_references=0, direction=0, reference=None, subtypes=True, classes=0, mask=63, view=None):
        """Browse of one node; returns the BrowseResult."""
        request = ua.BrowseRequest()
        request.Parameters.RequestedMaxReferencesPerNode = max_references
        if view is not None:
            request.Parameters.View.ViewId = node(view)
        item = ua.BrowseDescription()
        item.NodeId = node(id_)
        item.BrowseDirection = ua.BrowseDirection(direction) if direction in (0, 1, 2) else direction
        item.ReferenceTypeId = node(reference) if reference is not None else ua.NodeId()
        item.IncludeSubtypes = subtypes
        item.NodeClassMask = classes
        item.ResultMask = mask
        request.Parameters.NodesToBrowse = [item]
        return self.call(request).Results[0]

    def browse_next(self, points, release=False):
        request = ua.BrowseNextRequest()
        request.Parameters.ReleaseContinuationPoints = release
        request.Parameters.ContinuationPoints = points
        return self.call(request).Parameters.Results

    def subscribe(self, interval=100.0, lifetime=3000, keep_alive=10, max_notifications=0, publishing=True, priority=0):
        request = ua.CreateSubscriptionRequest()
        request.Parameters.RequestedPublishingInterval = interval
        request.Parameters.RequestedLifetimeCount = lifetime
        request.Parameters.RequestedMaxKeepAliveCount = keep_alive
        request.Parameters.MaxNotificationsPerPublish = max_notifications
        request.Parameters.PublishingEnabled = publishing
        request.Parameters.Priority = priority
        return self.call(request).Parameters

    def delete_subscription(self, subscription: int):
        request = ua.DeleteSubscriptionsRequest()
        request.Parameters.SubscriptionIds = [subscription]
        assert self.call(request).Results[0].is_good()

    def transfer(self, ids, send_initial=False):
        """TransferSubscriptions; returns the results."""
        request = ua.TransferSubscriptionsRequest()
        request.Parameters.SubscriptionIds = ids
        request.Parameters.SendInitialValues = send_initial
        return self.call(request).Parameters.Results

    def item(self, id_, handle=1, sampling=0.0, queue=1, discard_oldest=True, filter_=None, mode=2, attribute=13):
        """A MonitoredItemCreateRequest."""
        request = ua.MonitoredItemCreateRequest()
        request.ItemToMonitor.NodeId = node(id_)
        request.ItemToMonitor.AttributeId = attribute
        request.MonitoringMode = ua.MonitoringMode(mode)
        request.RequestedParameters.ClientHandle = handle
        request.RequestedParameters.SamplingInterval = sampling
        request.RequestedParameters.QueueSize = queue
        request.RequestedParameters.DiscardOldest = discard_oldest
        request.RequestedParameters.Filter = filter_
        return request

    def monitor(self, subscription: int, items, stamps=2):
        """CreateMonitoredItems; returns the results."""
        request = ua.CreateMonitoredItemsRequest()
        request.Parameters.SubscriptionId = subscription
        request.Parameters.TimestampsToReturn = ua.TimestampsToReturn(stamps) if stamps in (0, 1, 2, 3) else stamps
        request.Parameters.ItemsToCreate = items
        return self.call(request).Results

    def post_publish(self, acknowledge=(), **header) -> int:
        request = ua.PublishRequest()
        for subscription, number in acknowledge:
            one = ua.SubscriptionAcknowledgement()
            one.SubscriptionId, one.SequenceNumber = subscription, number
            request.Parameters.SubscriptionAcknowledgements.append(one)
        return self.post(request, **header)

    def take_publish(self, request_id: int):
        return self.take(request_id, ua.PublishResponse).Parameters

    def publish(self, acknowledge=(), **header):
        """One Publish and its answer."""
        return self.take_publish(self.post_publish(acknowledge, **header))

    def changes(self, seconds: float = 5.0, count: int | None = None, acknowledge=True):
        """Publishes until `count` data changes came; returns (client handle, DataValue) pairs in order."""
        import time

        found = []
        pending = []
        end = time.monotonic() + seconds
        while (count is None or len(found) < count) and time.monotonic() < end:
            answer = self.publish(pending if acknowledge else ())
            pending = []
            if answer.NotificationMessage.NotificationData:
                pending = [(answer.SubscriptionId, answer.NotificationMessage.SequenceNumber)]
            found += data_changes(answer)
        return found

    def fault_of(self, action) -> str:
        """The name of the fault that an action brings."""
        try:
            action()
        except Fault as fault:
            return fault.name
        return "Good"


def data_changes(answer):
    """The (client handle, DataValue) pairs of a PublishResult."""
    found = []
    for data in answer.NotificationMessage.NotificationData or []:
        if isinstance(data, ua.DataChangeNotification):
            found += [(item.ClientHandle, item.Value) for item in data.MonitoredItems]
    return found


def one(session, subscription, id_, **how):
    """A monitored item that must be accepted."""
    result = session.monitor(subscription, [session.item(id_, **how)])[0]
    assert result.StatusCode.is_good(), status(result.StatusCode)
    return result


def drained(session, cycles=3):
    """The changes of a few publishing cycles."""
    found = []
    for _ in range(cycles):
        found += data_changes(session.publish())
    return found
