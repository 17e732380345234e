//! `tagwire.toml`: from text to validated types, with every mistake found in one pass.

mod access;
mod csv;
mod derived;
mod files;
mod fill;
mod history;
pub mod kepware;
mod key;
mod link;
mod model;
mod name;
mod node_id;
mod postgres;
mod problem;
mod reference;
mod sections;
mod states;
mod structure;
mod tag;
mod template;
mod walk;
mod words;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tagwire_access::Policy;
use tagwire_driver::{AddressError, DriverKind, KeyKind};
use tagwire_ua_server::node_set::NodeSets;
use toml::de::DeTable;

pub use access::{Access, AccessKeys, Channel, IssuerKeys, RoleKeys, RuleKeys};
pub use csv::text_of_list;
pub use derived::{Derived, DerivedKeys, LinkOn, Work};
pub use files::{Disk, Files};

pub use history::{Backend, History, HistoryKeys, HistoryRule, HistoryRuleKeys};
pub use key::{DriverKeys, KeyDef, Presence, Shape};
pub use link::{Device, DeviceKeys, Link, LinkKeys};
pub use model::{BindKeys, ModelKeys};
pub use name::{MAX_NAME, MAX_TAG_NAME};
pub use node_id::{ExplicitNodeId, Identifier, TAG_NAMESPACE};
pub use postgres::PostgresKeys;
pub use problem::{Problem, Problems};
pub use reference::{reference, schema};
pub use sections::{
    Anonymous, AuditSection, ClientUrl, FingerprintKey, HostPort, Http, Log, LogFormat, OpenOpc, Security, Server,
    ServerUrl, Ua,
};
pub use structure::{StructureKeys, Structures};
pub use tag::{ClampWord, CurveWord, ScalingKeys, Tag, TagInfo, TagKeys};
pub use template::{InstanceKeys, TemplateKeys};
pub use words::{counted, format_duration, parse_duration};

use key::Known;
use link::LinkReader;
use model::ModelReader;
use problem::{Complaint, Reporter, Source};
use template::Templates;
use walk::{Checked, Plain, Walk};
use words::suggest;

/// A configuration without a mistake.
#[derive(Debug)]
pub struct Config {
    /// The file, as it was named.
    pub path: PathBuf,
    /// Who the server is.
    pub server: Server,
    /// The OPC UA server.
    pub ua: Ua,
    /// Who may log in and do what.
    pub access: Access,
    /// The HTTP port.
    pub http: Http,
    /// The OpenOPC gateway.
    pub openopc: OpenOpc,
    /// The audit log.
    pub audit: AuditSection,
    /// What is kept.
    pub history: History,
    /// What the log says.
    pub log: Log,
    /// Models of others, with their variables bound to tags.
    pub node_sets: NodeSets,
    /// Groups of tags that are structures.
    pub structures: Structures,
    /// The links with their devices and tags.
    pub links: Vec<Link>,
    /// Tags that are worked out of others.
    pub derived: Vec<Derived>,
    /// What is allowed but probably not meant.
    pub warnings: Vec<Problem>,
}

/// The keys of the file's top level.
pub const TOP_KEYS: &[KeyDef] = &[
    KeyDef {
        name: "version",
        shape: Shape::One(KeyKind::Integer { min: 1, max: 1 }),
        presence: Presence::Required,
        doc: "Version of the shape of this file; always 1.",
    },
    KeyDef {
        name: "server",
        shape: Shape::Table(Server::KEYS),
        presence: Presence::Optional,
        doc: "Who this server is and where it keeps its files.",
    },
    KeyDef { name: "ua", shape: Shape::Table(Ua::KEYS), presence: Presence::Optional, doc: "The OPC UA server." },
    KeyDef {
        name: "access",
        shape: Shape::Table(AccessKeys::KEYS),
        presence: Presence::Optional,
        doc: "Who may log in and do what.",
    },
    KeyDef {
        name: "http",
        shape: Shape::Table(Http::KEYS),
        presence: Presence::Optional,
        doc: "The HTTP port for Prometheus; closed unless `listen` is given.",
    },
    KeyDef {
        name: "openopc",
        shape: Shape::Table(OpenOpc::KEYS),
        presence: Presence::Optional,
        doc: "The OpenOPC gateway, for scripts that call `OpenOPC.open_client()`; closed unless `listen` is given.",
    },
    KeyDef {
        name: "audit",
        shape: Shape::Table(AuditSection::KEYS),
        presence: Presence::Optional,
        doc: "The audit log: who did what, as a hash-chained file in the folder `audit` of `data_dir` (see docs/security.md).",
    },
    KeyDef {
        name: "history",
        shape: Shape::Table(HistoryKeys::KEYS),
        presence: Presence::Optional,
        doc: "The historian: samples that are kept in the folder `history` of `data_dir`.",
    },
    KeyDef {
        name: "log",
        shape: Shape::Table(Log::KEYS),
        presence: Presence::Optional,
        doc: "What the log says and how.",
    },
    KeyDef {
        name: "template",
        shape: Shape::Tables(TemplateKeys::KEYS, DriverKeys::None),
        presence: Presence::Optional,
        doc: "Tags that several devices have alike.",
    },
    KeyDef {
        name: "link",
        shape: Shape::Tables(LinkKeys::KEYS, DriverKeys::Link),
        presence: Presence::Optional,
        doc: "One link: one connection, with one or more devices behind it.",
    },
    KeyDef {
        name: "derived",
        shape: Shape::Tables(DerivedKeys::KEYS, DriverKeys::None),
        presence: Presence::Optional,
        doc: "One tag whose value is worked out of others.",
    },
];

