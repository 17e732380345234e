//! From files to nodes, and the names of their namespaces.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use tagwire_model::ValueType;
use tagwire_ua_proto::types::NodeId;

use super::bind::{self, BindError};
use super::document::{self, Lines, Refused, elements};
use super::draft::{Declared, DraftNode};
use super::element;
use super::header::{self, NAMESPACE_ZERO_URI, Scope};
use super::limits::MAX_NODES;
use super::notice::{Notice, Notices};
use crate::address_space::{Model, NAMESPACE_TAGS};

/// Stands for the server's own URI, which is not known while files are read and which no file can name.
const OWN_URI: &str = "\0";

/// Reads files one after the other, each after those that it needs.
pub struct Import {
    node_sets: NodeSets,
    ids: HashSet<NodeId>,
    hasher: DefaultHasher,
    n_files: usize,
    is_complete: bool,
}

/// The nodes of all files, and the variables bound to tags.
#[derive(Default)]
pub struct NodeSets {
    /// URIs by index on this server.
    uris: Vec<String>,
    n_before: usize,
    pub(crate) nodes: Vec<DraftNode>,
    pub(crate) models: Vec<Declared>,
    pub(crate) bindings: Vec<(NodeId, Box<str>)>,
    notices: Notices,
    digest: u64,
    /// The nodes put together, for the checks of bindings.
    model: Model,
}

impl Import {
    /// Nothing read yet; namespaces of the files follow those that the server has by its configuration: that of tags,
    /// then `others` from index 3.
    pub fn new<'a>(tags_uri: &str, others: impl IntoIterator<Item = &'a str>) -> Self {
        let mut uris = vec![NAMESPACE_ZERO_URI.to_owned(), OWN_URI.to_owned(), tags_uri.to_owned()];
        uris.extend(others.into_iter().map(str::to_owned));
        let node_sets = NodeSets { n_before: uris.len(), uris, ..NodeSets::default() };
        Self { node_sets, ids: HashSet::new(), hasher: DefaultHasher::new(), n_files: 0, is_complete: true }
    }

    /// Reads the next file.
    pub fn add(&mut self, bytes: &[u8]) {
        let file = self.n_files;
        self.n_files += 1;
        bytes.hash(&mut self.hasher);
        let result = match std::str::from_utf8(bytes) {
            Ok(text) => self.add_text(file, text.strip_prefix('\u{FEFF}').unwrap_or(text)),
            Err(error) => Err(Refused {
                line: 0,
                problem: format!("byte {} is no UTF-8", error.valid_up_to()),
                fix: "save the file as UTF-8".to_owned(),
            }),
        };
        if let Err(Refused { line, problem, fix }) = result {
            self.is_complete = false;
            self.node_sets.notices.error(Notice { file, line, node: String::new(), problem, fix });
        }
    }

    fn add_text(&mut self, file: usize, text: &str) -> Result<(), Refused> {
        let lines = Lines::of(text);
        let document = document::parse(text, &lines)?;
        let NodeSets { uris, nodes, models, notices, .. } = &mut self.node_sets;
        document::check_texts(&document, file, &lines, notices);
        let root = document.root_element();
        let scope = Scope::read(file, lines, root, uris, notices);
        self.is_complete &= header::models(&scope, root, models, notices)?;
        for found in elements(root) {
            let Some(class) = element::class_of(found.tag_name().name()) else { continue };
            if nodes.len() >= MAX_NODES {
                return Err(Refused {
                    line: scope.line(found),
                    problem: format!("there are more than {MAX_NODES} nodes in all files"),
                    fix: "leave out models that are not needed".to_owned(),
                });
            }
            let Some(node) = element::read(&scope, found, class, notices) else { continue };
            let written = found.attribute("NodeId").unwrap_or_default();
            if node.id.namespace == NAMESPACE_TAGS {
                let problem = "the node lies in the namespace of tags";
                let fix = "give the model a namespace of its own, or another [ua] tag_namespace to the tags";
                notices.error(scope.notice(found, written, problem, fix));
            } else if !self.ids.insert(node.id.clone()) {
                let problem = "another node has this NodeId";
                notices.error(scope.notice(found, written, problem, "remove one of the two"));
            } else {
                nodes.push(node);
            }
        }
        Ok(())
    }

    /// Puts all nodes together and checks what they say of each other.
    pub fn finish(self) -> NodeSets {
        let mut node_sets = self.node_sets;
        node_sets.digest = self.hasher.finish();
        // Without the nodes of a file that is missing or could not be read everything that leads to them would be a mistake.
        if self.is_complete {
            let mut notices = std::mem::take(&mut node_sets.notices);
            node_sets.model = Model::link(&node_sets.nodes, &[], &mut notices);
            node_sets.notices = notices;
        }
        node_sets
    }
}

impl NodeSets {
    /// What is wrong or doubtful.
    pub const fn notices(&self) -> &Notices {
        &self.notices
    }

    /// The number of nodes read.
    pub const fn n_nodes(&self) -> usize {
        self.nodes.len()
    }

    /// URIs of the namespaces that the files add, in their order.
    pub fn namespaces(&self) -> impl Iterator<Item = &str> {
        self.uris.iter().skip(self.n_before).map(String::as_str)
    }

    /// A number that differs when a file or a binding differs.
    pub fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.digest.hash(&mut hasher);
        self.bindings.hash(&mut hasher);
        hasher.finish()
    }

    /// The id written as `ns=<index>;i=...` or `nsu=<uri>;i=...`.
    ///
    /// # Errors
    /// A sentence about what is wrong.
    pub fn id(&self, written: &str) -> Result<NodeId, String> {
        let written = written.trim();
        let text = |error: tagwire_ua_proto::types::NodeIdTextError| format!("\"{written}\" is no NodeId: {error}");
        let Some((uri, identifier)) = written.strip_prefix("nsu=").and_then(|rest| rest.split_once(';')) else {
            return written.parse().map_err(text);
        };
        let index = self.uris.iter().position(|known| known == uri && known != OWN_URI);
        let index = index.ok_or_else(|| format!("no model has the namespace \"{uri}\""))?;
        let id: NodeId = identifier.parse().map_err(text)?;
        Ok(NodeId { namespace: u16::try_from(index).unwrap_or(u16::MAX), ..id })
    }

    /// Whether a model has a node of this id.
    pub fn has_node(&self, id: &NodeId) -> bool {
        self.model.find(id.borrowed()).is_some()
    }

    /// Lets a variable show the value of a tag.
    ///
    /// # Errors
    /// [`BindError`] says why the two do not fit.
    pub fn bind(&mut self, node: NodeId, tag: &str, value_type: ValueType) -> Result<(), BindError> {
        if let Some((_, other)) = self.bindings.iter().find(|(bound, _)| *bound == node) {
            return Err(BindError::Taken(other.clone()));
        }
        bind::check(&self.model, &node, value_type)?;
        self.bindings.push((node, tag.into()));
        Ok(())
    }
}

impl std::fmt::Debug for NodeSets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NodeSets").field("nodes", &self.nodes.len()).field("digest", &self.digest).finish()
    }
}
