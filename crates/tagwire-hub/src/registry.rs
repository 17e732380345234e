//! Which tags exist: paths, folders, and everything about a tag that does not change with its value.

use hashbrown::HashTable;
use tagwire_model::{Access, Deadband, EuRange, Scaling, TagId, ValueType};
use thiserror::Error;

use crate::hash::hash_bytes;
use crate::routes::LinkId;

/// A folder's number; folder 0 is the root, which has no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FolderId(pub u32);

impl FolderId {
    /// The root above all links.
    pub const ROOT: Self = Self(0);
}

/// What a folder stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FolderKind {
    /// The root.
    Root,
    /// A link.
    Link,
    /// A device.
    Device,
    /// A group of tags.
    Group,
}

/// A folder of the tag tree.
#[derive(Debug)]
pub struct Folder {
    /// Full path, names joined by dots; empty for the root.
    pub path: Box<str>,
    /// Where the folder's own name begins in `path`.
    name_at: u32,
    /// The folder above; the root is its own parent.
    pub parent: FolderId,
    /// What it stands for.
    pub kind: FolderKind,
    /// Sub-folders in the order they were made.
    pub folders: Vec<FolderId>,
    /// Tags directly inside, in the order they were made.
    pub tags: Vec<TagId>,
}

impl Folder {
    /// The folder's own name.
    pub fn name(&self) -> &str {
        self.path.get(self.name_at as usize..).unwrap_or_default()
    }
}

/// What few tags have.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TagExtra {
    /// What the tag is, in words.
    pub description: String,
    /// Engineering unit as displayed, for example `°C`.
    pub unit: String,
    /// Normal range in engineering units.
    pub eu_range: Option<EuRange>,
    /// Scaling from raw to engineering values.
    pub scaling: Option<Scaling>,
    /// Smallest change that counts.
    pub deadband: Deadband,
    /// Type of the raw value where scaling changes it.
    pub raw_type: Option<ValueType>,
}

impl TagExtra {
    /// Whether there is nothing worth keeping.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Everything about a tag but its sample.
#[derive(Debug)]
pub struct TagMeta {
    /// Full path, names joined by dots.
    pub path: Box<str>,
    /// The folder the tag lies in.
    pub folder: FolderId,
    name_at: u16,
    /// What clients may do.
    pub access: Access,
    /// Whether the server itself made the tag (system and statistics tags).
    pub is_system: bool,
    /// Whether the device must be asked when a client wants a fresh value, because no scan keeps it fresh.
    pub on_demand: bool,
    /// The link whose route takes writes.
    pub link: LinkId,
    /// How often the device is asked, in milliseconds; 0 when unknown.
    pub scan_ms: u32,
    /// Type that clients see.
    pub value_type: ValueType,
    /// Address in the driver's syntax.
    pub address: Box<str>,
    /// What few tags have.
    pub extra: Option<Box<TagExtra>>,
}

impl TagMeta {
    /// The tag's own name.
    pub fn name(&self) -> &str {
        self.path.get(usize::from(self.name_at)..).unwrap_or_default()
    }
}

/// A tag to be made.
#[derive(Clone, Debug)]
pub struct NewTag<'a> {
    /// The folder it goes into.
    pub folder: FolderId,
    /// Its name inside the folder; must not contain a dot.
    pub name: &'a str,
    /// Type that clients see.
    pub value_type: ValueType,
    /// What clients may do.
    pub access: Access,
    /// The link whose route takes writes.
    pub link: LinkId,
    /// Address in the driver's syntax.
    pub address: &'a str,
    /// How often the device is asked, in milliseconds; 0 when unknown.
    pub scan_ms: u32,
    /// Whether the server itself made the tag.
    pub is_system: bool,
    /// Whether the device must be asked when a client wants a fresh value.
    pub on_demand: bool,
    /// What few tags have.
    pub extra: Option<TagExtra>,
}

/// Why a tag or folder cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RegistryError {
    /// The path is taken by another tag or folder.
    #[error("path \"{0}\" is taken")]
    Taken(String),
    /// The folder does not exist.
    #[error("no such folder")]
    NoFolder,
    /// The tag does not exist.
    #[error("no such tag")]
    NoTag,
    /// Path, type and link of a tag cannot change.
    #[error("path, type and link of \"{0}\" cannot change")]
    Fixed(String),
    /// The path is longer than 65,535 bytes.
    #[error("path is too long")]
    TooLong,
    /// The table is full.
    #[error("the table is full")]
    Full,
}

/// An index entry: where the key lies in the arena, and what it stands for.
#[derive(Clone, Copy, Debug)]
struct Entry {
    key_at: u32,
    key_len: u16,
    /// High bits of the hash, so that most mismatches need no look at the arena.
    tag_hash: u16,
    /// A tag's number, or a folder's with the highest bit set.
    target: u32,
}

const FOLDER_BIT: u32 = 0x8000_0000;

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathTarget {
    /// A tag.
    Tag(TagId),
    /// A folder.
    Folder(FolderId),
}

