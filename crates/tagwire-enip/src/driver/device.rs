//! What the driver knows about one controller: its tags, its connection, its program.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tagwire_driver::plan::{Limits, merge};
use tagwire_driver::{AddressError, Block, DeviceSpec, Span};
use tokio::time::Instant;

use super::kind::item;
use super::pool::{Member, Turn};
use super::settings::DeviceSettings;
use crate::codec::path::to_instance;
use crate::codec::tag::DataTag;
use crate::encode::Known;
use crate::item::{Form, Item};
use crate::upload::{Field, Place, Symbols, Template, Upload};

/// A controller.
pub(super) struct Device {
    pub settings: DeviceSettings,
    pub tags: Vec<Tag>,
    /// The connection, while there is one.
    pub circuit: Option<Circuit>,
    /// The size that the controller was found to take; 0 when it takes no connection.
    pub size: u16,
    /// Whether the controller takes several requests in one.
    pub packs: bool,
    pub program: Option<Program>,
    pub upload: UploadState,
    /// Its part in what all links to this controller learn.
    pub member: Option<Member>,
}

/// One tag and what was learned about it.
pub(super) struct Tag {
    pub item: Item,
    /// Number of the array that it is an element of; tags with the same number may share a request.
    area: u32,
    /// Symbolic path.
    pub path: Box<[u8]>,
    /// Type of its elements as the controller last told it.
    pub known: Option<Known>,
}

/// A connection of transport class 3.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circuit {
    pub to_device: u32,
    pub to_client: u32,
    pub size: u16,
    pub sequence: u16,
    /// When it was last used.
    pub used: Duration,
}

/// How far the driver knows the controller's program.
pub(super) enum UploadState {
    /// Not asked for yet, or known to be out of date.
    Wanted,
    /// Under way.
    Running(Box<Upload>),
    /// A request of an upload is under way; found at the next call, it was never answered.
    Asking,
    /// Known.
    Done,
    /// Failed; may be tried again then.
    Failed(Duration),
    /// The configuration does not want it.
    Off,
}

/// The controller's program as far as the tags concern it.
pub(super) struct Program {
    /// Change counters at the time of the upload.
    pub fingerprint: Vec<u8>,
    /// By tag.
    pub spots: Vec<Spot>,
    pub groups: Vec<Group>,
}

/// A tag's place in the program.
#[derive(Default)]
pub(super) struct Spot {
    /// Path by the number of the instance, where that is shorter and the change counters can be watched.
    pub path: Option<Box<[u8]>>,
    /// The structure that is read whole for it, and where it lies inside.
    pub group: Option<(usize, usize, Field)>,
    /// Bytes of the structure that the tag is, with its type.
    pub layout: Option<(DataTag, usize)>,
}

/// A structure of which so many members are tags that it is read whole.
pub(super) struct Group {
    pub path: Box<[u8]>,
    pub template: Arc<Template>,
    pub n_leaves: usize,
}

impl Device {
    pub(super) fn new(spec: &DeviceSpec) -> Result<Self, AddressError> {
        let settings = DeviceSettings::new(&spec.settings)?;
        let mut areas: HashMap<String, u32> = HashMap::new();
        let mut tags = Vec::with_capacity(spec.tags.len());
        for tag in &spec.tags {
            let item = item(&settings, tag)?;
            let mut key = item.base_key();
            if matches!(item.form, Form::Text | Form::Bytes) {
                // Texts are long, and the ones between two of them are not worth reading.
                key = format!("{key}\"{}", item.start);
            }
            let next = areas.len() as u32;
            let area = *areas.entry(key).or_insert(next);
            tags.push(Tag::new(item, area));
        }
        let upload = if settings.upload { UploadState::Wanted } else { UploadState::Off };
        let size = if settings.is_connected { settings.connection_size } else { 0 };
        Ok(Self { settings, tags, circuit: None, size, packs: true, program: None, upload, member: None })
    }

    /// Shares the upload with all others that lead to the same controller.
    pub(super) fn share(&mut self, address: &str) {
        if self.settings.upload {
            self.member = Some(Member::join(address, &self.settings.route, self.keys()));
        }
    }

    /// Bytes of the structure that the first tag of a block is, as the controller's program has it.
    pub(super) fn structure_size(&self, block: &Block, found: DataTag) -> Option<usize> {
        let first = *block.tags.first()? as usize;
        let (tag, size) = self.program.as_ref()?.spots.get(first)?.layout?;
        (tag == found).then_some(size)
    }

    fn keys(&self) -> HashSet<String> {
        self.tags.iter().map(|tag| tag.item.address.root_key()).collect()
    }

    /// The upload to go on with, and `None` while another link has the turn.
    pub(super) fn begin_upload(&self, now: Instant) -> Option<Box<Upload>> {
        let upload = match self.member.as_ref().map(|member| member.begin(now)) {
            None => Upload::new(Some(self.keys())),
            Some(Turn::Upload(keys)) => Upload::new(Some(keys)),
            Some(Turn::Confirm(symbols, keys)) => Upload::confirming(&symbols, keys),
            Some(Turn::Wait) => return None,
        };
        Some(Box::new(upload))
    }

