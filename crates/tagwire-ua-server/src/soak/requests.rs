//! Requests of every service, made of what their session was told before, of what belongs to others, and of guesses.

use tagwire_ua_proto::codec::Encode;
use tagwire_ua_proto::ids::{attribute, node};
use tagwire_ua_proto::services::*;
use tagwire_ua_proto::types::{
    ByteString, DataValue, ExtensionObject, NodeId, QualifiedName, Structure, UaString, Variant,
};

use super::client::Promise;
use super::world::World;

/// A request that is ready to be sent.
pub(super) struct Made {
    pub(super) body: Vec<u8>,
    /// Id of the encoding of the response.
    pub(super) response: u32,
    pub(super) promise: Promise,
    pub(super) what: &'static str,
}

pub(super) fn made<T: Structure>(request: &T, what: &'static str, promise: Promise) -> Made {
    let mut body = Vec::new();
    NodeId::ns0(T::ENCODING_ID).encode(&mut body);
    request.encode(&mut body);
    // Requests and responses are numbered in pairs, three apart (Part 6, annex A).
    Made { body, response: T::ENCODING_ID + 3, promise, what }
}

/// One of the number itself, nothing, very much, and none.
const SIZES: &[u32] = &[0, 1, 2, 5, 100, u32::MAX];
const INTERVALS: &[f64] = &[0.0, 10.0, 100.0, 500.0, 2_000.0, -1.0, f64::NAN, f64::INFINITY];
const RANGES: &[&str] = &["0", "1:3", "0:1,1", "9", "1:0", "x"];
const ATTRIBUTES: &[u32] = &[1, 2, 3, 4, 5, 14, 15, 17, 18, 19, 20, 24, 25, 26, 77, 0];

