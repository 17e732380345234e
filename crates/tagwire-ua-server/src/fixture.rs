//! A small plant for the tests of this crate.

use std::sync::Arc;
use std::time::Instant;

use tagwire_access::Operation;
use tagwire_hub::{FolderId, FolderKind, Hub, LinkId, NewTag, TagExtra};
use tagwire_model::{Access, Clamp, Curve, DataType, EuRange, Scaling, Status, TagId, Timestamp, ValueType};
use tagwire_ua_proto::services::{ServerDiagnosticsSummaryDataType, ServerState, ServerStatusDataType};
use tagwire_ua_proto::types::NodeId;

use crate::address_space::{AddressSpace, Context, Namespaces, Node, Rights, ServerVariables, Snapshot};

pub(crate) const NOW: Timestamp = Timestamp::from_ticks(133_000_000_000_000_000);

/// Tags of device `line1.press`: `speed` (analog, scaled), `state` (Boolean, read only), `recipe` (Float[2][3]),
/// `alarms.high` (in a group), `old` (id `ns=3;i=1001`), and the system tag `_System._Error`.
pub(crate) fn plant() -> AddressSpace {
    let hub = Hub::new(Instant::now());
    let link = hub.folder(FolderId::ROOT, "line1", FolderKind::Link).expect("link");
    let device = hub.folder(link, "press", FolderKind::Device).expect("device");
    let group = hub.folder(device, "alarms", FolderKind::Group).expect("group");
    let system = hub.folder(device, "_System", FolderKind::Group).expect("group");
    let clamp = Clamp { low: false, high: true };
    let scaling = Scaling::new(Curve::Linear, (0.0, 4000.0), (0.0, 100.0), clamp, false, DataType::Double);
    let analog = TagExtra {
        description: "spindle speed".into(),
        unit: "rpm".into(),
        eu_range: Some(EuRange { low: 0.0, high: 100.0 }),
        scaling: Some(scaling.expect("valid")),
        raw_type: ValueType::parse("u16").ok(),
        ..TagExtra::default()
    };
    let tags = [
        NewTag { extra: Some(analog), ..new_tag(device, "speed", "f64") },
        NewTag { access: Access::READ, ..new_tag(device, "state", "bool") },
        new_tag(device, "recipe", "f32[2,3]"),
        new_tag(group, "high", "bool"),
        new_tag(device, "old", "i32"),
        NewTag { is_system: true, address: "", scan_ms: 0, ..new_tag(system, "_Error", "bool") },
    ];
    let ids = add(&hub, tags.into_iter());
    let namespaces = Namespaces::new("urn:host:tagwire", Namespaces::DEFAULT_TAGS_URI, ["urn:old"]);
    let space = AddressSpace::new(Arc::new(hub), namespaces);
    space.name_tags(&[(ids[4], NodeId::numeric(3, 1001))]).expect("free");
    space
}

pub(crate) fn new_tag<'a>(folder: FolderId, name: &'a str, value_type: &str) -> NewTag<'a> {
    NewTag {
        folder,
        name,
        value_type: ValueType::parse(value_type).expect("type"),
        access: Access::READ_WRITE,
        link: LinkId(0),
        address: "40001",
        scan_ms: 100,
        is_system: false,
        on_demand: false,
        extra: None,
    }
}

pub(crate) fn add<'a>(hub: &Hub, tags: impl ExactSizeIterator<Item = NewTag<'a>>) -> Vec<TagId> {
    hub.add_tags(tags, NOW).into_iter().map(|tag| tag.expect("free path")).collect()
}

/// A device `big.device` with `n_tags` Double tags `Tag<i>`; returns their numbers.
pub(crate) fn add_big_device(space: &AddressSpace, n_tags: usize) -> Vec<TagId> {
    let hub = space.hub();
    let link = hub.folder(FolderId::ROOT, "big", FolderKind::Link).expect("link");
    let device = hub.folder(link, "device", FolderKind::Device).expect("device");
    let names: Vec<String> = (0..n_tags).map(|idx| format!("Tag{idx}")).collect();
    add(hub, names.iter().map(|name| new_tag(device, name, "f64")))
}

/// A server that runs and has nothing to tell.
pub(crate) struct Quiet;

impl ServerVariables for Quiet {
    fn status(&self) -> ServerStatusDataType {
        ServerStatusDataType { start_time: NOW, current_time: NOW, state: ServerState::RUNNING, ..Default::default() }
    }

    fn application_uri(&self) -> &str {
        "urn:host:tagwire"
    }

    fn diagnostics(&self) -> ServerDiagnosticsSummaryDataType {
        ServerDiagnosticsSummaryDataType { current_session_count: 3, ..Default::default() }
    }
}

/// A user who may do everything but with nodes whose name is `hidden`, and write nothing but tags.
pub(crate) struct Operator {
    pub(crate) hidden: &'static str,
}

impl Operator {
    fn is_hidden(&self, node: Node, snapshot: &Snapshot<'_>) -> bool {
        snapshot.browse_name(node).1 == self.hidden
    }
}

impl Rights for Operator {
    fn check(&self, operation: Operation, node: Node, snapshot: &Snapshot<'_>) -> Result<(), Status> {
        let may = match operation {
            Operation::Browse | Operation::Read => !self.is_hidden(node, snapshot),
            Operation::Write => snapshot.value_tag(node).is_some() || matches!(node, Node::Structure(_)),
            Operation::Call => true,
            _ => false,
        };
        if may { Ok(()) } else { Err(Status::BAD_USER_ACCESS_DENIED) }
    }
}

/// Nothing is hidden.
pub(crate) const ALL: Operator = Operator { hidden: "" };

pub(crate) const CONTEXT: Context<'static> = Context { server: &Quiet, rights: &ALL };
