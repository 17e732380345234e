//! One file as a tree of elements, with the line of each.

use roxmltree::{Document, Node, ParsingOptions};

use super::bounds::{self, OutOfBounds};
use super::limits::{MAX_ELEMENTS, MAX_TEXT};
use super::notice::{Notice, Notices};

/// Why a file cannot be read on.
pub(super) struct Refused {
    pub(super) line: u32,
    pub(super) problem: String,
    pub(super) fix: String,
}

/// Byte offsets as lines.
pub(super) struct Lines(Vec<usize>);

impl Lines {
    pub(super) fn of(text: &str) -> Self {
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self(std::iter::once(0).chain(newlines).collect())
    }

    pub(super) fn line(&self, offset: usize) -> u32 {
        u32::try_from(self.0.partition_point(|start| *start <= offset)).unwrap_or(u32::MAX)
    }
}

/// Reads the XML of a file within bounds.
pub(super) fn parse<'t>(text: &'t str, lines: &Lines) -> Result<Document<'t>, Refused> {
    bounds::check(text).map_err(|OutOfBounds { offset, problem, fix }| Refused {
        line: lines.line(offset),
        problem,
        fix: fix.to_owned(),
    })?;
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MAX_ELEMENTS, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).map_err(|error| Refused {
        line: error.pos().row,
        problem: format!("not valid XML: {error}"),
        fix: "export the file again, or mend it with an XML editor".to_owned(),
    })?;
    let root = document.root_element();
    if root.tag_name().name() != "UANodeSet" {
        return Err(Refused {
            line: lines.line(root.range().start),
            problem: format!("the file holds <{}> and not <UANodeSet>", root.tag_name().name()),
            fix: "name a file in the format NodeSet2, which often ends in .NodeSet2.xml".to_owned(),
        });
    }
    Ok(document)
}

/// The elements below an element.
pub(super) fn elements<'a, 'i>(of: Node<'a, 'i>) -> impl Iterator<Item = Node<'a, 'i>> {
    of.children().filter(Node::is_element)
}

/// The first element of a name below an element. Prefixes do not count: files differ in them.
pub(super) fn child<'a, 'i>(of: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    elements(of).find(|element| element.tag_name().name() == name)
}

/// All text of an element, as it stands.
pub(super) fn raw_text(of: Node<'_, '_>) -> String {
    of.children().filter(|child| child.is_text()).filter_map(|child| child.text()).collect()
}

/// The text of an element without the space around it.
pub(super) fn text(of: Node<'_, '_>) -> String {
    raw_text(of).trim().to_owned()
}

/// Finds texts and attributes that are too long.
pub(super) fn check_texts(document: &Document<'_>, file: usize, lines: &Lines, notices: &mut Notices) {
    for node in document.root().descendants() {
        let text = node.text().map_or(0, str::len);
        let longest = node.attributes().map(|attribute| attribute.value().len()).max().unwrap_or_default();
        if (node.is_text() && text > MAX_TEXT) || longest > MAX_TEXT {
            notices.error(Notice {
                file,
                line: lines.line(node.range().start),
                node: String::new(),
                problem: format!("a text is longer than {} KiB", MAX_TEXT >> 10),
                fix: "shorten it".to_owned(),
            });
        }
    }
}
