//! The identity of one installation.

use std::fmt::{self, Write as _};
use std::path::Path;

use crate::file::{self, FileError, Readers};

const FILE: &str = "install-id";

/// A random UUID (version 4), made at first start and kept in the data folder for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstallId(String);

impl InstallId {
    /// The UUID in its usual text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The application URI of this installation.
    pub fn application_uri(&self) -> String {
        format!("urn:{}:tagwire", self.0)
    }
}

impl fmt::Display for InstallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The identity kept in `data_dir`; made, with the folder, where there is none yet.
///
/// # Errors
/// [`FileError`] when it can neither be read nor made.
pub fn install_id(data_dir: &Path) -> Result<InstallId, FileError> {
    let path = data_dir.join(FILE);
    if let Some(bytes) = file::read(&path, 1024)?
        && let Some(id) = std::str::from_utf8(&bytes).ok().map(str::trim).filter(|text| is_uuid(text))
    {
        return Ok(InstallId(id.to_ascii_lowercase()));
    }
    file::make_folder(data_dir)?;
    let mut bytes = [0_u8; 16];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| FileError::Write { path: path.clone(), source: std::io::Error::other("no random numbers") })?;
    bytes[6] = bytes[6] & 0x0F | 0x40;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    let mut text = String::with_capacity(36);
    for (idx, byte) in bytes.iter().enumerate() {
        if matches!(idx, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    file::replace(&path, format!("{text}\n").as_bytes(), Readers::All)?;
    Ok(InstallId(text))
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(idx, byte)| match idx {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installation_keeps_its_identity_and_two_differ() {
        let folder = tempfile::tempdir().expect("folder");
        let first = install_id(&folder.path().join("a")).expect("makes");
        assert!(is_uuid(first.as_str()), "{first}");
        assert_eq!(install_id(&folder.path().join("a")).expect("reads"), first);
        assert_ne!(install_id(&folder.path().join("b")).expect("makes"), first);
        assert_eq!(first.application_uri(), format!("urn:{first}:tagwire"));
    }
}
