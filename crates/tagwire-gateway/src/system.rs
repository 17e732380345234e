//! The server's own tags below `_System` (gateway-behaviour B-43).

use std::sync::Arc;

use tagwire_driver::SystemTag;
use tagwire_hub::{FolderId, Hub, LinkId, RegistryError};
use tagwire_model::{Access, DataType, Status, TagId, Timestamp, Update, Value};

use crate::tree::{self, DevicePlace};

/// The route of the server's own tags, which nothing answers.
pub(crate) const SERVER_LINK: LinkId = LinkId(0xFFFF);

/// A tag of the server itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerItem {
    Name,
    Version,
    ProjectPath,
    Uptime,
    ClientCount,
    SubscriptionCount,
    ActiveTagCount,
    TotalTagCount,
    ClockSteps,
    StuckLinks,
    Reloads,
}

const fn item(item: ServerItem, name: &'static str, data_type: DataType, doc: &'static str) -> SystemTag<ServerItem> {
    SystemTag { item, name, data_type, access: Access::READ, doc }
}

/// Every tag of the server itself.
pub(crate) const SERVER_ITEMS: &[SystemTag<ServerItem>] = &[
    item(ServerItem::Name, "_System._Name", DataType::String, "Name of the server."),
    item(ServerItem::Version, "_System._Version", DataType::String, "Version of the program."),
    item(ServerItem::ProjectPath, "_System._ProjectPath", DataType::String, "File of the configuration."),
    item(ServerItem::Uptime, "_System._Uptime", DataType::UInt32, "Seconds since the start."),
    item(ServerItem::ClientCount, "_System._ClientCount", DataType::UInt32, "OPC UA sessions."),
    item(ServerItem::SubscriptionCount, "_System._SubscriptionCount", DataType::UInt32, "OPC UA subscriptions."),
    item(ServerItem::ActiveTagCount, "_System._ActiveTagCount", DataType::UInt32, "Items that clients monitor."),
    item(ServerItem::TotalTagCount, "_System._TotalTagCount", DataType::UInt32, "Tags of all devices."),
    item(ServerItem::ClockSteps, "_System._ClockSteps", DataType::UInt32, "How often the wall clock was stepped."),
    item(ServerItem::StuckLinks, "_System._StuckLinks", DataType::UInt32, "Links whose task does not move."),
    item(ServerItem::Reloads, "_System._Reloads", DataType::UInt32, "How often the configuration was taken over anew."),
];

/// The tags with what was last published.
pub(crate) struct ServerTags {
    hub: Arc<Hub>,
    tags: Vec<(ServerItem, TagId, Value)>,
}

impl ServerTags {
    /// Makes the tags.
    pub(crate) fn new(hub: &Arc<Hub>, now: Timestamp) -> Result<Self, RegistryError> {
        let place = DevicePlace { link: SERVER_LINK, folder: FolderId::ROOT };
        let tags = tree::add_system_tags(hub, place, SERVER_ITEMS, now)?;
        let tags = tags.into_iter().map(|(item, id)| (item, id, Value::Null)).collect();
        Ok(Self { hub: Arc::clone(hub), tags })
    }

    /// Publishes what changed.
    pub(crate) fn publish(&mut self, now: Timestamp, value_of: impl Fn(ServerItem) -> Value) {
        let mut batch = Vec::new();
        for (item, tag, last) in &mut self.tags {
            let value = value_of(*item);
            if !value.same_as(last) {
                last.clone_from(&value);
                batch.push(Update {
                    tag: *tag,
                    value: Some(value),
                    status: Status::GOOD,
                    source_time: now,
                    server_time: now,
                });
            }
        }
        self.hub.apply(&mut batch, std::time::Instant::now());
    }
}
