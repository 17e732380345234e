//! Links and devices: which driver, which settings, and the tags below.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use std::collections::HashMap;
use tagwire_driver::{
    BuildError, DeviceSettings, DeviceSpec, DriverKind, Key, KeyKind, LinkSettings, LinkSpec, Settings,
};

use super::files::Files;
use super::key::{DriverKeys, Known, Presence, Shape, section};
use super::name::{Clash, Paths, check_part};
use super::node_id::{ExplicitNodeId, Identifier, TAG_NAMESPACE};
use super::problem::{Complaint, Problem, Reporter};
use super::sections::Ua;
use super::structure::{self, STRUCTURE_KEYS, Wanted};
use super::tag::{DeviceContext, ScalingKeys, TAG_KEYS, Tag, TagDraft, TagKeys, draft_from_table};
use super::template::{INSTANCE_KEYS, Templates};
use super::walk::{Checked, Plain, Walk};
use super::words::{nearest, suggest};
use super::{beside, csv};

section! {
    /// One link: one connection, with one or more devices behind it.
    pub struct LinkKeys {
        /// Name of the link, unique on the server, without dots.
        pub name: String = Shape::One(KeyKind::Text), Presence::Required;
        /// Which driver speaks on the link.
        pub driver: String = Shape::One(KeyKind::Text), Presence::Required;
        /// Where the link leads: `host:port`, or a serial port; not for `sim`.
        pub address: Option<String> = Shape::One(KeyKind::Text), Presence::Depends;
        /// The devices behind the link.
        pub device: Option<Nested> = Shape::Tables(DeviceKeys::KEYS, DriverKeys::Device), Presence::Optional;
    }
}

section! {
    /// One device behind a link.
    pub struct DeviceKeys {
        /// Name of the device, unique on its link, without dots.
        pub name: String = Shape::One(KeyKind::Text), Presence::Required;
        /// A tag list in CSV, or several of them: Kepware's export as it is, or a list with our own keys as columns.
        /// A relative path starts at the folder of this file.
        pub tags_csv: Vec<PathBuf> = Shape::OneOrMore(KeyKind::Text), Presence::Optional;
        /// The tags of the device, besides those of the lists.
        pub tag: Option<Nested> = TAG_KEYS, Presence::Optional;
        /// Groups of tags made from templates.
        pub instance: Option<Nested> = INSTANCE_KEYS, Presence::Optional;
        /// Groups of tags that clients see as one value, besides the values of the tags.
        pub structure: Option<Nested> = STRUCTURE_KEYS, Presence::Optional;
    }
}

/// Stands for tables below, which the reader takes apart itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nested;

impl super::walk::Field for Nested {
    fn read(name: &str, _plain: Plain<'_>) -> Result<Self, Complaint> {
        Err(Complaint::new(format!("\"{name}\" must be tables"), format!("write [[{name}]]")))
    }

    fn absent() -> Self {
        Self
    }
}

/// A link after the checks.
#[derive(Debug)]
pub struct Link {
    /// Name, unique on the server.
    pub name: String,
    /// Name of the driver as written.
    pub driver: String,
    /// Where the link leads.
    pub address: String,
    /// Keys that every kind of link has.
    pub common: Settings,
    /// The driver's own keys.
    pub settings: Settings,
    /// The devices, in the order of the file.
    pub devices: Vec<Device>,
}

/// A device after the checks.
#[derive(Debug)]
pub struct Device {
    /// Name, unique on its link.
    pub name: String,
    /// Keys that every kind of device has.
    pub common: Settings,
    /// The driver's own keys.
    pub settings: Settings,
    /// The tags: those of the file first, then those of the lists.
    pub tags: Vec<Tag>,
}

/// Reads all links of one configuration.
pub(crate) struct LinkReader<'a> {
    path: &'a Path,
    files: &'a dyn Files,
    kinds: &'a [&'static dyn DriverKind],
    namespaces: Vec<&'a str>,
    /// Names of the files read, for messages about tags found in them.
    file_names: Vec<Arc<str>>,
    node_ids: HashMap<ExplicitNodeId, (String, Arc<str>, u32)>,
    structures: Vec<Wanted>,
    templates: Templates<'a>,
}

