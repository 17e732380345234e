//! What a file says before its nodes: namespaces, models, aliases.

use std::collections::HashMap;

use roxmltree::Node;
use tagwire_model::Timestamp;
use tagwire_ua_proto::types::{NodeId, NodeIdTextError};

use super::document::{Lines, Refused, child, elements, text};
use super::draft::Declared;
use super::notice::{Notice, Notices};

pub(super) const NAMESPACE_ZERO_URI: &str = "http://opcfoundation.org/UA/";

/// Where the ids and names of one file lie on this server.
pub(super) struct Scope {
    pub(super) file: usize,
    pub(super) lines: Lines,
    /// The server's namespace for each index of the file.
    namespaces: Vec<u16>,
    aliases: HashMap<String, NodeId>,
}

/// Why a text is no id of the file.
pub(super) enum IdError {
    Form(NodeIdTextError),
    Namespace(u16),
    Alias,
}

impl Scope {
    /// Reads the namespaces, adding new ones to those of the server, and the aliases.
    pub(super) fn read(
        file: usize,
        lines: Lines,
        root: Node<'_, '_>,
        uris: &mut Vec<String>,
        notices: &mut Notices,
    ) -> Self {
        let mut scope = Self { file, lines, namespaces: vec![0], aliases: HashMap::new() };
        for element in child(root, "NamespaceUris").into_iter().flat_map(elements) {
            let uri = text(element);
            if uri.is_empty() {
                notices.error(scope.notice(element, "", "a namespace has no URI", "write the URI"));
            }
            let known = uris.iter().position(|known| *known == uri);
            let index = known.unwrap_or_else(|| {
                uris.push(uri);
                uris.len() - 1
            });
            scope.namespaces.push(u16::try_from(index).unwrap_or(u16::MAX));
        }
        for element in child(root, "Aliases").into_iter().flat_map(elements) {
            let Some(alias) = element.attribute("Alias") else { continue };
            match scope.id(&text(element)) {
                Ok(id) => {
                    scope.aliases.insert(alias.to_owned(), id);
                }
                Err(error) => {
                    let problem = format!("the alias \"{alias}\" stands for \"{}\": {error}", text(element));
                    notices.error(scope.notice(element, "", problem, "give it a NodeId such as i=45"));
                }
            }
        }
        scope
    }

    pub(super) fn line(&self, element: Node<'_, '_>) -> u32 {
        self.lines.line(element.range().start)
    }

    pub(super) fn notice(
        &self,
        element: Node<'_, '_>,
        node: &str,
        problem: impl Into<String>,
        fix: impl Into<String>,
    ) -> Notice {
        let (problem, fix) = (problem.into(), fix.into());
        Notice { file: self.file, line: self.line(element), node: node.to_owned(), problem, fix }
    }

    /// The server's index for an index of the file.
    pub(super) fn namespace(&self, index: u16) -> Option<u16> {
        self.namespaces.get(usize::from(index)).copied()
    }

    /// A NodeId as written in the file, or an alias.
    pub(super) fn id(&self, written: &str) -> Result<NodeId, IdError> {
        let written = written.trim();
        if let Some(id) = self.aliases.get(written) {
            return Ok(id.clone());
        }
        if !written.contains('=') {
            return Err(IdError::Alias);
        }
        let id: NodeId = written.parse().map_err(IdError::Form)?;
        let namespace = self.namespace(id.namespace).ok_or(IdError::Namespace(id.namespace))?;
        Ok(NodeId { namespace, ..id })
    }

    /// A name as written in the file, with or without `<index>:` before it.
    pub(super) fn name<'n>(&self, written: &'n str) -> Result<(u16, &'n str), IdError> {
        let (index, name) = match written.split_once(':') {
            Some((index, name)) if !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit()) => {
                (index.parse().map_err(|_| IdError::Namespace(u16::MAX))?, name)
            }
            _ => (0, written),
        };
        Ok((self.namespace(index).ok_or(IdError::Namespace(index))?, name))
    }
}

impl std::fmt::Display for IdError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Form(error) => error.fmt(f),
            Self::Namespace(index) => write!(f, "namespace {index} is not among the NamespaceUris of the file"),
            Self::Alias => f.write_str("neither a NodeId nor an alias of the file"),
        }
    }
}

/// Reads the models of a file and checks that those they need were read before; tells whether they were.
pub(super) fn models(
    scope: &Scope,
    root: Node<'_, '_>,
    known: &mut Vec<Declared>,
    notices: &mut Notices,
) -> Result<bool, Refused> {
    let mut is_complete = true;
    for element in child(root, "Models").into_iter().flat_map(elements) {
        let Some(uri) = element.attribute("ModelUri") else { continue };
        if uri == NAMESPACE_ZERO_URI {
            return Err(Refused {
                line: scope.line(element),
                problem: "the file holds namespace 0".to_owned(),
                fix: "remove the file from the list: namespace 0 is built in".to_owned(),
            });
        }
        if let Some(first) = known.iter().find(|model| model.uri == uri) {
            let problem = format!("the model {uri} was read before, from file {} of the list", first.file + 1);
            notices.error(scope.notice(element, "", problem, "remove one of the two files"));
        }
        for required in elements(element).filter(|element| element.tag_name().name() == "RequiredModel") {
            is_complete &= require(scope, required, uri, known, notices);
        }
        known.push(Declared {
            file: scope.file,
            uri: uri.to_owned(),
            version: element.attribute("Version").map(str::to_owned),
            published: element.attribute("PublicationDate").map(str::to_owned),
        });
    }
    Ok(is_complete)
}

fn require(scope: &Scope, required: Node<'_, '_>, by: &str, known: &[Declared], notices: &mut Notices) -> bool {
    let Some(uri) = required.attribute("ModelUri").filter(|uri| *uri != NAMESPACE_ZERO_URI) else { return true };
    let version = required.attribute("Version").map(|version| format!(" {version}")).unwrap_or_default();
    let Some(model) = known.iter().find(|model| model.uri == uri) else {
        let problem = format!("{by} needs the model {uri}{version}, which is not there");
        let fix = "add its file before this one: [[ua.model]] file = \"...\"";
        notices.error(scope.notice(required, "", problem, fix));
        return false;
    };
    let wanted = required.attribute("PublicationDate").and_then(date);
    let found = model.published.as_deref().and_then(date);
    if let (Some(wanted), Some(found)) = (wanted, found)
        && found < wanted
    {
        let has = model.version.as_deref().unwrap_or_default();
        let problem = format!("{by} needs the model {uri}{version}; the one there, {has}, is older");
        notices.error(scope.notice(required, "", problem, "replace its file by a newer one"));
        return false;
    }
    true
}

/// A point in time as XML writes it, with or without a time zone.
pub(super) fn date(written: &str) -> Option<Timestamp> {
    let written = written.trim();
    Timestamp::parse_rfc3339(written).or_else(|| Timestamp::parse_rfc3339(&format!("{written}Z")))
}