impl Config {
    /// Reads and checks a configuration and the tag lists that it names.
    ///
    /// # Errors
    /// All [`Problems`] found, each with file, line, what it concerns and the fix.
    pub fn load(path: &Path, kinds: &[&'static dyn DriverKind]) -> Result<Self, Problems> {
        Self::load_from(path, &Disk, kinds)
    }

    /// [`Config::load`] with the files from elsewhere than the disk.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_from(path: &Path, files: &dyn Files, kinds: &[&'static dyn DriverKind]) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let name: Arc<str> = Arc::from(path.to_string_lossy());
        let config = read(path, &name, files, kinds, &mut problems);
        problems.sort(&name);
        match config {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(problems),
        }
    }

    /// The folder that a server with this file owns, as far as the file can be read: to find a running server, whatever
    /// has become of its file meanwhile.
    pub fn data_dir_of(path: &Path) -> PathBuf {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let (root, _) = DeTable::parse_recoverable(&text);
        let server = root.get_ref().get("server").and_then(|value| value.get_ref().as_table());
        let named = server.and_then(|server| server.get("data_dir")).and_then(|value| value.get_ref().as_str());
        let default = Server::KEYS.iter().find_map(|key| match key.presence {
            Presence::Default(text) if key.name == "data_dir" => Some(text),
            _ => None,
        });
        beside(path, Path::new(named.or(default).unwrap_or_default()))
    }

    /// A path of the file, which starts at the folder of the file.
    pub fn resolve(&self, path: &Path) -> PathBuf {
        beside(&self.path, path)
    }

    /// The folder that one process owns.
    pub fn data_dir(&self) -> PathBuf {
        self.resolve(&self.server.data_dir)
    }

    /// Number of tags.
    pub fn n_tags(&self) -> usize {
        let of_devices: usize = self.links.iter().flat_map(|link| &link.devices).map(|device| device.tags.len()).sum();
        of_devices + self.derived.len()
    }
}

pub(crate) fn beside(file: &Path, path: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.join(path),
        _ => path.to_owned(),
    }
}