    /// The upload failed, and may be tried again then.
    pub(super) fn fail_upload(&mut self, until: Duration) {
        self.upload = UploadState::Failed(until);
        if let Some(member) = &self.member {
            member.end(None);
        }
    }

    /// Takes over what was learned about the same controller under other tags.
    pub(super) fn inherit(&mut self, old: Self) {
        if old.settings.route == self.settings.route && old.settings.is_connected == self.settings.is_connected {
            self.circuit = old.circuit;
            self.size = self.size.min(old.size);
            self.packs = old.packs;
        }
    }

    pub(super) fn plan(&self, device: usize, tags: &[u32], cuts: &[Span]) -> Vec<Block> {
        let span = |tag: &u32| {
            let known = self.tags.get(*tag as usize)?;
            Some((*tag, Span { area: known.area, start: known.item.start, len: known.item.len }))
        };
        let spans: Vec<(u32, Span)> = tags.iter().filter_map(span).collect();
        let limits = Limits { max_len: self.settings.array_block, max_gap: self.settings.max_gap };
        merge(device, &spans, limits, cuts)
    }

    /// Most bytes of a request and of an answer.
    pub(super) fn room(&self) -> (usize, usize) {
        match &self.circuit {
            // The sequence count takes two.
            Some(circuit) => (usize::from(circuit.size) - 2, usize::from(circuit.size) - 2),
            None => (480_usize.saturating_sub(self.settings.route.len()), 490),
        }
    }

    /// The program is another one: what was learned from it is forgotten, and it is uploaded anew.
    pub(super) fn forget_program(&mut self) {
        self.program = None;
        if !matches!(self.upload, UploadState::Off) {
            self.upload = UploadState::Wanted;
        }
        self.tags.iter_mut().for_each(|tag| tag.known = None);
    }

    /// Takes a complete upload over; gives the number of tags in it.
    pub(super) fn take_upload(&mut self, upload: Upload) -> usize {
        let (symbols, keys) = upload.finish();
        let symbols = Arc::new(symbols);
        self.learn(&symbols);
        if let Some(member) = &self.member {
            member.end(keys.map(|keys| (&symbols, keys)));
        }
        symbols.tags.len()
    }

    fn learn(&mut self, symbols: &Symbols) {
        let places: Vec<Option<Place>> = self.tags.iter().map(|tag| symbols.resolve(&tag.item.address)).collect();
        let room = self.room().1.saturating_sub(100);
        let has_counters = !symbols.fingerprint.is_empty();
        let mut n_tags: HashMap<&str, usize> = HashMap::new();
        for structure in places.iter().flatten().flat_map(|place| &place.enclosing) {
            *n_tags.entry(structure.key.as_str()).or_default() += 1;
        }
        let mut groups: Vec<Group> = Vec::new();
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let mut spots = Vec::with_capacity(places.len());
        for (tag, place) in self.tags.iter().zip(&places) {
            let Some(place) = place else {
                spots.push(Spot::default());
                continue;
            };
            let root = place.instance.as_ref().filter(|_| has_counters);
            let path = root.map(|root| {
                let mut path = Vec::new();
                tag.item.wire_address().encode_behind(root, &mut path);
                path.into_boxed_slice()
            });
            // Of nested structures the outermost one that is worth it (gateway-behaviour B-34).
            let whole = place.enclosing.iter().find(|structure| {
                let n = n_tags.get(structure.key.as_str()).copied().unwrap_or(0);
                n > 1 && 3 * n >= structure.n_leaves && structure.template.attributes.structure_size as usize <= room
            });
            let group = whole.map(|structure| {
                let number = *numbers.entry(structure.key.as_str()).or_insert_with(|| {
                    let mut path = Vec::new();
                    match root {
                        Some(root) => structure.address.encode_behind(root, &mut path),
                        None => structure.address.encode(&mut path),
                    }
                    let template = Arc::clone(&structure.template);
                    groups.push(Group { path: path.into_boxed_slice(), template, n_leaves: structure.n_leaves });
                    groups.len() - 1
                });
                (number, structure.offset, place.field)
            });
            let path = path.filter(|path| path.len() < tag.path.len());
            let layout = match place.field {
                Field::Elements { tag, size, .. } if tag.is_structure() => Some((tag, size)),
                _ => None,
            };
            spots.push(Spot { path, group, layout });
        }
        self.program = Some(Program { fingerprint: symbols.fingerprint.clone(), spots, groups });
        self.upload = UploadState::Done;
    }
}

impl Tag {
    fn new(item: Item, area: u32) -> Self {
        let mut path = Vec::new();
        item.wire_address().encode(&mut path);
        Self { item, area, path: path.into_boxed_slice(), known: None }
    }

    /// The array turned out not to be packed: elements are BOOLs of their own.
    pub(super) fn unpack(&mut self) {
        if let Ok(item) = Item::new(self.item.address.clone(), self.item.value_type, false) {
            *self = Self::new(item, self.area);
        }
    }

    /// Bytes of all elements, known or likely.
    pub(super) fn n_bytes(&self) -> usize {
        let size = self.known.map(|known| known.size).filter(|size| *size > 0);
        size.unwrap_or_else(|| self.item.likely_size() as usize) * self.item.len as usize
    }
}

/// Path of the instance that a class has first.
pub(super) fn first_instance(class: u16) -> Vec<u8> {
    to_instance(class, 1)
}