impl<'a> LinkReader<'a> {
    pub(crate) fn new(
        path: &'a Path,
        files: &'a dyn Files,
        kinds: &'a [&'static dyn DriverKind],
        ua: &'a Ua,
        templates: Templates<'a>,
    ) -> Self {
        let namespaces = std::iter::once(&ua.tag_namespace).chain(&ua.namespaces).map(String::as_str).collect();
        Self {
            path,
            files,
            kinds,
            namespaces,
            file_names: Vec::new(),
            node_ids: HashMap::new(),
            structures: Vec::new(),
            templates,
        }
    }

    pub(crate) fn links(&mut self, walk: &mut Walk<'_>, tables: Vec<(&toml::de::DeTable<'_>, u32)>) -> Vec<Link> {
        self.file_names.push(walk.source.name.clone());
        let mut links = Vec::with_capacity(tables.len());
        let mut names = HashMap::new();
        for (idx, (table, line)) in tables.into_iter().enumerate() {
            let link = self.link(walk, table, line, idx);
            unique("link", &link.name, line, &mut names, &format!("link {}", link.name), walk);
            links.push(link);
        }
        self.check_default_node_ids(walk, &links);
        links
    }

    /// Finds NodeIds that another tag has by default.
    fn check_default_node_ids(&self, walk: &mut Walk<'_>, links: &[Link]) {
        for (node_id, (subject, file, line)) in &self.node_ids {
            let (TAG_NAMESPACE, Identifier::String(path)) = (node_id.namespace, &node_id.identifier) else { continue };
            let mut parts = path.splitn(3, '.');
            let (Some(link), Some(device), Some(name)) = (parts.next(), parts.next(), parts.next()) else { continue };
            let device = links
                .iter()
                .filter(|candidate| candidate.name == link)
                .flat_map(|link| &link.devices)
                .find(|candidate| candidate.name == device);
            let Some(other) = device.and_then(|device| device.tags.iter().find(|tag| *tag.name == *name)) else {
                continue;
            };
            let has_its_own = other.info.as_ref().is_some_and(|info| info.node_id.is_some());
            if !has_its_own {
                let (other_file, other_line) = self.place(other);
                walk.problems.push(Problem {
                    file: file.clone(),
                    line: *line,
                    subject: subject.clone(),
                    problem: format!(
                        "the NodeId {node_id} belongs to tag {path} already (see {other_file}:{other_line})"
                    ),
                    fix: "give each tag a NodeId of its own".to_owned(),
                });
            }
        }
    }

    fn link(&mut self, walk: &mut Walk<'_>, table: &toml::de::DeTable<'_>, line: u32, idx: usize) -> Link {
        let driver = table.get("driver").and_then(|value| value.get_ref().as_str());
        let of_name = |name: &str| self.kinds.iter().copied().find(|kind| kind.names().contains(&name));
        let is_known = driver.is_some_and(|driver| of_name(driver).is_some());
        // A driver with a typing mistake in its name is checked as the one that was likely meant.
        let names: Vec<&str> = self.kinds.iter().flat_map(|kind| kind.names()).copied().collect();
        let meant = driver.and_then(|driver| nearest(driver, names.iter().copied()));
        let kind = meant.and_then(of_name);
        let own_keys: &[Key] = kind.map_or(&[], |kind| kind.link_keys());
        let driver_keys = [LinkSettings::KEYS, own_keys];
        let subject = subject_of(table, "link", "");
        let known = Known { own: LinkKeys::KEYS, driver: &driver_keys };
        // Without a driver nobody can tell which of its keys are right.
        let n_before = walk.problems.len();
        let mut checked = walk.check(subject.clone(), table, line, known);
        if kind.is_none() && driver.is_some() {
            walk.problems.truncate(n_before);
        }
        if !is_known && driver.is_some() {
            let wrong = driver.unwrap_or_default();
            let complaint = Complaint::new(format!("the driver \"{wrong}\" is not known"), suggest(wrong, &names));
            walk.report().complain(checked.line_of("driver"), &subject, complaint);
        }
        let name_line = checked.line_of("name");
        let address_line = checked.line_of("address");
        let devices = checked.take_plain("device");
        let common = checked.take_settings(LinkSettings::KEYS);
        let settings = checked.take_settings(own_keys);
        let had_name = checked.has("name");
        let mut keys = LinkKeys::take(&mut checked, &mut walk.report());
        if let Some(meant) = meant {
            meant.clone_into(&mut keys.driver);
        }
        if had_name && let Err(complaint) = check_part("link", &keys.name) {
            walk.report().complain(name_line, &subject, complaint);
        }
        let address = keys.address.unwrap_or_default();
        if let Some(kind) = kind
            && let Err(BuildError { key, problem, fix }) = kind.check_link(&keys.driver, &address, &settings)
        {
            let line = if key == "address" { address_line } else { checked.line_of(key) };
            walk.report().complain(line, &subject, Complaint { problem, fix });
        }
        if let (Some(kind), Some(second)) = (kind, common.text("secondary")) {
            let line = checked.line_of("secondary");
            let complaint = if second.trim() == address.trim() {
                let problem = format!("the second path leads to {second} as the first one does");
                Some(Complaint::new(problem, "write another address, or remove secondary"))
            } else {
                let wrong =
                    kind.check_link(&keys.driver, second, &settings).err().filter(|error| error.key == "address");
                wrong.map(|BuildError { problem, fix, .. }| Complaint { problem, fix })
            };
            if let Some(complaint) = complaint {
                walk.report().complain(line, &subject, complaint);
            }
        }
        let mut link = Link { name: keys.name, driver: keys.driver, address, common, settings, devices: Vec::new() };
        let tables = match devices {
            Some((_, Plain::Tables(tables))) => tables,
            _ => Vec::new(),
        };
        let mut names = HashMap::new();
        for (table, line) in tables {
            let device = self.device(walk, table, line, (&link, idx), kind);
            unique("device", &device.name, line, &mut names, &format!("device {}.{}", link.name, device.name), walk);
            link.devices.push(device);
        }
        link
    }

    fn device(
        &mut self,
        walk: &mut Walk<'_>,
        table: &toml::de::DeTable<'_>,
        line: u32,
        (link, link_idx): (&Link, usize),
        kind: Option<&'static dyn DriverKind>,
    ) -> Device {
        let own_keys: &[Key] = kind.map_or(&[], |kind| kind.device_keys());
        let driver_keys = [DeviceSettings::KEYS, own_keys];
        let subject = subject_of(table, "device", &link.name);
        let n_before = walk.problems.len();
        let mut checked =
            walk.check(subject.clone(), table, line, Known { own: DeviceKeys::KEYS, driver: &driver_keys });
        if kind.is_none() {
            walk.problems.truncate(n_before);
        }
        let name_line = checked.line_of("name");
        let csv_line = checked.line_of("tags_csv");
        let tag_tables = checked.take_plain("tag");
        let instances = super::tables(checked.take_plain("instance"));
        let structures = super::tables(checked.take_plain("structure"));
        structure::read(walk, structures, (link_idx, link.devices.len()), &mut self.structures);
        let common = checked.take_settings(DeviceSettings::KEYS);
        let settings = checked.take_settings(own_keys);
        let had_name = checked.has("name");
        let keys = DeviceKeys::take(&mut checked, &mut walk.report());
        if had_name && let Err(complaint) = check_part("device", &keys.name) {
            walk.report().complain(name_line, &subject, complaint);
        }
        let shown = |name: &'_ str| if name.is_empty() { "?" } else { name }.to_owned();
        let path = format!("{}.{}", shown(&link.name), shown(&keys.name));
        let kind = kind.filter(|kind| match check_device(*kind, link, &settings) {
            Ok(()) => true,
            Err(BuildError { key, problem, fix }) => {
                walk.report().complain(checked.line_of(key), &subject, Complaint { problem, fix });
                false
            }
        });
        let context = DeviceContext {
            path: &path,
            kind,
            settings: &settings,
            tag_keys: kind.map_or(&[], |kind| kind.tag_keys()),
            namespaces: &self.namespaces,
            respect_imported_rates: common.text("scan_mode") == Some("tag"),
        };
        let mut tags = Vec::new();
        if let Some((_, Plain::Tables(tables))) = tag_tables {
            tags.reserve(tables.len());
            for (table, line) in tables {
                tags.extend(inline_tag(walk, table, line, &context));
            }
        }
        let at = (link_idx, link.devices.len());
        self.templates.expand(walk, instances, &context, (&mut tags, at, &mut self.structures));
        for csv_path in &keys.tags_csv {
            let full = beside(self.path, csv_path);
            match self.files.read(&full) {
                Ok(bytes) => {
                    let name: Arc<str> = Arc::from(full.to_string_lossy());
                    let file = self.file_names.len().min(usize::from(u16::MAX)) as u16;
                    self.file_names.push(name.clone());
                    let mut report = Reporter { file: &name, problems: walk.problems };
                    csv::read_tags(&bytes, file, &context, &mut tags, &mut report);
                }
                Err(error) => {
                    let problem = format!("cannot read the tag list \"{}\": {error}", full.display());
                    let fix = "the path starts at the folder of this file";
                    walk.report().complain(csv_line, &subject, Complaint::new(problem, fix));
                }
            }
        }
        self.check_names(walk, &path, &tags);
        self.check_node_ids(walk, &path, &tags);
        Device { name: keys.name, common, settings, tags }
    }

    /// The structures asked for.
    pub(super) fn structures(&self) -> &[Wanted] {
        &self.structures
    }

    /// The files that tags come from, by their number.
    pub(super) fn into_file_names(self) -> Vec<Arc<str>> {
        self.file_names
    }

    fn place(&self, tag: &Tag) -> (Arc<str>, u32) {
        place(&self.file_names, tag)
    }

    /// Finds tags with the same name, and tags with the name of a group.
    fn check_names(&self, walk: &mut Walk<'_>, path: &str, tags: &[Tag]) {
        let mut paths = Paths::with_capacity(tags.len());
        for (idx, tag) in tags.iter().enumerate() {
            let Err(clash) = paths.add(&tag.name, idx) else { continue };
            let (first, complaint) = match clash {
                Clash::Tag(first) => (first, Complaint::new("the name is taken", "give one of the two another name")),
                Clash::TagIsGroup(first) => {
                    let problem =
                        format!("\"{}\" is a group as well, because of the tag \"{}\"", tag.name, tags[first].name);
                    (first, Complaint::new(problem, "give the tag or the group another name"))
                }
                Clash::GroupIsTag(group, first) => {
                    let problem = format!("its group \"{group}\" is a tag as well");
                    (first, Complaint::new(problem, "give the tag or the group another name"))
                }
            };
            let (file, line) = self.place(tag);
            let (first_file, first_line) = self.place(&tags[first]);
            walk.problems.push(Problem {
                file,
                line,
                subject: format!("tag {path}.{}", tag.name),
                problem: format!("{} (see {first_file}:{first_line})", complaint.problem),
                fix: complaint.fix,
            });
        }
    }

    fn check_node_ids(&mut self, walk: &mut Walk<'_>, path: &str, tags: &[Tag]) {
        for tag in tags {
            let Some(node_id) = tag.info.as_ref().and_then(|info| info.node_id.as_ref()) else { continue };
            let (file, line) = self.place(tag);
            let subject = format!("tag {path}.{}", tag.name);
            if let Some((other, other_file, other_line)) = self.node_ids.get(node_id) {
                walk.problems.push(Problem {
                    file,
                    line,
                    subject,
                    problem: format!("the NodeId {node_id} belongs to {other} already (see {other_file}:{other_line})"),
                    fix: "give each tag a NodeId of its own".to_owned(),
                });
            } else {
                self.node_ids.insert(node_id.clone(), (subject, file, line));
            }
        }
    }
}

