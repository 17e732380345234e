//! Who the client is, and whom it trusts.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tagwire_access::{
    Audit, NoAudit, OwnCertificate, OwnIdentity, OwnSettings, TrustSettings, TrustStore, found_names,
};
use tagwire_model::Timestamp;

use crate::Error;

/// Longest time that a connection waits for the making of the first key.
const MAX_KEY_WAIT: Duration = Duration::from_secs(60);

/// Own certificate and trust lists below one data folder; needed for endpoints with security.
#[derive(Clone, Debug)]
pub struct Identity {
    data_dir: PathBuf,
    own: Arc<OwnIdentity>,
    trust: Arc<TrustStore>,
}

impl Identity {
    /// Opens `data_dir/pki`; makes the folders, and in a thread the key and certificate, where there are none yet.
    ///
    /// # Errors
    /// [`Error::Own`], [`Error::File`].
    pub fn open(data_dir: &Path, application_name: &str) -> Result<Self, Error> {
        let settings = OwnSettings {
            application_name: application_name.to_owned(),
            found_names: found_names(),
            ..OwnSettings::default()
        };
        let audit: Arc<dyn Audit> = Arc::new(NoAudit);
        let own = OwnIdentity::open(data_dir, settings, now())?;
        let trust = TrustStore::open(&data_dir.join("pki"), TrustSettings::default(), audit)?;
        Self::of(data_dir, own, Arc::new(trust))
    }

    /// The folder with the key and the trust lists of this user, which the command line and all other clients share.
    pub fn user_folder() -> PathBuf {
        let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        absolute("XDG_DATA_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
            .unwrap_or_else(std::env::temp_dir)
            .join("tagwire/client")
    }

    /// Uses what the server opened already.
    ///
    /// # Errors
    /// [`Error::Options`] when the folder does not exist.
    pub fn of(data_dir: &Path, own: Arc<OwnIdentity>, trust: Arc<TrustStore>) -> Result<Self, Error> {
        // The library joins paths to a folder of its own, so they must be absolute.
        let data_dir = std::path::absolute(data_dir)
            .map_err(|error| Error::Options(format!("{}: {error}", data_dir.display())))?;
        Ok(Self { data_dir, own, trust })
    }

    /// The trust lists, to accept a server's certificate.
    pub const fn trust(&self) -> &Arc<TrustStore> {
        &self.trust
    }

    /// The own certificate; waits for it, a minute at most, if it is being made.
    ///
    /// # Errors
    /// [`Error::Own`].
    pub async fn own(&self) -> Result<Arc<OwnCertificate>, Error> {
        if let Some(own) = self.own.current() {
            return Ok(own);
        }
        let own = Arc::clone(&self.own);
        match tokio::task::spawn_blocking(move || own.wait(MAX_KEY_WAIT)).await {
            Ok(outcome) => Ok(outcome?),
            Err(_) => Err(Error::Options("runtime is shutting down".to_owned())),
        }
    }

    pub(crate) fn certificate_path(&self) -> PathBuf {
        self.data_dir.join("pki").join(OwnCertificate::CERTIFICATE_FILE)
    }

    pub(crate) fn key_path(&self) -> PathBuf {
        self.data_dir.join("pki").join(OwnCertificate::KEY_FILE)
    }
}

/// The time on the wall, against which certificates are checked.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_nanos(i128::try_from(since.as_nanos()).unwrap_or(i128::MAX))
}
