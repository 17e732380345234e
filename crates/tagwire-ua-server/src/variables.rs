//! What the server tells of itself through the variables of the Server object.

use std::sync::Arc;

use tagwire_access::{Operation, Role};
use tagwire_model::{Status, Timestamp};
use tagwire_ua_proto::services::{
    BuildInfo, ServerDiagnosticsSummaryDataType, ServerState, ServerStatusDataType, SessionDiagnosticsDataType,
    SessionSecurityDiagnosticsDataType, SubscriptionDiagnosticsDataType,
};
use tagwire_ua_proto::types::{NodeId, Variant};

use crate::address_space::{Context, Node, Rights, RoleProperty, ServerVariables, Snapshot, StructureSample};
use crate::endpoints::PRODUCT_URI;
use crate::event::Events;
use crate::server::Server;
use crate::services::VALUE;
use crate::subscription::{AttributeSource, Notification, Payload};

impl ServerVariables for Server {
    fn configuration(&self, id: u32) -> Option<Result<Variant, Status>> {
        self.configuration.variable(id, self)
    }

    fn status(&self) -> ServerStatusDataType {
        let planned = self.shutdown.planned();
        let is_ending = self.is_shutting_down() || planned.is_some();
        let state = if is_ending { ServerState::SHUTDOWN } else { ServerState::RUNNING };
        ServerStatusDataType {
            start_time: self.start_time,
            current_time: self.now(),
            state,
            build_info: BuildInfo {
                product_uri: PRODUCT_URI.into(),
                manufacturer_name: "tagwire".into(),
                product_name: "tagwire".into(),
                software_version: self.config.software_version.as_str().into(),
                build_number: self.config.software_version.as_str().into(),
                build_date: Timestamp::NONE,
            },
            seconds_till_shutdown: planned.as_ref().map_or(0, |planned| planned.seconds_left(self.millis())),
            shutdown_reason: planned.map(|planned| planned.reason).unwrap_or_default(),
        }
    }

    fn role_property(&self, role: Role, property: RoleProperty) -> Variant {
        self.role_value(role, property)
    }

    fn estimated_return(&self) -> Timestamp {
        self.shutdown.planned().map_or(Timestamp::NONE, |planned| planned.returns)
    }

    fn application_uri(&self) -> &str {
        &self.config.application_uri
    }

    fn is_auditing(&self) -> bool {
        true
    }

    fn service_level(&self) -> u8 {
        Self::service_level(self)
    }

    fn diagnostics(&self) -> ServerDiagnosticsSummaryDataType {
        self.counters.summary(self.sessions.len(), self.quota.n_subscriptions())
    }

    fn keeps_diagnostics(&self) -> bool {
        self.diagnostics.is_on()
    }

    fn sessions(&self) -> Vec<SessionDiagnosticsDataType> {
        self.address_space.sessions().iter().map(|known| known.diagnostics.clone()).collect()
    }

    fn session_security(&self) -> Vec<SessionSecurityDiagnosticsDataType> {
        self.address_space.sessions().iter().map(|known| known.security.clone()).collect()
    }

    fn subscriptions(&self) -> Vec<SubscriptionDiagnosticsDataType> {
        let sessions = self.address_space.sessions();
        let all = sessions.iter().flat_map(|known| known.subscriptions.iter());
        all.map(|(_, figures)| figures.clone()).collect()
    }
}

/// Sampling for a monitored item, whose user was checked when it was made.
struct Admitted;

impl Rights for Admitted {
    fn check(&self, operation: Operation, _: Node, _: &Snapshot<'_>) -> Result<(), Status> {
        match operation {
            Operation::Browse | Operation::Read => Ok(()),
            _ => Err(Status::BAD_USER_ACCESS_DENIED),
        }
    }
}

impl AttributeSource for Server {
    fn wall_time(&self) -> Timestamp {
        self.now()
    }

    fn events(&self) -> &Arc<Events> {
        Self::events(self)
    }

    fn sample(&self, node: &NodeId, attribute: u32) -> Notification {
        let time = self.now();
        let snapshot = self.address_space.snapshot();
        let context = Context { server: self, rights: &Admitted };
        let node = snapshot.resolve(node.borrowed());
        if let (Some(Node::Structure(folder)), VALUE) = (node, attribute) {
            return structure(snapshot.structure_sample(folder));
        }
        let value =
            node.ok_or(Status::BAD_NODE_ID_UNKNOWN).and_then(|node| snapshot.attribute(node, attribute, &context));
        let (value, status) = match value {
            Ok(value) => (value, Status::GOOD),
            Err(status) => (Variant::Null, status),
        };
        // Only values have a source time (Part 4, 5.11.2.2).
        let source_time = if attribute == VALUE { time } else { Timestamp::NONE };
        Notification {
            payload: Payload::Variant(value.into()),
            status,
            overflow: false,
            semantics_changed: false,
            source_time,
            server_time: time,
        }
    }
}

/// A structure is as good and as new as its tags.
fn structure(sample: StructureSample) -> Notification {
    Notification {
        payload: Payload::Variant(sample.to_variant().into()),
        status: sample.status,
        overflow: false,
        semantics_changed: false,
        source_time: sample.source_time,
        server_time: sample.server_time,
    }
}
