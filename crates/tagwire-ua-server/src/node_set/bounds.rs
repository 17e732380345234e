//! A pass over the bytes of a file that refuses what would cost the XML reader much time or memory.

use super::limits::{MAX_ATTRIBUTES, MAX_DEPTH, MAX_FILE};

/// Why a text is not read at all, and where: a byte offset.
pub(super) struct OutOfBounds {
    pub(super) offset: usize,
    pub(super) problem: String,
    pub(super) fix: &'static str,
}

fn refused(offset: usize, problem: String, fix: &'static str) -> OutOfBounds {
    OutOfBounds { offset, problem, fix }
}

/// Checks size, depth and attributes, and that there is no document type declaration. What is no XML passes here and
/// is found by the XML reader.
pub(super) fn check(text: &str) -> Result<(), OutOfBounds> {
    const SMALLER: &str = "split the model into several files";
    if text.len() > MAX_FILE {
        let problem = format!("the file is larger than {} MiB", MAX_FILE >> 20);
        return Err(refused(0, problem, SMALLER));
    }
    let bytes = text.as_bytes();
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(start) = find(bytes, at, b"<") {
        let rest = bytes.get(start..).unwrap_or_default();
        let skipped = [(&b"<!--"[..], &b"-->"[..]), (b"<![CDATA[", b"]]>"), (b"<?", b"?>")];
        if let Some((head, end)) = skipped.iter().find(|(head, _)| rest.starts_with(head)) {
            match find(bytes, start + head.len(), end) {
                Some(found) => at = found + end.len(),
                None => return Ok(()),
            }
            continue;
        }
        if rest.starts_with(b"<!") {
            let problem = "the file has a document type declaration (DOCTYPE), which can hold entities".to_owned();
            return Err(refused(start, problem, "remove it: a NodeSet2 file needs none"));
        }
        let Some(tag) = tag(rest) else { return Ok(()) };
        if tag.n_equals > MAX_ATTRIBUTES {
            let problem = format!("an element has more than {MAX_ATTRIBUTES} attributes");
            return Err(refused(start, problem, "remove what is no part of NodeSet2"));
        }
        if rest.starts_with(b"</") {
            depth = depth.saturating_sub(1);
        } else if !tag.is_empty {
            depth += 1;
        }
        if depth > MAX_DEPTH {
            let problem = format!("elements lie more than {MAX_DEPTH} levels deep");
            return Err(refused(start, problem, "remove what is no part of NodeSet2"));
        }
        at = start + tag.len;
    }
    Ok(())
}

struct Tag {
    len: usize,
    n_equals: usize,
    is_empty: bool,
}

/// The tag at the start of `bytes`; `None` when it has no end.
fn tag(bytes: &[u8]) -> Option<Tag> {
    let mut quote = None;
    let mut n_equals = 0;
    for (at, byte) in bytes.iter().enumerate() {
        match (quote, byte) {
            (Some(open), byte) if open == *byte => quote = None,
            (None, b'"' | b'\'') => quote = Some(*byte),
            (None, b'=') => n_equals += 1,
            (None, b'>') => {
                let is_empty = at > 0 && bytes.get(at - 1) == Some(&b'/');
                return Some(Tag { len: at + 1, n_equals, is_empty });
            }
            _ => {}
        }
    }
    None
}

fn find(bytes: &[u8], from: usize, what: &[u8]) -> Option<usize> {
    let rest = bytes.get(from..)?;
    match what {
        [one] => rest.iter().position(|byte| byte == one),
        _ => rest.windows(what.len()).position(|window| window == what),
    }
    .map(|found| from + found)
}
