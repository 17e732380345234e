//! Models of others: their NodeSet2 files, and the variables that show the values of tags.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tagwire_driver::KeyKind;
use tagwire_model::ValueType;
use tagwire_ua_server::node_set::{BindError, Import, NodeSets, Notice, limits};
use toml::de::DeTable;

use super::files::Files;
use super::key::{DriverKeys, Known, Presence, Shape, section};
use super::link::{Link, Nested, place};
use super::problem::{Complaint, Problem, Problems};
use super::sections::Ua;
use super::walk::{Plain, Walk};
use super::words::nearest;
use super::{beside, counted};

section! {
    /// One NodeSet2 file, of a companion specification or an own model.
    pub struct ModelKeys {
        /// The file; one that needs another stands behind it in the list.
        /// A relative path starts at the folder of this file.
        pub file: PathBuf = Shape::One(KeyKind::Text), Presence::Required;
        /// Variables of this file, or of one before it, that show the values of tags.
        pub bind: Option<Nested> = Shape::Tables(BindKeys::KEYS, DriverKeys::None), Presence::Optional;
    }
}

section! {
    /// One variable that shows the value of a tag.
    pub struct BindKeys {
        /// The variable, for example `nsu=http://example.org/press/;i=6001`, or `ns=3;i=6001`: namespaces of models follow those of `namespaces` in the order of the files.
        pub node: String = Shape::One(KeyKind::Text), Presence::Required;
        /// Path of the tag, `<link>.<device>.<tag>`.
        pub tag: String = Shape::One(KeyKind::Text), Presence::Required;
    }
}

/// A variable and its tag as written, and where.
struct Wanted {
    node: String,
    node_line: u32,
    tag: String,
    tag_line: u32,
}

/// The files while they are read; tags are known only later.
pub(crate) struct ModelReader {
    pub(crate) node_sets: NodeSets,
    file_names: Vec<Arc<str>>,
    wanted: Vec<Wanted>,
    is_complete: bool,
}

