//! Connections to a database.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_postgres::{Client, NoTls};

use crate::settings::Tls;
use crate::tls::Encryption;
use crate::{ForwardError, Settings};

/// Longest time from the first byte to a session that takes statements.
const PATIENCE: Duration = Duration::from_secs(15);

/// A session with the task that moves its bytes.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) client: Client,
    task: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        // A network that swallows everything would keep the task waiting for its last words.
        self.task.abort();
    }
}

impl Connection {
    /// Opens a session under this name.
    pub(crate) async fn open(settings: &Settings, application: &str) -> Result<Self, ForwardError> {
        let config = settings.config(application)?;
        let failed = |error: tokio_postgres::Error| ForwardError::connecting(settings.place(), &error);
        let opening = async {
            let (client, task) = match &settings.tls {
                Tls::Off => {
                    let (client, connection) = config.connect(NoTls).await.map_err(failed)?;
                    (client, tokio::spawn(told(connection)))
                }
                Tls::Trusting(authorities) => {
                    let encryption = Encryption::trusting(authorities)?;
                    let (client, connection) = config.connect(encryption).await.map_err(failed)?;
                    (client, tokio::spawn(told(connection)))
                }
            };
            Ok(Self { client, task })
        };
        in_time(PATIENCE, opening).await
    }
}

async fn told(connection: impl Future<Output = Result<(), tokio_postgres::Error>> + Send) {
    if let Err(error) = connection.await {
        // Whoever waits for an answer hears of it too.
        tracing::debug!(%error, "a connection to the database has ended");
    }
}

/// Gives up after a while: what a cut network swallows never fails by itself.
pub(crate) async fn in_time<T>(
    patience: Duration,
    work: impl Future<Output = Result<T, ForwardError>>,
) -> Result<T, ForwardError> {
    tokio::time::timeout(patience, work).await.unwrap_or(Err(ForwardError::Silent))
}