/// Tags and folders by number and by path.
#[derive(Debug)]
pub struct Registry {
    tags: Vec<Option<Box<TagMeta>>>,
    folders: Vec<Option<Folder>>,
    index: HashTable<Entry>,
    keys: Vec<u8>,
    dead_key_bytes: usize,
    n_tags: usize,
    n_system_tags: usize,
    version: u64,
}

impl Default for Registry {
    fn default() -> Self {
        let root = Folder {
            path: Box::default(),
            name_at: 0,
            parent: FolderId::ROOT,
            kind: FolderKind::Root,
            folders: Vec::new(),
            tags: Vec::new(),
        };
        Self {
            tags: Vec::new(),
            folders: vec![Some(root)],
            index: HashTable::new(),
            keys: Vec::new(),
            dead_key_bytes: 0,
            n_tags: 0,
            n_system_tags: 0,
            version: 0,
        }
    }
}

impl Registry {
    /// Number of tags, system tags included.
    pub const fn n_tags(&self) -> usize {
        self.n_tags
    }

    /// Number of system tags.
    pub const fn n_system_tags(&self) -> usize {
        self.n_system_tags
    }

    /// Grows with every change of the tree.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// A tag by number.
    #[inline]
    pub fn tag(&self, tag: TagId) -> Option<&TagMeta> {
        self.tags.get(tag.index())?.as_deref()
    }

    /// A folder by number.
    pub fn folder(&self, folder: FolderId) -> Option<&Folder> {
        self.folders.get(folder.0 as usize)?.as_ref()
    }

    /// All tags in the order of their numbers.
    pub fn tags(&self) -> impl Iterator<Item = (TagId, &TagMeta)> {
        let numbered = (0_u32..).zip(&self.tags);
        numbered.filter_map(|(idx, meta)| meta.as_deref().map(|meta| (TagId(idx), meta)))
    }

    /// What a path leads to.
    #[inline]
    pub fn find(&self, path: &[u8]) -> Option<PathTarget> {
        let hash = hash_bytes(path);
        let entry = self.index.find(hash, |entry| entry.tag_hash == (hash >> 48) as u16 && self.key(entry) == path)?;
        Some(if entry.target & FOLDER_BIT == 0 {
            PathTarget::Tag(TagId(entry.target))
        } else {
            PathTarget::Folder(FolderId(entry.target & !FOLDER_BIT))
        })
    }

    /// The tag at a path.
    #[inline]
    pub fn find_tag(&self, path: &[u8]) -> Option<TagId> {
        match self.find(path)? {
            PathTarget::Tag(tag) => Some(tag),
            PathTarget::Folder(_) => None,
        }
    }

    /// Makes room at once for this many further tags.
    pub(crate) fn reserve(&mut self, n_tags: usize) {
        self.tags.reserve(n_tags);
        let keys = &self.keys;
        self.index.reserve(n_tags, |entry| hash_bytes(key_in(keys, entry)));
        self.keys.reserve(n_tags * 24);
    }

    /// The folder `name` inside `parent`, made when it does not exist.
    pub(crate) fn folder_at(
        &mut self,
        parent: FolderId,
        name: &str,
        kind: FolderKind,
    ) -> Result<FolderId, RegistryError> {
        let above = self.folder(parent).ok_or(RegistryError::NoFolder)?;
        let (path, name_at) = join(&above.path, name);
        match self.find(path.as_bytes()) {
            Some(PathTarget::Folder(folder)) => return Ok(folder),
            Some(PathTarget::Tag(_)) => return Err(RegistryError::Taken(path)),
            None => {}
        }
        let idx = self.folders.iter().position(Option::is_none).unwrap_or(self.folders.len());
        let id = FolderId(idx as u32);
        self.insert_key(&path, id.0 | FOLDER_BIT)?;
        let folder = Folder {
            path: path.into_boxed_str(),
            name_at: name_at as u32,
            parent,
            kind,
            folders: Vec::new(),
            tags: Vec::new(),
        };
        if idx == self.folders.len() {
            self.folders.push(Some(folder));
        } else {
            self.folders[idx] = Some(folder);
        }
        if let Some(Some(above)) = self.folders.get_mut(parent.0 as usize) {
            above.folders.push(id);
        }
        self.version += 1;
        Ok(id)
    }

    /// Registers a tag under a number that is free.
    pub(crate) fn insert(&mut self, id: TagId, tag: &NewTag<'_>) -> Result<(), RegistryError> {
        let above = self.folder(tag.folder).ok_or(RegistryError::NoFolder)?;
        let (path, name_at) = join(&above.path, tag.name);
        if self.find(path.as_bytes()).is_some() {
            return Err(RegistryError::Taken(path));
        }
        let name_at = u16::try_from(name_at).map_err(|_| RegistryError::TooLong)?;
        self.insert_key(&path, id.0)?;
        let meta = TagMeta {
            path: path.into_boxed_str(),
            folder: tag.folder,
            name_at,
            access: tag.access,
            is_system: tag.is_system,
            on_demand: tag.on_demand,
            link: tag.link,
            scan_ms: tag.scan_ms,
            value_type: tag.value_type,
            address: Box::from(tag.address),
            extra: tag.extra.clone().filter(|extra| !extra.is_default()).map(Box::new),
        };
        if id.index() >= self.tags.len() {
            self.tags.resize_with(id.index() + 1, || None);
        }
        self.tags[id.index()] = Some(Box::new(meta));
        self.n_tags += 1;
        self.n_system_tags += usize::from(tag.is_system);
        if let Some(Some(folder)) = self.folders.get_mut(tag.folder.0 as usize) {
            folder.tags.push(id);
        }
        self.version += 1;
        Ok(())
    }