fn read(
    path: &Path,
    name: &Arc<str>,
    files: &dyn Files,
    kinds: &[&'static dyn DriverKind],
    problems: &mut Problems,
) -> Option<Config> {
    let text = match files.read(path).map(String::from_utf8) {
        Ok(Ok(text)) => text,
        Ok(Err(error)) => {
            let problem = format!("byte {} is no UTF-8", error.utf8_error().valid_up_to());
            Reporter { file: name, problems }.complain(0, "", Complaint::new(problem, "save the file as UTF-8"));
            return None;
        }
        Err(error) => {
            let fix = "name the file with --config, or make one: tagwire demo --dir shows a complete one";
            Reporter { file: name, problems }.complain(0, "", Complaint::new(format!("cannot read: {error}"), fix));
            return None;
        }
    };
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(&text);
    let source = Source::new(name.clone(), text);
    let (root, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        for error in errors {
            let line = error.span().map_or(0, |span| source.line(span.start));
            let place = error.span().and_then(|span| text.get(span)).filter(|place| !place.contains('\n'));
            let complaint = syntax_complaint(error.message(), place.unwrap_or_default().trim());
            Reporter { file: name, problems }.complain(line, "", complaint);
        }
        return None;
    }
    let mut walk = Walk { source: &source, problems };
    let mut top = walk.check(String::new(), root.get_ref(), 0, Known::own(TOP_KEYS));
    let server = section(&mut walk, &mut top, "server", Server::KEYS, Server::take);
    let mut model_tables = None;
    let ua: Ua = section(&mut walk, &mut top, "ua", Ua::KEYS, |checked, report| {
        model_tables = checked.take_plain("model");
        Ua::take(checked, report)
    });
    let (access_table, access_line) = section_table(&mut top, "access");
    let access = access::read(&mut walk, access_table, access_line, ua.anonymous, files, path);
    let http = section(&mut walk, &mut top, "http", Http::KEYS, Http::take);
    let openopc = section(&mut walk, &mut top, "openopc", OpenOpc::KEYS, OpenOpc::take);
    check_openopc(&openopc, &access.policy, &mut walk, &root);
    let audit = section(&mut walk, &mut top, "audit", AuditSection::KEYS, AuditSection::take);
    let (history_table, history_line) = section_table(&mut top, "history");
    let history = history::read(&mut walk, history_table, history_line);
    let log = section(&mut walk, &mut top, "log", Log::KEYS, Log::take);
    let mut models = ModelReader::read(&mut walk, path, files, &ua, model_tables);
    let templates = Templates::read(&mut walk, tables(top.take_plain("template")));
    let mut reader = LinkReader::new(path, files, kinds, &ua, templates);
    let links = match top.take_plain("link") {
        Some((_, Plain::Tables(tables))) => reader.links(&mut walk, tables),
        _ => Vec::new(),
    };
    let derived = derived::read(&mut walk, tables(top.take_plain("derived")), &links);
    let structures = structure::resolve(&mut walk, &links, reader.structures());
    let file_names = reader.into_file_names();
    models.bind(&mut walk, &links, &file_names);
    check_ua(&ua, &mut walk, &root);
    check_log(&log, &mut walk, &root);
    let model_warnings = models.warnings();
    let mut config = Config {
        path: path.to_owned(),
        server,
        ua,
        access,
        http,
        openopc,
        audit,
        history,
        log,
        node_sets: models.node_sets,
        structures,
        links,
        derived,
        warnings: Vec::new(),
    };
    let line_of = |key: &str| {
        let table = root.get_ref().get("ua").and_then(|value| value.get_ref().as_table());
        table.and_then(|table| table.get_key_value(key)).map_or(0, |(key, _)| source.line(key.span().start))
    };
    config.warnings = warnings(&config, files, name, line_of);
    config.warnings.extend(model_warnings);
    config.warnings.extend(doubts(&config, kinds, &file_names));
    Some(config)
}

/// What is allowed but probably not meant.
fn warnings(config: &Config, files: &dyn Files, file: &Arc<str>, line_of: impl Fn(&str) -> u32) -> Vec<Problem> {
    let mut warnings = Vec::new();
    let mut warn = |key: &str, problem: String, fix: &str| {
        let (file, line, subject) = (file.clone(), line_of(key), "[ua]".to_owned());
        warnings.push(Problem { file, line, subject, problem, fix: fix.to_owned() });
    };
    let listen = config.ua.listen_or_default();
    if let Some(open) = listen.iter().find(|address| !address.is_loopback()) {
        if config.ua.security.contains(&Security::None) {
            let problem = format!("everybody on the network of {open} can read along, because security has \"none\"");
            warn("security", problem, "remove \"none\", or listen on 127.0.0.1");
        }
        if config.ua.anonymous == Anonymous::Write {
            let problem = format!("everybody on the network of {open} may write");
            warn("anonymous", problem, "write anonymous = \"read\" or \"none\", or listen on 127.0.0.1");
        }
    }
    let users = config.resolve(&config.access.users);
    if config.ua.anonymous == Anonymous::None && files.read(&users).is_err() {
        let problem = format!("nobody can log in: there is no {}, and anonymous is \"none\"", users.display());
        warn("anonymous", problem, "add a user with: tagwire user add NAME --config FILE");
    }
    warnings
}

/// What the drivers doubt about tags that they accept: the first of each device, and how many more there are.
fn doubts(config: &Config, kinds: &[&'static dyn DriverKind], file_names: &[Arc<str>]) -> Vec<Problem> {
    let mut doubts = Vec::new();
    for link in &config.links {
        let Some(kind) = kinds.iter().find(|kind| kind.names().contains(&link.driver.as_str())) else { continue };
        for device in &link.devices {
            let mut found = device.tags.iter().filter_map(|tag| Some((tag, kind.doubt(&device.settings, &tag.spec)?)));
            let Some((tag, AddressError { problem, fix })) = found.next() else { continue };
            let (file, line) = link::place(file_names, tag);
            let more = match found.count() {
                0 => String::new(),
                n => format!(" ({n} more on this device)"),
            };
            let subject = format!("tag {}.{}.{}", link.name, device.name, tag.name);
            doubts.push(Problem { file, line, subject, problem: problem + more.as_str(), fix });
        }
    }
    doubts
}

/// A filter parses whatever its words are, so that a wrong level would silence the log.
fn check_log(log: &Log, walk: &mut Walk<'_>, root: &toml::Spanned<DeTable<'_>>) {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let level_of = |part: &str| part.rsplit_once('=').map_or(part, |(_, level)| level).trim().to_lowercase();
    let Some(wrong) = log.level.split(',').map(level_of).find(|level| !LEVELS.contains(&level.as_str())) else {
        return;
    };
    let table = root.get_ref().get("log").and_then(|value| value.get_ref().as_table());
    let line = table.and_then(|table| table.get_key_value("level")).map_or(0, |(key, _)| walk.line(key));
    let complaint = Complaint::new(format!("\"level\" does not know \"{wrong}\""), suggest(&wrong, &LEVELS));
    walk.report().complain(line, "[log]", complaint);
}

/// Roles that there are not would give nothing, silently.
fn check_openopc(openopc: &OpenOpc, policy: &Policy, walk: &mut Walk<'_>, root: &toml::Spanned<DeTable<'_>>) {
    let table = root.get_ref().get("openopc").and_then(|value| value.get_ref().as_table());
    let line_of = |walk: &Walk<'_>, key: &str| {
        table.and_then(|table| table.get_key_value(key)).map_or(0, |(key, _)| walk.line(key))
    };
    for role in openopc.roles.iter().filter(|role| policy.role(role).is_none()) {
        let known: Vec<&str> = policy.roles().filter_map(|role| policy.role_name(role)).collect();
        let complaint = Complaint::new(format!("there is no role \"{role}\""), suggest(role, &known));
        let line = line_of(walk, "roles");
        walk.report().complain(line, "[openopc]", complaint);
    }
    if openopc.names.is_empty() {
        let complaint = Complaint::new("the list of names is empty", "remove the key for the name Tagwire.OPC.1");
        let line = line_of(walk, "names");
        walk.report().complain(line, "[openopc]", complaint);
    }
}

/// What helps with a file that is no TOML.
fn syntax_complaint(message: &str, place: &str) -> Complaint {
    let fix = if message.contains("duplicate") {
        "remove one of the two; a list of links starts each entry with [[link]]"
    } else if message.contains("string") || message.contains("quote") {
        "put text in double quotes, both of them on the same line"
    } else {
        "write key = value, text in double quotes, [section] or [[link]] on a line of its own"
    };
    let place = if place.is_empty() || place.len() > 60 { String::new() } else { format!(" at {place}") };
    Complaint::new(format!("not valid TOML: {message}{place}"), fix)
}

fn section<'t, T>(
    walk: &mut Walk<'_>,
    top: &mut Checked<'t>,
    name: &'static str,
    keys: &'static [KeyDef],
    take: impl FnOnce(&mut Checked<'t>, &mut Reporter<'_>) -> T,
) -> T {
    let (table, line) = section_table(top, name);
    let mut checked = walk.check(format!("[{name}]"), table, line, Known::own(keys));
    take(&mut checked, &mut walk.report())
}

