//! Which tags exist: paths, folders, and everything about a tag that does not change with its value.

use std::ops::Deref;

use tagwire_model::{Access, Clamp, Deadband, EuRange, Filter, Scaling, States, TagId, ValueType};
use thiserror::Error;

use crate::paths::{BATCH, Paths, Span};
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
    /// A group of tags whose values together are one structured value, with the number of its type.
    Structure(u16),
}

/// A folder of the tag tree.
#[derive(Debug)]
pub struct Folder {
    /// Full path, names joined by dots; empty for the root.
    pub path: Box<str>,
    /// Where the folder's own name begins in `path`.
    name_at: u32,
    key: Span,
    /// The folder above; the root is its own parent.
    pub parent: FolderId,
    /// What it stands for.
    pub kind: FolderKind,
    /// Sub-folders in the order they were made, but for those in `structures`.
    pub folders: Vec<FolderId>,
    /// Sub-folders that are structures, in the order they were made.
    pub structures: Vec<FolderId>,
    /// Tags directly inside, in the order they were made.
    pub tags: Vec<TagId>,
}

impl Folder {
    /// Whether events of the folder and of everything below can be told apart from others: those of links and devices.
    pub const fn is_notifier(&self) -> bool {
        matches!(self.kind, FolderKind::Link | FolderKind::Device)
    }

    /// Where sub-folders of a kind are listed.
    const fn below(&mut self, kind: FolderKind) -> &mut Vec<FolderId> {
        if matches!(kind, FolderKind::Structure(_)) { &mut self.structures } else { &mut self.folders }
    }

    /// The number of the structure's type; `None` for every other folder.
    #[inline]
    pub const fn structure_type(&self) -> Option<u16> {
        match self.kind {
            FolderKind::Structure(number) => Some(number),
            _ => None,
        }
    }

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
    /// The filter that values go through.
    pub filter: Option<Filter>,
    /// Which ends of `eu_range` hold values, and refuse writes beyond them.
    pub limit: Clamp,
    /// Type of the raw value where scaling changes it.
    pub raw_type: Option<ValueType>,
    /// What the numbers mean; no other ones can be written.
    pub states: Option<States>,
}

impl TagExtra {
    /// Whether there is nothing worth keeping.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Everything about a tag but its texts and its sample.
#[derive(Debug)]
pub struct TagMeta {
    path: Span,
    name_at: u16,
    address_len: u16,
    /// The folder the tag lies in.
    pub folder: FolderId,
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
    /// What few tags have.
    pub extra: Option<Box<TagExtra>>,
}

/// A tag as the registry shows it.
#[derive(Clone, Copy, Debug)]
pub struct TagView<'a> {
    /// Full path, names joined by dots.
    pub path: &'a str,
    /// Address in the driver's syntax.
    pub address: &'a str,
    /// Everything else.
    pub meta: &'a TagMeta,
}

impl<'a> TagView<'a> {
    /// The tag's own name.
    pub fn name(self) -> &'a str {
        self.path.get(usize::from(self.meta.name_at)..).unwrap_or_default()
    }
}

impl Deref for TagView<'_> {
    type Target = TagMeta;

    fn deref(&self) -> &TagMeta {
        self.meta
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
    tags: Vec<Option<TagMeta>>,
    folders: Vec<Option<Folder>>,
    paths: Paths,
    n_tags: usize,
    n_system_tags: usize,
    version: u64,
}

impl Default for Registry {
    fn default() -> Self {
        let root = Folder {
            path: Box::default(),
            name_at: 0,
            key: Span::default(),
            parent: FolderId::ROOT,
            kind: FolderKind::Root,
            folders: Vec::new(),
            structures: Vec::new(),
            tags: Vec::new(),
        };
        Self {
            tags: Vec::new(),
            folders: vec![Some(root)],
            paths: Paths::default(),
            n_tags: 0,
            n_system_tags: 0,
            version: 0,
        }
    }
}

