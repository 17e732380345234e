//! The own certificate, there at once or made beside the start of the server.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use parking_lot::{Condvar, Mutex};
use tagwire_model::Timestamp;

use crate::{OwnCertificate, OwnError, OwnSettings};

/// The own certificate of a data folder: read once, kept in memory, replaced when it is renewed.
#[derive(Debug)]
pub struct OwnIdentity {
    pub(crate) data_dir: PathBuf,
    pub(crate) current: ArcSwapOption<OwnCertificate>,
    /// Held while a key is made or certificate and key are replaced.
    pub(crate) changing: Mutex<()>,
    /// What the thread that makes the key came to.
    outcome: Mutex<Option<Result<(), String>>>,
    done: Condvar,
}

impl OwnIdentity {
    /// Reads the certificate, or starts a thread that makes one.
    ///
    /// A key takes a part of a second to several seconds to make; endpoints without security need no certificate and
    /// can be served meanwhile.
    ///
    /// # Errors
    /// [`OwnError`] when files exist but cannot be used, or when no thread can be started.
    pub fn open(data_dir: &Path, settings: OwnSettings, now: Timestamp) -> Result<Arc<Self>, OwnError> {
        let found = OwnCertificate::load(data_dir, &settings, now)?;
        let identity = Arc::new(Self {
            data_dir: data_dir.to_owned(),
            outcome: Mutex::new(found.is_some().then_some(Ok(()))),
            current: ArcSwapOption::new(found.map(Arc::new)),
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

    /// The certificate, if it is there already; costs a few nanoseconds.
    pub fn current(&self) -> Option<Arc<OwnCertificate>> {
        self.current.load_full()
    }

    /// The certificate, waiting at most `timeout` for it; blocks the thread.
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

    /// Issues the certificate again with the same key and URI; connections keep what they hold.
    ///
    /// # Errors
    /// [`OwnError`].
    pub fn renew(&self, settings: &OwnSettings, now: Timestamp) -> Result<Arc<OwnCertificate>, OwnError> {
        let renewed = Arc::new(self.wait(Duration::ZERO)?.renew(&self.data_dir, settings, now)?);
        self.current.store(Some(Arc::clone(&renewed)));
        Ok(renewed)
    }
}