/// The tables of a list, none when the file has none.
fn tables<'t>(plain: Option<(u32, Plain<'t>)>) -> Vec<(&'t DeTable<'t>, u32)> {
    match plain {
        Some((_, Plain::Tables(tables))) => tables,
        _ => Vec::new(),
    }
}

/// The table of a section, empty when the file has none, and its line.
fn section_table<'t>(top: &mut Checked<'t>, name: &'static str) -> (&'t DeTable<'t>, u32) {
    static EMPTY: std::sync::LazyLock<DeTable<'static>> = std::sync::LazyLock::new(DeTable::new);
    match top.take_plain(name) {
        Some((line, Plain::Table(table, _))) => (table, line),
        _ => (&*EMPTY, 0),
    }
}

/// Rules between the keys of `[ua]`.
fn check_ua(ua: &Ua, walk: &mut Walk<'_>, root: &toml::Spanned<DeTable<'_>>) {
    let table = root.get_ref().get("ua").and_then(|value| value.get_ref().as_table());
    let line_of = |walk: &Walk<'_>, key: &str| {
        table.and_then(|table| table.get_key_value(key)).map_or(0, |(key, _)| walk.line(key))
    };
    let mut complain = |key: &str, complaint: Complaint| {
        let line = line_of(walk, key);
        walk.report().complain(line, "[ua]", complaint);
    };
    if ua.security.is_empty() {
        let fix = "write security = [\"basic256sha256\"], or remove the key";
        complain("security", Complaint::new("the list of security policies is empty", fix));
    }
    let mut uris = vec![ua.tag_namespace.as_str()];
    for uri in &ua.namespaces {
        if uris.contains(&uri.as_str()) || uri == "http://opcfoundation.org/UA/" {
            let problem = format!("the namespace \"{uri}\" is there twice");
            complain("namespaces", Complaint::new(problem, "remove it from the list"));
        }
        uris.push(uri);
    }
    for (idx, listen) in ua.listen.iter().enumerate() {
        if ua.listen.iter().take(idx).any(|earlier| earlier == listen) {
            let problem = format!("the address {listen} is there twice");
            complain("listen", Complaint::new(problem, "remove one of them"));
        }
    }
}