impl Registry {
    /// Most paths that [`Registry::find_tags`] takes at once.
    pub const BATCH: usize = BATCH;

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
    pub fn tag(&self, tag: TagId) -> Option<TagView<'_>> {
        Some(self.view(self.tags.get(tag.index())?.as_ref()?))
    }

    fn view<'a>(&'a self, meta: &'a TagMeta) -> TagView<'a> {
        let address = self.paths.appendix(meta.path, meta.address_len);
        TagView { path: self.paths.text(meta.path), address, meta }
    }

    /// A folder by number.
    pub fn folder(&self, folder: FolderId) -> Option<&Folder> {
        self.folders.get(folder.0 as usize)?.as_ref()
    }

    /// Number that no folder has reached.
    pub const fn end_of_folders(&self) -> usize {
        self.folders.len()
    }

    /// The first link or device whose number is not below `from`.
    pub fn notifier_from(&self, from: usize) -> Option<FolderId> {
        let is_notifier = |folder: &Option<Folder>| folder.as_ref().is_some_and(Folder::is_notifier);
        let at = from + self.folders.get(from..)?.iter().position(is_notifier)?;
        u32::try_from(at).ok().map(FolderId)
    }

    /// All tags in the order of their numbers.
    pub fn tags(&self) -> impl Iterator<Item = (TagId, TagView<'_>)> {
        let numbered = (0_u32..).zip(&self.tags);
        numbered.filter_map(|(idx, meta)| meta.as_ref().map(|meta| (TagId(idx), self.view(meta))))
    }

    /// What a path leads to.
    #[inline]
    pub fn find(&self, path: &[u8]) -> Option<PathTarget> {
        self.paths.find(path).map(target)
    }

    /// Tells the tags at up to [`Registry::BATCH`] paths, in order; much faster than one by one.
    #[inline]
    pub fn find_tags<'p>(&self, paths: impl Iterator<Item = &'p [u8]> + Clone, mut tell: impl FnMut(Option<TagId>)) {
        self.paths.find_batch(paths, |found| match found.map(target) {
            Some(PathTarget::Tag(tag)) => tell(Some(tag)),
            Some(PathTarget::Folder(_)) | None => tell(None),
        });
    }

    /// The tag at a path.
    #[inline]
    pub fn find_tag(&self, path: &[u8]) -> Option<TagId> {
        match self.find(path)? {
            PathTarget::Tag(tag) => Some(tag),
            PathTarget::Folder(_) => None,
        }
    }

    /// The path that a tag of this name has in a folder.
    pub(crate) fn path_in(&self, folder: FolderId, name: &str) -> Option<String> {
        Some(join(&self.folder(folder)?.path, name).0)
    }

    /// Makes room at once for this many further tags.
    pub(crate) fn reserve(&mut self, n_tags: usize) {
        self.tags.reserve(n_tags);
        self.paths.reserve(n_tags);
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
        let key = self.paths.insert(&path, "", id.0 | FOLDER_BIT)?;
        let folder = Folder {
            path: path.into_boxed_str(),
            name_at: name_at as u32,
            key,
            parent,
            kind,
            folders: Vec::new(),
            structures: Vec::new(),
            tags: Vec::new(),
        };
        if idx == self.folders.len() {
            self.folders.push(Some(folder));
        } else {
            self.folders[idx] = Some(folder);
        }
        if let Some(Some(above)) = self.folders.get_mut(parent.0 as usize) {
            above.below(kind).push(id);
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
        let address_len = u16::try_from(tag.address.len()).map_err(|_| RegistryError::TooLong)?;
        let meta = TagMeta {
            path: self.paths.insert(&path, tag.address, id.0)?,
            name_at,
            address_len,
            folder: tag.folder,
            access: tag.access,
            is_system: tag.is_system,
            on_demand: tag.on_demand,
            link: tag.link,
            scan_ms: tag.scan_ms,
            value_type: tag.value_type,
            extra: tag.extra.clone().filter(|extra| !extra.is_default()).map(Box::new),
        };
        if id.index() >= self.tags.len() {
            self.tags.resize_with(id.index() + 1, || None);
        }
        self.tags[id.index()] = Some(meta);
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
        let old = self.tag(id).ok_or(RegistryError::NoTag)?;
        let same = old.folder == tag.folder && old.name() == tag.name && old.link == tag.link;
        if !same || old.value_type != tag.value_type || old.is_system != tag.is_system {
            return Err(RegistryError::Fixed(old.path.to_owned()));
        }
        let (mut path, old_len) = (old.meta.path, old.address_len);
        let address_len = u16::try_from(tag.address.len()).map_err(|_| RegistryError::TooLong)?;
        if old.address != tag.address {
            path = self.paths.replace_appendix(path, old_len, tag.address)?;
        }
        let meta = self.tags.get_mut(id.index()).and_then(Option::as_mut).ok_or(RegistryError::NoTag)?;
        (meta.path, meta.address_len) = (path, address_len);
        meta.access = tag.access;
        meta.on_demand = tag.on_demand;
        meta.scan_ms = tag.scan_ms;
        meta.extra = tag.extra.clone().filter(|extra| !extra.is_default()).map(Box::new);
        self.compact();
        self.version += 1;
        Ok(())
    }

    /// Removes tags, and folders that become empty by it.
    pub(crate) fn remove(&mut self, tags: &[TagId]) {
        let mut folders = Vec::new();
        for id in tags {
            let Some(meta) = self.tags.get_mut(id.index()).and_then(Option::take) else { continue };
            self.paths.remove(meta.path, meta.address_len);
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
        self.compact();
        self.version += 1;
    }

    fn prune(&mut self, mut id: FolderId) {
        while id != FolderId::ROOT {
            let Some(Some(folder)) = self.folders.get(id.0 as usize) else { return };
            if !folder.tags.is_empty() || !folder.folders.is_empty() || !folder.structures.is_empty() {
                return;
            }
            let (parent, kind) = (folder.parent, folder.kind);
            if let Some(folder) = self.folders.get_mut(id.0 as usize).and_then(Option::take) {
                self.paths.remove(folder.key, 0);
            }
            if let Some(Some(above)) = self.folders.get_mut(parent.0 as usize) {
                above.below(kind).retain(|child| *child != id);
            }
            id = parent;
        }
    }

    fn compact(&mut self) {
        let Self { paths, tags, folders, .. } = self;
        paths.compact(|found, text| match target(found) {
            PathTarget::Tag(tag) => {
                if let Some(Some(meta)) = tags.get_mut(tag.index()) {
                    meta.path = text(meta.path, meta.address_len);
                }
            }
            PathTarget::Folder(folder) => {
                if let Some(Some(folder)) = folders.get_mut(folder.0 as usize) {
                    folder.key = text(folder.key, 0);
                }
            }
        });
    }
}

#[inline]
const fn target(found: u32) -> PathTarget {
    if found & FOLDER_BIT == 0 {
        PathTarget::Tag(TagId(found))
    } else {
        PathTarget::Folder(FolderId(found & !FOLDER_BIT))
    }
}

/// The path of `name` below `above`, and where `name` begins in it.
fn join(above: &str, name: &str) -> (String, usize) {
    if above.is_empty() { (name.to_owned(), 0) } else { (format!("{above}.{name}"), above.len() + 1) }
}