impl ModelReader {
    /// Reads all files.
    pub(crate) fn read(
        walk: &mut Walk<'_>,
        path: &Path,
        files: &dyn Files,
        ua: &Ua,
        tables: Option<(u32, Plain<'_>)>,
    ) -> Self {
        let mut import = Import::new(&ua.tag_namespace, ua.namespaces.iter().map(String::as_str));
        let (mut file_names, mut wanted, mut is_complete) = (Vec::new(), Vec::new(), true);
        for (table, line) in super::tables(tables) {
            let mut checked = walk.check(subject_of(table), table, line, Known::own(ModelKeys::KEYS));
            let (has_file, file_line) = (checked.has("file"), checked.line_of("file"));
            let binds = checked.take_plain("bind");
            let ModelKeys { file, .. } = ModelKeys::take(&mut checked, &mut walk.report());
            for (table, line) in super::tables(binds) {
                let mut checked = walk.check("bind".to_owned(), table, line, Known::own(BindKeys::KEYS));
                let (node_line, tag_line) = (checked.line_of("node"), checked.line_of("tag"));
                let has_both = checked.has("node") && checked.has("tag");
                let BindKeys { node, tag } = BindKeys::take(&mut checked, &mut walk.report());
                if has_both {
                    wanted.push(Wanted { node, node_line, tag, tag_line });
                }
            }
            if !has_file {
                is_complete = false;
                continue;
            }
            let full = beside(path, &file);
            match files.read_up_to(&full, limits::MAX_FILE) {
                Ok(bytes) => {
                    file_names.push(Arc::from(full.to_string_lossy()));
                    import.add(&bytes);
                }
                Err(error) => {
                    is_complete = false;
                    let problem = format!("cannot read the model \"{}\": {error}", full.display());
                    let fix = "the path starts at the folder of this file";
                    walk.report().complain(file_line, &subject_of(table), Complaint::new(problem, fix));
                }
            }
        }
        let node_sets = import.finish();
        is_complete &= node_sets.notices().errors.is_empty();
        // What is wrong with a file counts even where another one, which it may need, is not there.
        for notice in &node_sets.notices().errors {
            walk.problems.push(problem(notice, &file_names));
        }
        if node_sets.notices().n_left_out() > 0 && !is_complete {
            let problem = format!("{} more about the models", counted(node_sets.notices().n_left_out(), "notice"));
            walk.report().complain(0, "[[ua.model]]", Complaint::new(problem, "correct the others first"));
        }
        Self { node_sets, file_names, wanted, is_complete }
    }

    /// Ties variables to tags and checks that no tag has the NodeId of a node.
    pub(crate) fn bind(&mut self, walk: &mut Walk<'_>, links: &[Link], tag_files: &[Arc<str>]) {
        self.check_node_ids(walk.problems, links, tag_files);
        if self.wanted.is_empty() {
            return;
        }
        let tags = tags(links);
        for Wanted { node, node_line, tag, tag_line } in std::mem::take(&mut self.wanted) {
            let subject = format!("bind {node}");
            let value_type = tags.get(&tag).copied();
            if value_type.is_none() {
                let known = tags.keys().map(String::as_str).take(MOST_COMPARED);
                let fix = match nearest(&tag, known) {
                    Some(near) => format!("did you mean \"{near}\"?"),
                    None => "write the path of a tag: tag = \"<link>.<device>.<tag>\"".to_owned(),
                };
                let complaint = Complaint::new(format!("there is no tag \"{tag}\""), fix);
                walk.report().complain(tag_line, &subject, complaint);
            }
            let id = match self.node_sets.id(&node) {
                Ok(id) => id,
                Err(problem) => {
                    let fix = "write \"nsu=<uri>;i=6001\" with the URI of a model, or \"ns=3;i=6001\"";
                    walk.report().complain(node_line, &subject, Complaint::new(problem, fix));
                    continue;
                }
            };
            let (Some(value_type), true) = (value_type, self.is_complete) else { continue };
            if let Err(error) = self.node_sets.bind(id, &tag, value_type) {
                let complaint = Complaint::new(error.to_string(), remedy(&error));
                walk.report().complain(node_line, &subject, complaint);
            }
        }
    }

    fn check_node_ids(&self, problems: &mut Problems, links: &[Link], tag_files: &[Arc<str>]) {
        if self.node_sets.n_nodes() == 0 {
            return;
        }
        for link in links {
            for device in &link.devices {
                for tag in &device.tags {
                    let Some(node_id) = tag.info.as_ref().and_then(|info| info.node_id.as_ref()) else { continue };
                    if !self.node_sets.has_node(&crate::ua::node_id(node_id)) {
                        continue;
                    }
                    let (file, line) = place(tag_files, tag);
                    problems.push(Problem {
                        file,
                        line,
                        subject: format!("tag {}.{}.{}", link.name, device.name, tag.name),
                        problem: format!("the NodeId {node_id} belongs to a node of a model"),
                        fix: "remove node_id and bind the node to the tag: [[ua.model.bind]]".to_owned(),
                    });
                }
            }
        }
    }

    /// What is doubtful about the files: the first of each, and how many more there are.
    pub(crate) fn warnings(&self) -> Vec<Problem> {
        let mut warnings: Vec<Problem> = Vec::new();
        for (file, name) in self.file_names.iter().enumerate() {
            let mut found = self.node_sets.notices().warnings.iter().filter(|notice| notice.file == file);
            warnings.extend(found.by_ref().take(SHOWN_WARNINGS).map(|notice| problem(notice, &self.file_names)));
            let n_more = found.count();
            if n_more > 0 {
                let problem = format!("{} more about this file", counted(n_more, "doubt"));
                let fix = "tell whoever made the file; the rest of it is used".to_owned();
                warnings.push(Problem { file: name.clone(), line: 0, subject: String::new(), problem, fix });
            }
        }
        warnings
    }
}

/// Tags that a wrong path is compared with: each takes the square of its length.
const MOST_COMPARED: usize = 10_000;

/// Doubts told one by one of each file.
const SHOWN_WARNINGS: usize = 3;

fn subject_of(table: &DeTable<'_>) -> String {
    let file = table.get("file").and_then(|value| value.get_ref().as_str()).unwrap_or_default();
    format!("model {file}").trim().to_owned()
}

fn problem(notice: &Notice, file_names: &[Arc<str>]) -> Problem {
    Problem {
        file: file_names.get(notice.file).cloned().unwrap_or_default(),
        line: notice.line,
        subject: if notice.node.is_empty() { String::new() } else { format!("node {}", notice.node) },
        problem: notice.problem.clone(),
        fix: notice.fix.clone(),
    }
}

fn remedy(error: &BindError) -> String {
    match error {
        BindError::Unknown(_) => "look the id up in the file; its index is the server's, not the file's".to_owned(),
        BindError::Class { .. } => "name a variable".to_owned(),
        BindError::Declaration { .. } => "name the variable of an instance, or add an instance to the model".to_owned(),
        BindError::Taken(_) => "remove one of the two".to_owned(),
        BindError::DataType { .. } => {
            "give the tag that type, by `type` or by the type of its `scaling`, or name another tag".to_owned()
        }
        BindError::Rank { .. } => "give the tag as many dimensions, or name another tag".to_owned(),
    }
}

/// The types that clients see, by path.
fn tags(links: &[Link]) -> HashMap<String, ValueType> {
    let devices = links.iter().flat_map(|link| link.devices.iter().map(move |device| (link, device)));
    let tags = devices.flat_map(|(link, device)| {
        device.tags.iter().map(move |tag| (format!("{}.{}.{}", link.name, device.name, tag.name), tag.client_type()))
    });
    tags.collect()
}
