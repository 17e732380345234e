//! What the gateway remembers of the configuration that runs: little more than a number per tag.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use tagwire_driver::Settings;
use tagwire_hub::{FolderId, LinkId};
use tagwire_model::TagId;

use crate::config::{AccessSection, Http, Log, Server, Tag, Ua};

/// A configuration in force.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) server: Server,
    pub(crate) ua: Ua,
    pub(crate) access: AccessSection,
    pub(crate) http: Http,
    pub(crate) log: Log,
    pub(crate) links: Vec<RunningLink>,
}

/// A link in force.
#[derive(Debug)]
pub(crate) struct RunningLink {
    pub(crate) id: LinkId,
    pub(crate) name: String,
    pub(crate) driver: String,
    pub(crate) address: String,
    pub(crate) common: Settings,
    pub(crate) settings: Settings,
    pub(crate) devices: Vec<RunningDevice>,
}

/// A device in force.
#[derive(Debug)]
pub(crate) struct RunningDevice {
    pub(crate) name: String,
    pub(crate) folder: FolderId,
    /// The number of the device towards the supervisor.
    pub(crate) index: usize,
    pub(crate) common: Settings,
    pub(crate) settings: Settings,
    /// The tags in the order of the driver, each with the fingerprint of its configuration.
    pub(crate) tags: Vec<(TagId, Fingerprint)>,
}

/// A number that differs when anything about a tag's configuration differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint(u32, u32);

impl Fingerprint {
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
