//! The tags of a configuration in the live table: folders, numbers, and what clients are told.

use std::collections::HashMap;
use std::time::Duration;

use tagwire_driver::{DeviceSettings, Poll, ScanMode, SystemTag, TagSpec};
use tagwire_hub::{FolderId, FolderKind, Hub, LinkId, NewTag, RegistryError, TagExtra};
use tagwire_model::{Filter, TagId, Timestamp, ValueType};

use crate::config::{Structures, Tag};
use crate::running::millis;

/// One device's place in the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DevicePlace {
    pub(crate) link: LinkId,
    pub(crate) folder: FolderId,
}

/// Makes tags; one result each, in order. Names were checked, so that only a full table is left to fail.
pub(crate) fn add_tags(
    hub: &Hub,
    place: DevicePlace,
    settings: &DeviceSettings,
    (tags, structures): (&[&Tag], &Structures),
    now: Timestamp,
) -> Result<Vec<TagId>, RegistryError> {
    let device = hub.registry().folder(place.folder).map(|device| device.path.to_string()).unwrap_or_default();
    let kind = |group: &str| structures.kind(&device, group);
    let mut groups = HashMap::new();
    let folders: Vec<FolderId> = tags
        .iter()
        .map(|tag| group_folder(hub, place.folder, &tag.name, kind, &mut groups))
        .collect::<Result<_, _>>()?;
    let new = tags.iter().zip(&folders).map(|(tag, folder)| new_tag(tag, place.link, *folder, settings));
    hub.add_tags(new, now).into_iter().collect()
}

/// Tells the table what changed about a tag that keeps its number.
pub(crate) fn change_tag(
    hub: &Hub,
    place: DevicePlace,
    settings: &DeviceSettings,
    id: TagId,
    tag: &Tag,
) -> Result<(), RegistryError> {
    let folder = hub.registry().tag(id).map(|meta| meta.folder).ok_or(RegistryError::NoTag)?;
    hub.change_tag(id, new_tag(tag, place.link, folder, settings))
}

/// Makes the system and statistics tags of a link or device.
pub(crate) fn add_system_tags<I: Copy>(
    hub: &Hub,
    place: DevicePlace,
    items: &[SystemTag<I>],
    now: Timestamp,
) -> Result<Vec<(I, TagId)>, RegistryError> {
    let plain = |_: &str| FolderKind::Group;
    let mut groups = HashMap::new();
    let folders: Vec<FolderId> = items
        .iter()
        .map(|item| group_folder(hub, place.folder, item.name, plain, &mut groups))
        .collect::<Result<_, _>>()?;
    let new = items.iter().zip(&folders).map(|(item, folder)| NewTag {
        folder: *folder,
        name: item.name.rsplit('.').next().unwrap_or_default(),
        value_type: ValueType::scalar(item.data_type),
        access: item.access,
        link: place.link,
        address: "",
        scan_ms: 0,
        is_system: true,
        on_demand: false,
        extra: Some(TagExtra { description: item.doc.to_owned(), ..TagExtra::default() }),
    });
    let made = hub.add_tags(new, now);
    items.iter().zip(made).map(|(item, id)| Ok((item.item, id?))).collect()
}

fn new_tag<'a>(tag: &'a Tag, link: LinkId, folder: FolderId, settings: &DeviceSettings) -> NewTag<'a> {
    let extra = (tag.info.is_some() || tag.spec.scaling.is_some()).then(|| {
        let info = tag.info.as_deref().cloned().unwrap_or_default();
        TagExtra {
            description: info.description,
            unit: info.unit,
            eu_range: info.eu_range,
            deadband: info.deadband,
            filter: info.filter.map(Filter::new),
            limit: info.limit,
            states: info.states,
            scaling: tag.spec.scaling.as_deref().copied(),
            raw_type: tag.spec.scaling.is_some().then_some(tag.spec.value_type),
        }
    });
    let (scan_ms, on_demand) = freshness(tag.spec.scan, settings);
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

/// Makes a tag that a client named by its address; `name` is the rest of its path behind the device, dots and all.
pub(crate) fn add_dynamic(
    hub: &Hub,
    place: DevicePlace,
    settings: &DeviceSettings,
    (name, spec): (&str, &TagSpec),
    now: Timestamp,
) -> Result<TagId, RegistryError> {
    let (scan_ms, on_demand) = freshness(None, settings);
    let new = NewTag {
        folder: place.folder,
        name,
        value_type: spec.value_type,
        access: spec.access,
        link: place.link,
        address: &spec.address,
        scan_ms,
        is_system: false,
        on_demand,
        extra: None,
    };
    hub.add_tags(std::iter::once(new), now).into_iter().next().unwrap_or(Err(RegistryError::NoTag))
}

/// How often a tag is polled in milliseconds, 0 when that is up to the clients, and whether no scan keeps it fresh.
fn freshness(scan: Option<Duration>, settings: &DeviceSettings) -> (u32, bool) {
    let interval = match settings.scan_mode {
        ScanMode::All => Some(scan.unwrap_or(settings.scan)),
        ScanMode::Tag => scan,
        ScanMode::NotFaster => Some(settings.scan),
        ScanMode::Client | ScanMode::Demand => None,
    };
    let kept_fresh = match settings.scan_mode {
        ScanMode::All => settings.poll == Poll::Always,
        ScanMode::Tag => settings.poll == Poll::Always && scan.is_some(),
        ScanMode::Client | ScanMode::NotFaster | ScanMode::Demand => false,
    };
    (interval.map_or(0, millis), !kept_fresh)
}

/// The folder of a tag: its device's, or a group below.
fn group_folder<'a>(
    hub: &Hub,
    device: FolderId,
    name: &'a str,
    kind: impl Fn(&str) -> FolderKind,
    known: &mut HashMap<&'a str, FolderId>,
) -> Result<FolderId, RegistryError> {
    let Some((groups, _)) = name.rsplit_once('.') else { return Ok(device) };
    if let Some(folder) = known.get(groups) {
        return Ok(*folder);
    }
    let ends = groups.match_indices('.').map(|(end, _)| end).chain([groups.len()]);
    let (mut folder, mut start) = (device, 0);
    for end in ends {
        let (group, path) = (groups.get(start..end).unwrap_or_default(), groups.get(..end).unwrap_or_default());
        folder = hub.folder(folder, group, kind(path))?;
        start = end + 1;
    }
    known.insert(groups, folder);
    Ok(folder)
}