/// File and line of a tag.
pub(super) fn place(file_names: &[Arc<str>], tag: &Tag) -> (Arc<str>, u32) {
    let name = file_names.get(usize::from(tag.file)).cloned().unwrap_or_else(|| Arc::from(""));
    (name, tag.line)
}

/// Checks a device's own keys against its link, by making a driver that opens nothing.
fn check_device(kind: &'static dyn DriverKind, link: &Link, settings: &Settings) -> Result<(), BuildError> {
    if kind.check_link(&link.driver, &link.address, &link.settings).is_err() {
        return Ok(());
    }
    let device = DeviceSpec { name: String::new(), settings: settings.clone(), tags: Vec::new() };
    let link = LinkSpec {
        name: link.name.clone(),
        kind: link.driver.clone(),
        address: link.address.clone(),
        settings: link.settings.clone(),
        devices: vec![device],
    };
    kind.build(&link).map(|_| ())
}

fn inline_tag(
    walk: &mut Walk<'_>,
    table: &toml::de::DeTable<'_>,
    line: u32,
    context: &DeviceContext<'_>,
) -> Option<Tag> {
    let n_before = walk.problems.len();
    let draft = inline_draft(walk, table, line, context)?;
    let tag = context.finish(draft, 0, &mut walk.report());
    tag.filter(|_| walk.problems.len() == n_before)
}

