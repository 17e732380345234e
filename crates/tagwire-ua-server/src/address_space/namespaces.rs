//! The namespace table of the server.

use std::sync::Arc;

/// Namespace of the server's own nodes; its URI is the ApplicationUri.
pub const NAMESPACE_SERVER: u16 = 1;
/// Namespace of folders and tags.
pub const NAMESPACE_TAGS: u16 = 2;

const NAMESPACE_ZERO_URI: &str = "http://opcfoundation.org/UA/";

/// URIs of all namespaces, by index.
#[derive(Clone, Debug)]
pub struct Namespaces(Vec<Arc<str>>);

impl Namespaces {
    /// URI of the tags' namespace unless the configuration names another.
    pub const DEFAULT_TAGS_URI: &'static str = "urn:tagwire:tags";

    /// OPC UA, the server, the tags, then `others` from index 3; a URI that is there already is not added again. Only the
    /// server's own does not count for that: ids of `others` were numbered before it was known.
    pub fn new<'a>(application_uri: &str, tags_uri: &str, others: impl IntoIterator<Item = &'a str>) -> Self {
        let mut uris: Vec<Arc<str>> = vec![NAMESPACE_ZERO_URI.into(), application_uri.into(), tags_uri.into()];
        for uri in others {
            let taken = |(index, known): (usize, &Arc<str>)| index != usize::from(NAMESPACE_SERVER) && **known == *uri;
            if !uris.iter().enumerate().any(taken) {
                uris.push(uri.into());
            }
        }
        Self(uris)
    }

    /// All URIs.
    pub fn uris(&self) -> &[Arc<str>] {
        &self.0
    }

    /// The index of a URI.
    pub fn index_of(&self, uri: &str) -> Option<u16> {
        self.0.iter().position(|known| **known == *uri).and_then(|idx| u16::try_from(idx).ok())
    }

    /// Whether the table has this index.
    pub fn contains(&self, index: u16) -> bool {
        usize::from(index) < self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn further_namespaces_follow_the_tags_and_appear_once() {
        let namespaces = Namespaces::new("urn:a", "urn:t", ["urn:x", "urn:t", "urn:y", "urn:x"]);
        assert_eq!(namespaces.uris().len(), 5);
        assert_eq!(namespaces.index_of("urn:x"), Some(3));
        assert_eq!(namespaces.index_of("urn:y"), Some(4));
        assert_eq!(namespaces.index_of("urn:a"), Some(NAMESPACE_SERVER));
        assert_eq!(namespaces.index_of("urn:t"), Some(NAMESPACE_TAGS));
        assert!(!namespaces.contains(5));
    }
}
