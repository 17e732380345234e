//! The tags of a configuration in the live table: folders, numbers, and what clients are told.

use std::collections::HashMap;

use tagwire_driver::{DeviceSettings, Poll, ScanMode};
use tagwire_hub::{FolderId, FolderKind, Hub, LinkId, NewTag, RegistryError, TagExtra};
use tagwire_model::{TagId, Timestamp};

use crate::config::{ExplicitNodeId, Tag};
use crate::running::Fingerprint;

/// One device's place in the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DevicePlace {
    pub(crate) link: LinkId,
    pub(crate) folder: FolderId,
}

/// The folder of a device, made with its link's where needed.
pub(crate) fn device_folder(hub: &Hub, link: &str, device: &str) -> Result<FolderId, RegistryError> {
    let link = hub.folder(FolderId::ROOT, link, FolderKind::Link)?;
    hub.folder(link, device, FolderKind::Device)
}

/// Makes tags and writes their numbers into their specifications. Returns the NodeIds that differ from the default.
///
/// # Errors
/// The first [`RegistryError`]; names were checked, so that only a full table or a system tag's name is left.
pub(crate) fn add_tags(
    hub: &Hub,
    place: DevicePlace,
    settings: &DeviceSettings,
    tags: &mut [&mut Tag],
    now: Timestamp,
) -> Result<Vec<(TagId, ExplicitNodeId)>, RegistryError> {
    let mut groups = HashMap::new();
    let folders: Vec<FolderId> =
        tags.iter().map(|tag| group_folder(hub, place.folder, &tag.name, &mut groups)).collect::<Result<_, _>>()?;
    let new = tags.iter().zip(&folders).map(|(tag, folder)| new_tag(tag, place.link, *folder, settings));
    let made = hub.add_tags(new, now);
    let mut node_ids = Vec::new();
    for (tag, made) in tags.iter_mut().zip(made) {
        tag.spec.id = made?;
        if let Some(node_id) = tag.info.as_ref().and_then(|info| info.node_id.clone()) {
            node_ids.push((tag.spec.id, node_id));
        }
    }
    Ok(node_ids)
}

/// Tells the table what changed about a tag that keeps its number.
///
/// # Errors
/// [`RegistryError::Fixed`] when the type changed; then the tag must be made anew.
pub(crate) fn change_tag(
    hub: &Hub,
    place: DevicePlace,
    settings: &DeviceSettings,
    id: TagId,
    tag: &mut Tag,
) -> Result<(), RegistryError> {
    let folder = hub.registry().tag(id).map(|meta| meta.folder).ok_or(RegistryError::NoTag)?;
    hub.change_tag(id, new_tag(tag, place.link, folder, settings))?;
    tag.spec.id = id;
    Ok(())
}

fn new_tag<'a>(tag: &'a Tag, link: LinkId, folder: FolderId, settings: &DeviceSettings) -> NewTag<'a> {
    let extra = (tag.info.is_some() || tag.spec.scaling.is_some()).then(|| {
        let info = tag.info.as_deref().cloned().unwrap_or_default();
        TagExtra {
            description: info.description,
            unit: info.unit,
            eu_range: info.eu_range,
            deadband: info.deadband,
            scaling: tag.spec.scaling.as_deref().copied(),
            raw_type: tag.spec.scaling.is_some().then_some(tag.spec.value_type),
        }
    });
    let (scan_ms, on_demand) = freshness(tag, settings);
    NewTag {
        folder,
        name: tag.name.rsplit('.').next().unwrap_or_default(),
        value_type: tag.client_type(),
        access: tag.spec.access,
        link,
        address: &tag.spec.address,
        scan_ms,
        is_system: false,
        on_demand,
        extra,
    }
}

/// How often a tag is polled in milliseconds, 0 when that is up to the clients, and whether nobody may poll it at all.
fn freshness(tag: &Tag, settings: &DeviceSettings) -> (u32, bool) {
    let interval = match settings.scan_mode {
        ScanMode::All => Some(tag.spec.scan.unwrap_or(settings.scan)),
        ScanMode::Tag => tag.spec.scan,
        ScanMode::NotFaster => Some(settings.scan),
        ScanMode::Client | ScanMode::Demand => None,
    };
    let kept_fresh = match settings.scan_mode {
        ScanMode::All => settings.poll == Poll::Always,
        ScanMode::Tag => settings.poll == Poll::Always && tag.spec.scan.is_some(),
        ScanMode::Client | ScanMode::NotFaster | ScanMode::Demand => false,
    };
    let scan_ms = interval.map_or(0, |interval| u32::try_from(interval.as_millis()).unwrap_or(u32::MAX));
    (scan_ms, !kept_fresh)
}

/// The folder of a tag: its device's, or a group below.
fn group_folder<'a>(
    hub: &Hub,
    device: FolderId,
    name: &'a str,
    known: &mut HashMap<&'a str, FolderId>,
) -> Result<FolderId, RegistryError> {
    let Some((groups, _)) = name.rsplit_once('.') else { return Ok(device) };
    if let Some(folder) = known.get(groups) {
        return Ok(*folder);
    }
    let folder = groups.split('.').try_fold(device, |above, group| hub.folder(above, group, FolderKind::Group))?;
    known.insert(groups, folder);
    Ok(folder)
}

/// The fingerprints of a device's tags, in the order of the driver.
pub(crate) fn fingerprints(tags: &[Tag]) -> Vec<(TagId, Fingerprint)> {
    tags.iter().map(|tag| (tag.spec.id, Fingerprint::of(tag))).collect()
}