impl World {
    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.rng.usize(..of.len())]
    }

    fn many<T>(&mut self, max: usize, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let n = self.rng.usize(..=max);
        (0..n).map(|_| make(self)).collect()
    }

    /// A subscription, mostly one that the session may own.
    fn subscription(&mut self, by: usize) -> u32 {
        let own = self.rng.u8(..10) < 7;
        let ids: Vec<u32> = self.subscribed.keys().copied().filter(|id| !own || !self.is_foreign(by, *id)).collect();
        match self.rng.usize(..=ids.len() * 4) {
            0 => self.rng.u32(..20),
            at => ids[(at - 1) / 4],
        }
    }

    /// Refusal when the subscription is somebody else's.
    fn fault_if_foreign(&self, by: usize, subscription: u32, otherwise: Promise) -> Promise {
        if self.is_foreign(by, subscription) { Promise::Fault } else { otherwise }
    }

    fn item(&mut self, subscription: u32) -> u32 {
        let items = self.subscribed.get(&subscription).map(|known| known.items.as_slice()).unwrap_or_default();
        if items.is_empty() { self.rng.u32(..5) } else { items[self.rng.usize(..items.len())] }
    }

    fn node(&mut self, by: usize) -> NodeId {
        let nodes = &self.sessions[by].nodes;
        if !nodes.is_empty() && self.rng.u8(..4) == 0 {
            return nodes[self.rng.usize(..nodes.len())].clone();
        }
        self.plant.node_id(&mut self.rng)
    }

    fn range(&mut self) -> UaString {
        if self.rng.u8(..6) == 0 { self.one(RANGES).into() } else { UaString::default() }
    }

    fn attribute(&mut self) -> u32 {
        if self.rng.u8(..4) > 0 { attribute::VALUE } else { self.one(ATTRIBUTES) }
    }

    fn read_value(&mut self, by: usize) -> ReadValueId {
        ReadValueId {
            node_id: self.node(by),
            attribute_id: self.attribute(),
            index_range: self.range(),
            ..Default::default()
        }
    }

    fn timestamps(&mut self) -> TimestampsToReturn {
        self.one(&[
            TimestampsToReturn::SOURCE,
            TimestampsToReturn::SERVER,
            TimestampsToReturn::BOTH,
            TimestampsToReturn::NEITHER,
        ])
    }

    fn parameters(&mut self) -> MonitoringParameters {
        let filter = match self.rng.u8(..8) {
            0 => ExtensionObject::new(&DataChangeFilter {
                trigger: self.one(&[
                    DataChangeTrigger::STATUS,
                    DataChangeTrigger::STATUS_VALUE,
                    DataChangeTrigger::STATUS_VALUE_TIMESTAMP,
                ]),
                deadband_type: self.rng.u32(..4),
                deadband_value: self.one(&[0.0, 1.0, 10.0, 200.0, -1.0, f64::NAN]),
            }),
            1 => ExtensionObject::new(&self.event_filter()),
            _ => ExtensionObject::default(),
        };
        MonitoringParameters {
            client_handle: self.rng.u32(..1000),
            sampling_interval: self.one(INTERVALS),
            filter,
            queue_size: self.one(SIZES),
            discard_oldest: self.rng.bool(),
        }
    }

    fn event_filter(&mut self) -> EventFilter {
        const FIELDS: &[&str] = &["EventId", "EventType", "SourceNode", "SourceName", "Message", "Severity", "Nothing"];
        let select_clauses = (0..1 + self.rng.usize(..5))
            .map(|_| SimpleAttributeOperand {
                type_definition_id: NodeId::ns0(node::BASE_EVENT_TYPE),
                browse_path: vec![QualifiedName { namespace: 0, name: self.one(FIELDS).into() }],
                attribute_id: attribute::VALUE,
                index_range: UaString::default(),
            })
            .collect();
        EventFilter { select_clauses, where_clause: ContentFilter::default() }
    }

    fn item_to_create(&mut self, by: usize) -> MonitoredItemCreateRequest {
        let mut requested_parameters = self.parameters();
        let mut item_to_monitor = self.read_value(by);
        if self.rng.u8(..6) == 0 {
            let device = NodeId::string(2, self.one(&["line1", "line1.press", "line1.vault", "line1.cellar"]));
            item_to_monitor = ReadValueId {
                node_id: if self.rng.bool() { NodeId::ns0(node::SERVER) } else { device },
                attribute_id: attribute::EVENT_NOTIFIER,
                ..Default::default()
            };
            requested_parameters.filter = ExtensionObject::new(&self.event_filter());
        }
        let monitoring_mode = self.one(&[
            MonitoringMode::REPORTING,
            MonitoringMode::REPORTING,
            MonitoringMode::SAMPLING,
            MonitoringMode::DISABLED,
        ]);
        MonitoredItemCreateRequest { item_to_monitor, monitoring_mode, requested_parameters }
    }

    fn value(&mut self) -> Variant {
        match self.rng.u8(..8) {
            0 => Variant::Int32(self.rng.i32(..)),
            1 => Variant::Int64(self.rng.i64(..1000)),
            2 => Variant::Boolean(self.rng.bool()),
            3 => Variant::from("text"),
            4 => Variant::from(vec![1.5_f64; self.rng.usize(..8)]),
            5 => Variant::Null,
            _ => Variant::Double(f64::from(self.rng.u16(..))),
        }
    }

    /// A request of this session.
    pub(super) fn request(&mut self, by: usize, header: RequestHeader) -> Made {
        match self.rng.u8(..100) {
            0..=11 => self.read(by, header),
            12..=21 => self.write(by, header),
            22..=29 => self.walk(by, header),
            30..=44 => self.publish(by, header),
            45..=52 => self.make_subscription(header),
            53..=70 => self.items(by, header),
            71..=84 => self.subscriptions(by, header),
            85..=88 => self.call(by, header),
            89..=90 => {
                let request = CancelRequest { request_handle: self.rng.u32(..2_000), request_header: header };
                made(&request, "Cancel", Promise::Any)
            }
            91..=93 => {
                let nodes = self.many(4, |world| world.node(by));
                if self.rng.bool() {
                    let request = RegisterNodesRequest { request_header: header, nodes_to_register: nodes };
                    return made(&request, "RegisterNodes", Promise::Any);
                }
                let request = UnregisterNodesRequest { request_header: header, nodes_to_unregister: nodes };
                made(&request, "UnregisterNodes", Promise::Any)
            }
            94..=96 => {
                let request = GetEndpointsRequest { request_header: header, ..Default::default() };
                made(&request, "GetEndpoints", Promise::Any)
            }
            97 => {
                let request = HistoryReadRequest { request_header: header, ..Default::default() };
                made(&request, "HistoryRead", Promise::Fault)
            }
            98 => self.read(by, header),
            _ => {
                let request = CloseSessionRequest { request_header: header, delete_subscriptions: self.rng.bool() };
                made(&request, "CloseSession", Promise::Any)
            }
        }
    }

    fn read(&mut self, by: usize, request_header: RequestHeader) -> Made {
        let request = ReadRequest {
            request_header,
            max_age: self.one(&[0.0, 100.0, 1e9, -1.0, f64::NAN]),
            timestamps_to_return: self.timestamps(),
            nodes_to_read: self.many(12, |world| world.read_value(by)),
        };
        made(&request, "Read", Promise::Any)
    }

    fn write(&mut self, by: usize, request_header: RequestHeader) -> Made {
        let many = if self.rng.u8(..20) == 0 { 400 } else { 5 };
        let nodes_to_write = self.many(many, |world| WriteValue {
            node_id: world.node(by),
            attribute_id: world.attribute(),
            index_range: world.range(),
            value: DataValue::new(world.value()),
        });
        made(&WriteRequest { request_header, nodes_to_write }, "Write", Promise::Any)
    }

    fn walk(&mut self, by: usize, request_header: RequestHeader) -> Made {
        match self.rng.u8(..4) {
            0 if !self.points.is_empty() => {
                let continuation_points: Vec<ByteString> =
                    self.many(3, |world| world.points[world.rng.usize(..world.points.len())].clone());
                let release_continuation_points = self.rng.u8(..4) == 0;
                let request = BrowseNextRequest { request_header, release_continuation_points, continuation_points };
                made(&request, "BrowseNext", Promise::Any)
            }
            1 => {
                let browse_paths = self.many(3, |world| {
                    let element = |name: &str| RelativePathElement {
                        reference_type_id: NodeId::ns0(33),
                        is_inverse: false,
                        include_subtypes: true,
                        target_name: QualifiedName { namespace: 2, name: name.into() },
                    };
                    let device = world.one(&["press", "vault", "cellar"]);
                    let tag = world.one(&["speed", "order", "extra0"]);
                    BrowsePath {
                        starting_node: NodeId::ns0(node::OBJECTS_FOLDER),
                        relative_path: RelativePath { elements: vec![element("line1"), element(device), element(tag)] },
                    }
                });
                let request = TranslateBrowsePathsToNodeIdsRequest { request_header, browse_paths };
                made(&request, "TranslateBrowsePathsToNodeIds", Promise::Any)
            }
            _ => {
                let nodes_to_browse = self.many(4, |world| BrowseDescription {
                    node_id: if world.rng.bool() { NodeId::string(2, "line1") } else { world.node(by) },
                    browse_direction: world.one(&[
                        BrowseDirection::FORWARD,
                        BrowseDirection::INVERSE,
                        BrowseDirection::BOTH,
                    ]),
                    reference_type_id: NodeId::ns0(world.one(&[0, 31, 33, 35, 47])),
                    include_subtypes: world.rng.bool(),
                    node_class_mask: world.one(&[0, 1, 2, 3, 0xff]),
                    result_mask: 63,
                });
                let request = BrowseRequest {
                    request_header,
                    requested_max_references_per_node: self.one(&[0, 1, 2, 5]),
                    nodes_to_browse,
                    ..Default::default()
                };
                made(&request, "Browse", Promise::Any)
            }
        }
    }

    fn publish(&mut self, by: usize, request_header: RequestHeader) -> Made {
        let subscription_acknowledgements = self.many(3, |world| {
            let subscription_id = world.subscription(by);
            let known = world.subscribed.get(&subscription_id).and_then(|known| known.sequences.last().copied());
            let sequence_number = known.unwrap_or_else(|| world.rng.u32(..4));
            SubscriptionAcknowledgement { subscription_id, sequence_number }
        });
        let ids: Vec<u32> = subscription_acknowledgements.iter().map(|one| one.subscription_id).collect();
        let promise = self.refused(by, &ids).map_or(Promise::Publish, Promise::Refused);
        made(&PublishRequest { request_header, subscription_acknowledgements }, "Publish", promise)
    }

    /// The places of subscriptions that belong to others, when there are any.
    fn refused(&self, by: usize, ids: &[u32]) -> Option<Vec<usize>> {
        let foreign: Vec<usize> = (0..ids.len()).filter(|at| self.is_foreign(by, ids[*at])).collect();
        (!foreign.is_empty()).then_some(foreign)
    }

    fn make_subscription(&mut self, request_header: RequestHeader) -> Made {
        let request = CreateSubscriptionRequest {
            request_header,
            requested_publishing_interval: self.one(INTERVALS).min(5_000.0),
            requested_lifetime_count: self.rng.u32(..60),
            requested_max_keep_alive_count: self.rng.u32(..10),
            max_notifications_per_publish: self.one(SIZES),
            publishing_enabled: self.rng.u8(..5) > 0,
            priority: self.rng.u8(..),
        };
        made(&request, "CreateSubscription", Promise::Any)
    }

    fn items(&mut self, by: usize, request_header: RequestHeader) -> Made {
        let subscription_id = self.subscription(by);
        let promise = self.fault_if_foreign(by, subscription_id, Promise::Any);
        let timestamps_to_return = self.timestamps();
        match self.rng.u8(..9) {
            0..=3 => {
                let many = if self.rng.u8(..30) == 0 { 300 } else { 6 };
                let items_to_create = self.many(many, |world| world.item_to_create(by));
                let promise = self.fault_if_foreign(by, subscription_id, Promise::Items(subscription_id));
                let request = CreateMonitoredItemsRequest {
                    request_header,
                    subscription_id,
                    timestamps_to_return,
                    items_to_create,
                };
                made(&request, "CreateMonitoredItems", promise)
            }
            4 => {
                let items_to_modify = self.many(4, |world| MonitoredItemModifyRequest {
                    monitored_item_id: world.item(subscription_id),
                    requested_parameters: world.parameters(),
                });
                let request = ModifyMonitoredItemsRequest {
                    request_header,
                    subscription_id,
                    timestamps_to_return,
                    items_to_modify,
                };
                made(&request, "ModifyMonitoredItems", promise)
            }
            5 => {
                let monitoring_mode =
                    self.one(&[MonitoringMode::REPORTING, MonitoringMode::SAMPLING, MonitoringMode::DISABLED]);
                let monitored_item_ids = self.many(4, |world| world.item(subscription_id));
                let request =
                    SetMonitoringModeRequest { request_header, subscription_id, monitoring_mode, monitored_item_ids };
                made(&request, "SetMonitoringMode", promise)
            }
            6 => {
                let request = SetTriggeringRequest {
                    request_header,
                    subscription_id,
                    triggering_item_id: self.item(subscription_id),
                    links_to_add: self.many(3, |world| world.item(subscription_id)),
                    links_to_remove: self.many(2, |world| world.item(subscription_id)),
                };
                made(&request, "SetTriggering", promise)
            }
            7 => {
                let monitored_item_ids = self.many(3, |world| world.item(subscription_id));
                let request = DeleteMonitoredItemsRequest { request_header, subscription_id, monitored_item_ids };
                made(&request, "DeleteMonitoredItems", promise)
            }
            _ => {
                let known = self.subscribed.get(&subscription_id).and_then(|known| known.sequences.last().copied());
                let retransmit_sequence_number = known.unwrap_or_else(|| self.rng.u32(..4));
                let request = RepublishRequest { request_header, subscription_id, retransmit_sequence_number };
                made(&request, "Republish", promise)
            }
        }
    }

    fn subscriptions(&mut self, by: usize, request_header: RequestHeader) -> Made {
        let subscription_ids = self.many(3, |world| world.subscription(by));
        let promise = self.refused(by, &subscription_ids).map_or(Promise::Any, Promise::Refused);
        match self.rng.u8(..6) {
            0 => {
                let publishing_enabled = self.rng.u8(..3) > 0;
                let request = SetPublishingModeRequest { request_header, publishing_enabled, subscription_ids };
                made(&request, "SetPublishingMode", promise)
            }
            1 => {
                let request = DeleteSubscriptionsRequest { request_header, subscription_ids };
                made(&request, "DeleteSubscriptions", promise)
            }
            2 | 3 => {
                // A guess may hit what was made and not yet heard of.
                let is_guess = subscription_ids.iter().any(|id| !self.subscribed.contains_key(id));
                self.sessions[by].may_own_all |= is_guess;
                // It may own them as soon as this is sent, whenever the answer is taken.
                for id in &subscription_ids {
                    let user = self.sessions[by].user;
                    if let Some(known) = self.subscribed.get_mut(id).filter(|known| known.user == user) {
                        known.claim(by);
                    }
                }
                let send_initial_values = self.rng.bool();
                let promise = Promise::Transfer(subscription_ids.clone());
                let request = TransferSubscriptionsRequest { request_header, subscription_ids, send_initial_values };
                made(&request, "TransferSubscriptions", promise)
            }
            _ => {
                let subscription_id = self.subscription(by);
                let promise = self.fault_if_foreign(by, subscription_id, Promise::Any);
                let request = ModifySubscriptionRequest {
                    request_header,
                    subscription_id,
                    requested_publishing_interval: self.one(INTERVALS).min(5_000.0),
                    requested_lifetime_count: self.rng.u32(..60),
                    requested_max_keep_alive_count: self.rng.u32(..10),
                    max_notifications_per_publish: self.one(SIZES),
                    priority: self.rng.u8(..),
                };
                made(&request, "ModifySubscription", promise)
            }
        }
    }

    fn call(&mut self, by: usize, request_header: RequestHeader) -> Made {
        let mut foreign = Vec::new();
        let mut methods_to_call = Vec::new();
        for at in 0..self.rng.usize(..3) {
            let method = self.one(&[
                node::SERVER_GET_MONITORED_ITEMS,
                node::SERVER_RESEND_DATA,
                node::SERVER_SET_SUBSCRIPTION_DURABLE,
                node::SERVER_SET_SUBSCRIPTION_DURABLE,
                0,
            ]);
            if method == 0 {
                let device = self.one(&["line1.press", "line1.vault", "line1.cellar"]);
                let method = self.one(&["_Enable", "_DemandPoll", "_ResetStatistics"]);
                methods_to_call.push(CallMethodRequest {
                    object_id: NodeId::string(2, device),
                    method_id: NodeId::string(2, format!("{device}.{method}")),
                    input_arguments: Vec::new(),
                });
                continue;
            }
            let subscription = self.subscription(by);
            if self.is_foreign(by, subscription) {
                foreign.push(at);
            }
            methods_to_call.push(CallMethodRequest {
                object_id: NodeId::ns0(node::SERVER),
                method_id: NodeId::ns0(method),
                input_arguments: match method {
                    node::SERVER_SET_SUBSCRIPTION_DURABLE => {
                        vec![Variant::UInt32(subscription), Variant::UInt32(self.rng.u32(..5))]
                    }
                    _ => vec![Variant::UInt32(subscription)],
                },
            });
        }
        let promise = if foreign.is_empty() { Promise::Any } else { Promise::Refused(foreign) };
        made(&CallRequest { request_header, methods_to_call }, "Call", promise)
    }

    /// A request to make a session.
    pub(super) fn make_session(&mut self, request_header: RequestHeader) -> Made {
        let request = CreateSessionRequest {
            request_header,
            session_name: "soak".into(),
            endpoint_url: "opc.tcp://localhost:4840/".into(),
            requested_session_timeout: self.one(&[0.0, 10_000.0, 30_000.0, 120_000.0, f64::NAN, f64::MAX]),
            ..Default::default()
        };
        made(&request, "CreateSession", Promise::Any)
    }

    /// A request to activate a session with nobody's name.
    pub(super) fn activate(&mut self, session: usize, request_header: RequestHeader, promise: Promise) -> Made {
        debug_assert_eq!(request_header.authentication_token, self.sessions[session].token);
        let policy_id = "anonymous".into();
        let user_identity_token = ExtensionObject::new(&AnonymousIdentityToken { policy_id });
        made(
            &ActivateSessionRequest { request_header, user_identity_token, ..Default::default() },
            "ActivateSession",
            promise,
        )
    }
}