    /// Changes what is told about a tag.
    pub(crate) fn change(&mut self, id: TagId, tag: &NewTag<'_>) -> Result<(), RegistryError> {
        let meta = self.tags.get_mut(id.index()).and_then(Option::as_deref_mut).ok_or(RegistryError::NoTag)?;
        let same = meta.folder == tag.folder && meta.name() == tag.name && meta.link == tag.link;
        if !same || meta.value_type != tag.value_type || meta.is_system != tag.is_system {
            return Err(RegistryError::Fixed(meta.path.to_string()));
        }
        meta.access = tag.access;
        meta.on_demand = tag.on_demand;
        meta.scan_ms = tag.scan_ms;
        if *meta.address != *tag.address {
            meta.address = Box::from(tag.address);
        }
        meta.extra = tag.extra.clone().filter(|extra| !extra.is_default()).map(Box::new);
        self.version += 1;
        Ok(())
    }

    /// Removes tags, and folders that become empty by it.
    pub(crate) fn remove(&mut self, tags: &[TagId]) {
        let mut folders = Vec::new();
        for id in tags {
            let Some(meta) = self.tags.get_mut(id.index()).and_then(Option::take) else { continue };
            self.remove_key(&meta.path);
            self.n_tags -= 1;
            self.n_system_tags -= usize::from(meta.is_system);
            folders.push(meta.folder);
        }
        folders.sort_unstable();
        folders.dedup();
        for id in folders {
            let tags = &self.tags;
            if let Some(Some(folder)) = self.folders.get_mut(id.0 as usize) {
                folder.tags.retain(|tag| tags.get(tag.index()).is_some_and(Option::is_some));
            }
            self.prune(id);
        }
        if self.dead_key_bytes > 4096 && self.dead_key_bytes * 2 > self.keys.len() {
            self.rebuild_keys();
        }
        self.version += 1;
    }

    fn prune(&mut self, mut id: FolderId) {
        while id != FolderId::ROOT {
            let Some(Some(folder)) = self.folders.get(id.0 as usize) else { return };
            if !folder.tags.is_empty() || !folder.folders.is_empty() {
                return;
            }
            let parent = folder.parent;
            if let Some(folder) = self.folders.get_mut(id.0 as usize).and_then(Option::take) {
                self.remove_key(&folder.path);
            }
            if let Some(Some(above)) = self.folders.get_mut(parent.0 as usize) {
                above.folders.retain(|child| *child != id);
            }
            id = parent;
        }
    }

    fn key(&self, entry: &Entry) -> &[u8] {
        key_in(&self.keys, entry)
    }

    fn insert_key(&mut self, path: &str, target: u32) -> Result<(), RegistryError> {
        let hash = hash_bytes(path.as_bytes());
        let entry = Entry {
            key_at: u32::try_from(self.keys.len()).map_err(|_| RegistryError::Full)?,
            key_len: u16::try_from(path.len()).map_err(|_| RegistryError::TooLong)?,
            tag_hash: (hash >> 48) as u16,
            target,
        };
        self.keys.extend_from_slice(path.as_bytes());
        let keys = &self.keys;
        self.index.insert_unique(hash, entry, |entry| hash_bytes(key_in(keys, entry)));
        Ok(())
    }

    fn remove_key(&mut self, path: &str) {
        let keys = &self.keys;
        let found = self.index.find_entry(hash_bytes(path.as_bytes()), |entry| key_in(keys, entry) == path.as_bytes());
        if let Ok(found) = found {
            found.remove();
            self.dead_key_bytes += path.len();
        }
    }

    fn rebuild_keys(&mut self) {
        let old = std::mem::take(&mut self.keys);
        self.keys.reserve(old.len() - self.dead_key_bytes);
        for entry in self.index.iter_mut() {
            let key_at = self.keys.len() as u32;
            self.keys.extend_from_slice(key_in(&old, entry));
            entry.key_at = key_at;
        }
        self.dead_key_bytes = 0;
    }
}

#[inline]
fn key_in<'a>(keys: &'a [u8], entry: &Entry) -> &'a [u8] {
    let start = entry.key_at as usize;
    keys.get(start..start + usize::from(entry.key_len)).unwrap_or_default()
}

/// The path of `name` below `above`, and where `name` begins in it.
fn join(above: &str, name: &str) -> (String, usize) {
    if above.is_empty() { (name.to_owned(), 0) } else { (format!("{above}.{name}"), above.len() + 1) }
}
