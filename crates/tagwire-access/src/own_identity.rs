//! The own certificates, there at once or made beside the start of the server.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption};
use parking_lot::{Condvar, Mutex};
use tagwire_model::Timestamp;

use crate::{CertificateType, OwnCertificate, OwnError, OwnSettings};

/// The own certificates of a data folder: read once, kept in memory, replaced when they are renewed. The RSA one is there in
/// any case, the others as the settings want.
#[derive(Debug)]
pub struct OwnIdentity {
    pub(crate) data_dir: PathBuf,
    pub(crate) current: ArcSwapOption<OwnCertificate>,
    /// All but the RSA one.
    others: ArcSwap<Vec<Arc<OwnCertificate>>>,
    /// Held while a key is made or certificate and key are replaced.
    pub(crate) changing: Mutex<()>,
    /// What the thread that makes the key came to.
    outcome: Mutex<Option<Result<(), String>>>,
    done: Condvar,
}

impl OwnIdentity {
    /// Reads the certificates, or makes them; the RSA one in a thread.
    ///
    /// An RSA key takes a part of a second to several seconds to make; endpoints without security need no certificate and
    /// can be served meanwhile.
    ///
    /// # Errors
    /// [`OwnError`] when files exist but cannot be used, or when no thread can be started.
    pub fn open(data_dir: &Path, settings: OwnSettings, now: Timestamp) -> Result<Arc<Self>, OwnError> {
        let found = OwnCertificate::load(data_dir, &settings, now)?;
        let mut others = Vec::new();
        let application_uri = found.as_ref().map(|own| own.application_uri().to_owned());
        let settings = OwnSettings { application_uri: settings.application_uri.or(application_uri), ..settings };
        for kind in CertificateType::ALL
            .into_iter()
            .filter(|kind| *kind != CertificateType::RsaSha256 && settings.also.contains(kind))
        {
            let known = OwnCertificate::load_of(kind, data_dir, &settings, now)?;
            let made = known.map_or_else(|| OwnCertificate::create_of(kind, data_dir, &settings, now), Ok)?;
            others.push(Arc::new(made));
        }
        let identity = Arc::new(Self {
            data_dir: data_dir.to_owned(),
            outcome: Mutex::new(found.is_some().then_some(Ok(()))),
            current: ArcSwapOption::new(found.map(Arc::new)),
            others: ArcSwap::from_pointee(others),
            changing: Mutex::default(),
            done: Condvar::new(),
        });
        if identity.current.load().is_none() {
            let maker = Arc::clone(&identity);
            std::thread::Builder::new()
                .name("own-certificate".to_owned())
                .spawn(move || maker.make(&settings, now))
                .map_err(|error| OwnError::Making(error.to_string()))?;
        }
        Ok(identity)
    }

    fn make(&self, settings: &OwnSettings, now: Timestamp) {
        let start = Instant::now();
        let outcome = OwnCertificate::create(&self.data_dir, settings, now);
        let outcome = match outcome {
            Ok(made) => {
                tracing::info!(took = ?start.elapsed(), "own key and certificate are ready");
                self.current.store(Some(Arc::new(made)));
                Ok(())
            }
            Err(error) => {
                tracing::error!("no own certificate, only endpoints without security work: {error}");
                Err(error.to_string())
            }
        };
        *self.outcome.lock() = Some(outcome);
        self.done.notify_all();
    }

    /// The certificates with another kind of key than RSA.
    pub fn others(&self) -> Arc<Vec<Arc<OwnCertificate>>> {
        self.others.load_full()
    }

    /// Every certificate that is there already, the RSA one first.
    pub fn all(&self) -> Vec<Arc<OwnCertificate>> {
        self.current().into_iter().chain(self.others().iter().cloned()).collect()
    }

    /// The RSA certificate, if it is there already; costs a few nanoseconds.
    pub fn current(&self) -> Option<Arc<OwnCertificate>> {
        self.current.load_full()
    }

    /// The RSA certificate, waiting at most `timeout` for it; blocks the thread.
    ///
    /// # Errors
    /// [`OwnError::Making`] when it could not be made, or not in time.
    pub fn wait(&self, timeout: Duration) -> Result<Arc<OwnCertificate>, OwnError> {
        let deadline = Instant::now() + timeout;
        let mut outcome = self.outcome.lock();
        while outcome.is_none() {
            if self.done.wait_until(&mut outcome, deadline).timed_out() && outcome.is_none() {
                return Err(OwnError::Making("the key is not ready yet".to_owned()));
            }
        }
        match &*outcome {
            Some(Err(problem)) => Err(OwnError::Making(problem.clone())),
            _ => self.current().ok_or_else(|| OwnError::Making("no certificate".to_owned())),
        }
    }

    /// Issues every certificate again with the same key and URI; connections keep what they hold. Returns the RSA one.
    ///
    /// # Errors
    /// [`OwnError`].
    pub fn renew(&self, settings: &OwnSettings, now: Timestamp) -> Result<Arc<OwnCertificate>, OwnError> {
        let renewed = Arc::new(self.wait(Duration::ZERO)?.renew(&self.data_dir, settings, now)?);
        let mut others = Vec::new();
        for known in self.others().iter() {
            others.push(Arc::new(known.renew(&self.data_dir, settings, now)?));
        }
        self.current.store(Some(Arc::clone(&renewed)));
        self.others.store(Arc::new(others));
        Ok(renewed)
    }
}