/// The draft of a tag in a table; `None`, with a report, when nothing more can be told about it.
pub(super) fn inline_draft(
    walk: &mut Walk<'_>,
    table: &toml::de::DeTable<'_>,
    line: u32,
    context: &DeviceContext<'_>,
) -> Option<TagDraft<'static>> {
    let name = table.get("name").and_then(|value| value.get_ref().as_str()).unwrap_or_default();
    let n_before = walk.problems.len();
    let known = Known { own: TagKeys::KEYS, driver: &[context.tag_keys] };
    let mut checked: Checked<'_> = walk.check(context.subject(name), table, line, known);
    if context.kind.is_none() {
        walk.problems.truncate(n_before);
    }
    let scaling = match checked.take_plain("scaling") {
        Some((_, Plain::Table(table, line))) => {
            let mut scaling = walk.check(context.subject(name), table, line, Known::own(ScalingKeys::KEYS));
            Some(ScalingKeys::take(&mut scaling, &mut walk.report()))
        }
        _ => None,
    };
    let draft = draft_from_table(checked, scaling, context, &mut walk.report());
    // A draft with a mistake is still checked for what else is wrong with it, but makes no tag; missing keys were told.
    let is_hopeless = walk.problems.len() > n_before && (draft.name.is_empty() || draft.address.is_empty());
    (!is_hopeless).then_some(draft)
}

/// `link line1`, or the line's own words when there is no name to tell it by.
fn subject_of(table: &toml::de::DeTable<'_>, what: &str, above: &str) -> String {
    let name = table.get("name").and_then(|value| value.get_ref().as_str());
    match (name, above) {
        (None | Some(""), "") => format!("a {what}"),
        (None | Some(""), above) => format!("a {what} of {above}"),
        (Some(name), "") => format!("{what} {name}"),
        (Some(name), above) => format!("{what} {above}.{name}"),
    }
}

fn unique(what: &str, name: &str, line: u32, names: &mut HashMap<String, u32>, subject: &str, walk: &mut Walk<'_>) {
    if name.is_empty() {
        return;
    }
    if let Some(first) = names.get(name) {
        let problem = format!("another {what} has the same name (see line {first})");
        walk.report().complain(line, subject, Complaint::new(problem, "give one of the two another name"));
    } else {
        names.insert(name.to_owned(), line);
    }
}
