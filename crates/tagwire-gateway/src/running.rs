//! What the gateway remembers of the configuration in force: little more than two numbers per tag. The rest is in the
//! live table, from which a link is made again when it must be.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tagwire_driver::{
    DeviceItem, DeviceSettings, DeviceSpec, LinkItem, LinkSettings, LinkSpec, ScanMode, Settings, SystemTags, TagSpec,
};
use tagwire_hub::{FolderId, LinkId, Registry};
use tagwire_model::TagId;
use tokio::time::Instant;

use crate::config::{Access, AuditSection, History, Http, Log, OpenOpc, Server, Structures, Tag, Ua};

/// A configuration in force.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) server: Server,
    pub(crate) ua: Ua,
    pub(crate) access: Access,
    pub(crate) http: Http,
    pub(crate) openopc: OpenOpc,
    pub(crate) audit: AuditSection,
    pub(crate) history: History,
    pub(crate) log: Log,
    /// Groups that are structures since the start.
    pub(crate) structures: Structures,
    /// Digest of the models and of what is bound to them.
    pub(crate) models: u64,
    pub(crate) links: Vec<Arc<Mutex<RunningLink>>>,
}

/// A link in force. The link's task shares it, to be made again after a panic.
#[derive(Debug)]
pub(crate) struct RunningLink {
    pub(crate) id: LinkId,
    pub(crate) name: String,
    pub(crate) driver: String,
    pub(crate) address: String,
    pub(crate) common: Settings,
    pub(crate) settings: Settings,
    pub(crate) system: Vec<(LinkItem, TagId)>,
    /// The devices by their number towards the supervisor; a removed one leaves its place empty.
    pub(crate) devices: Vec<Option<RunningDevice>>,
}

/// A device in force.
#[derive(Debug)]
pub(crate) struct RunningDevice {
    pub(crate) name: String,
    pub(crate) folder: FolderId,
    pub(crate) common: Settings,
    pub(crate) settings: Settings,
    pub(crate) system: Vec<(DeviceItem, TagId)>,
    /// The tags in the order of the driver, each with the fingerprint of its configuration.
    pub(crate) tags: Vec<(TagId, Fingerprint)>,
    /// Those of the tags that clients made by naming an address, and since when.
    pub(crate) dynamic: HashMap<TagId, Instant>,
    /// Keys of the driver, for the tags that have any.
    pub(crate) tag_settings: HashMap<TagId, Settings>,
}

impl RunningLink {
    /// The devices that exist, each with its number.
    pub(crate) fn numbered_devices(&self) -> impl Iterator<Item = (usize, &RunningDevice)> {
        self.devices.iter().enumerate().filter_map(|(idx, device)| Some((idx, device.as_ref()?)))
    }

    /// The link as its driver is built from.
    pub(crate) fn spec(&self, registry: &Registry) -> LinkSpec {
        let empty = || DeviceSpec { name: String::new(), settings: Settings::new(), tags: Vec::new() };
        LinkSpec {
            name: self.name.clone(),
            kind: self.driver.clone(),
            address: self.address.clone(),
            settings: self.settings.clone(),
            devices: self.devices.iter().map(|d| d.as_ref().map_or_else(empty, |d| d.spec(registry))).collect(),
        }
    }

    pub(crate) fn link_settings(&self) -> LinkSettings {
        LinkSettings::from_settings(&self.common)
    }

    pub(crate) fn device_settings(&self) -> Vec<DeviceSettings> {
        let settings = |device: &Option<RunningDevice>| device.as_ref().map(RunningDevice::device_settings);
        self.devices.iter().map(|device| settings(device).unwrap_or_default()).collect()
    }

    pub(crate) fn system_tags(&self) -> SystemTags {
        let tags = |device: &Option<RunningDevice>| device.as_ref().map(|device| device.system.clone());
        SystemTags {
            link: self.system.clone(),
            devices: self.devices.iter().map(|device| tags(device).unwrap_or_default()).collect(),
        }
    }

    /// All tags of the link, system tags included.
    pub(crate) fn all_tags(&self) -> Vec<TagId> {
        let devices = self.devices.iter().flatten().flat_map(RunningDevice::all_tags);
        self.system.iter().map(|(_, tag)| *tag).chain(devices).collect()
    }
}

impl RunningDevice {
    /// The device as its driver is built from.
    pub(crate) fn spec(&self, registry: &Registry) -> DeviceSpec {
        let settings = self.device_settings();
        let tags = self.tags.iter().filter_map(|(id, _)| self.tag_spec(*id, registry, &settings));
        DeviceSpec { name: self.name.clone(), settings: self.settings.clone(), tags: tags.collect() }
    }

    fn tag_spec(&self, id: TagId, registry: &Registry, settings: &DeviceSettings) -> Option<TagSpec> {
        let meta = registry.tag(id)?;
        let extra = meta.extra.as_deref();
        let own_scan = settings.scan_mode == ScanMode::Tag || meta.scan_ms != millis(settings.scan);
        let scan = Duration::from_millis(u64::from(meta.scan_ms));
        Some(TagSpec {
            id,
            address: meta.address.to_string(),
            value_type: extra.and_then(|extra| extra.raw_type).unwrap_or(meta.value_type),
            access: meta.access,
            scan: (own_scan && meta.scan_ms > 0).then_some(scan),
            scaling: extra.and_then(|extra| extra.scaling).map(Box::new),
            settings: self.tag_settings.get(&id).cloned().unwrap_or_default(),
        })
    }

    pub(crate) fn device_settings(&self) -> DeviceSettings {
        DeviceSettings::from_settings(&self.common)
    }

    /// All tags of the device, system tags included.
    pub(crate) fn all_tags(&self) -> impl Iterator<Item = TagId> {
        self.system.iter().map(|(_, tag)| *tag).chain(self.tags.iter().map(|(tag, _)| *tag))
    }
}

pub(crate) fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

/// A number that differs when anything about a tag's configuration differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint(u32, u32);

impl Fingerprint {
    /// That of a tag that the configuration does not have.
    pub(crate) const NONE: Self = Self(0, 0);

    /// The fingerprint of a tag, whose place in the file does not count.
    pub(crate) fn of(tag: &Tag) -> Self {
        let mut hasher = DefaultHasher::new();
        let spec = &tag.spec;
        spec.address.hash(&mut hasher);
        spec.value_type.hash(&mut hasher);
        spec.access.hash(&mut hasher);
        spec.scan.hash(&mut hasher);
        // Most tags have neither, and formatting is slow.
        if spec.scaling.is_some() || !spec.settings.is_empty() || tag.info.is_some() {
            format!("{:?} {:?} {:?}", spec.scaling, spec.settings, tag.info).hash(&mut hasher);
        }
        let hash = hasher.finish();
        // Two halves keep the entry at 12 bytes.
        Self((hash >> 32) as u32, hash as u32)
    }
}
