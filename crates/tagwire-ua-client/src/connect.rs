//! From options to a session.

use std::path::Path;
use std::sync::Arc;

use futures_util::TryStreamExt;
use opcua_client::{
    ClientBuilder, ClientConfig, IdentityToken, Session, SessionActivity, SessionBuilder, SessionEventLoop,
    SessionPollResult,
};
use opcua_core::sync::RwLock;
use opcua_crypto::{CertificateStore, X509};
use opcua_types::{ByteString, DecodingOptions, EndpointDescription, StatusCode};
use tagwire_access::PeerCheck;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::dial::{Dial, Traffic};
use crate::endpoint::{self, Endpoint, quietly};
use crate::error::StatusName;
use crate::{ConnectOptions, Error, Identity, LinkState, Login, Policy, discover, identity, limits, loader};

/// Longest pause between two attempts to connect again.
const MAX_RETRY: std::time::Duration = std::time::Duration::from_secs(5);

/// A session that is connected, with the task that drives it.
pub(crate) struct Opened {
    pub(crate) session: Arc<Session>,
    pub(crate) state: watch::Receiver<LinkState>,
    pub(crate) driver: JoinHandle<()>,
    /// The folder that shows the library the one certificate it may accept.
    pub(crate) _scratch: Option<TempDir>,
    pub(crate) endpoint: Endpoint,
    pub(crate) traffic: Arc<Traffic>,
}

/// Asks the server for its endpoints, picks one, checks its certificate, and opens a session.
pub(crate) async fn open(options: &ConnectOptions) -> Result<Opened, Error> {
    let endpoints = discover(&options.url, options.connect_timeout).await?;
    let endpoint = endpoint::choose(&endpoints, options)?.clone();
    let Prepared { config, description, store, scratch, fingerprint } = prepare(&endpoint, options).await?;
    let dial = Dial::new(options.url.clone(), options.connect_timeout);
    let (session, events) = build(&config, description, options, &dial, store)?;
    let (sender, state) = watch::channel(LinkState::Connecting);
    let driver = tokio::spawn(drive(Arc::clone(&session), events, sender));
    let opened = Opened { session, state, driver, _scratch: scratch, endpoint, traffic: dial.traffic() };
    let waited = tokio::time::timeout(options.connect_timeout, connected(opened.state.clone())).await;
    match waited {
        Ok(Ok(())) => {
            if !options.reconnect {
                opened.session.disable_reconnects();
            }
            Ok(opened)
        }
        Ok(Err(status)) => {
            opened.driver.abort();
            Err(match fingerprint {
                Some(fingerprint) if is_distrust(status) => {
                    Error::Distrusted { status: StatusName::of(status), fingerprint }
                }
                _ => dial.explain(Error::from_library("CreateSession", options.connect_timeout, status)),
            })
        }
        Err(_) => {
            opened.driver.abort();
            Err(Error::Timeout { what: "CreateSession", limit: options.connect_timeout })
        }
    }
}

/// What the library needs for a connection through one endpoint.
pub(crate) struct Prepared {
    pub(crate) config: ClientConfig,
    pub(crate) description: EndpointDescription,
    pub(crate) store: CertificateStore,
    /// The folder that shows the library the one certificate it may accept.
    pub(crate) scratch: Option<TempDir>,
    /// Of the own certificate, where one is shown.
    pub(crate) fingerprint: Option<String>,
}

/// Checks the certificate of an endpoint with security, and readies the library.
pub(crate) async fn prepare(endpoint: &Endpoint, options: &ConnectOptions) -> Result<Prepared, Error> {
    let is_secure = endpoint.policy() != Some(Policy::None);
    let description = endpoint.description(&options.url);
    let mut config = config(options);
    let mut scratch = None;
    let mut fingerprint = None;
    let store = match (&options.identity, is_secure) {
        (None, true) => {
            return Err(Error::Options("an endpoint with security needs an own certificate".to_owned()));
        }
        (Some(identity), true) => {
            let own = identity.own().await?;
            config = config.application_uri(own.application_uri());
            fingerprint = Some(own.certificate().fingerprint().to_string());
            let leaf = verify(identity, endpoint, options)?;
            let folder = show_to_library(&leaf)?;
            config = config
                .certificate_path(identity.certificate_path())
                .private_key_path(identity.key_path())
                .pki_dir(folder.path());
            let store = library_store(folder.path(), identity);
            scratch = Some(folder);
            store
        }
        (_, false) => CertificateStore::new(Path::new("")),
    };
    Ok(Prepared { config: config.into_config(), description, store, scratch, fingerprint })
}

/// Checks the server's certificate against the trust lists; gives the certificate without its issuers.
fn verify(identity: &Identity, endpoint: &Endpoint, options: &ConnectOptions) -> Result<Arc<[u8]>, Error> {
    let check =
        PeerCheck { application_uri: Some(endpoint.application_uri()), host: Some(options.url.host()), peer: None };
    let trusted = identity
        .trust()
        .verify_peer(endpoint.certificate_chain(), &check, identity::now())
        .map_err(Error::Untrusted)?;
    Ok(Arc::clone(trusted.certificate.der()))
}

/// Whether a server answers so to a certificate that it does not trust; Part 4, 6.1.3 wants the first of them, so that
/// a stranger learns nothing.
pub(crate) const fn is_distrust(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BadSecurityChecksFailed | StatusCode::BadCertificateUntrusted | StatusCode::BadCertificateInvalid
    )
}

/// Makes a folder in which the library finds the verified certificate as the only trusted one.
fn show_to_library(leaf: &[u8]) -> Result<TempDir, Error> {
    let problem = |error: &dyn std::fmt::Display| Error::Options(format!("cannot use a temporary folder: {error}"));
    let folder = tempfile::Builder::new().prefix("tagwire-client-").tempdir().map_err(|error| problem(&error))?;
    let certificate = X509::from_byte_string(&ByteString::from(leaf))
        .map_err(|error| Error::Peer(format!("certificate of the server cannot be read ({error})")))?;
    for name in ["trusted", "rejected"] {
        std::fs::create_dir(folder.path().join(name)).map_err(|error| problem(&error))?;
    }
    let file = folder.path().join("trusted").join(CertificateStore::cert_file_name(&certificate));
    std::fs::write(file, leaf).map_err(|error| problem(&error))?;
    Ok(folder)
}

/// The library's view: our own key, and that folder.
fn library_store(folder: &Path, identity: &Identity) -> CertificateStore {
    let (mut store, _, _) = CertificateStore::new_with_x509_data::<opcua_crypto::X509Data>(
        folder,
        false,
        Some(&identity.certificate_path()),
        Some(&identity.key_path()),
        None,
    );
    store.set_trust_unknown_certs(false);
    // Time, host name and application URI were checked by our own trust store; key length is checked once more.
    store.set_skip_verify_certs(true);
    store
}

fn config(options: &ConnectOptions) -> ClientBuilder {
    ClientBuilder::new()
        .application_name(options.application_name.as_str())
        .application_uri("urn:tagwire:client")
        .product_uri("urn:tagwire")
        .session_name(options.session_name.as_str())
        .session_timeout(u32::try_from(options.session_timeout.as_millis()).unwrap_or(u32::MAX))
        // The first attempt is the only one; later the limit is lifted by reconnecting, see `build`.
        .session_retry_limit(if options.reconnect { -1 } else { 0 })
        .session_retry_initial(std::time::Duration::from_millis(500))
        .session_retry_max(MAX_RETRY)
        .keep_alive_interval(options.keep_alive)
        .max_failed_keep_alive_count(2)
        .request_timeout(options.request_timeout)
        .publish_timeout(options.session_timeout)
        .min_publish_interval(std::time::Duration::from_millis(10))
        .channel_lifetime(600_000)
        .max_chunk_size(limits::MAX_CHUNK_BYTES)
        .max_incoming_chunk_size(limits::MAX_CHUNK_BYTES)
        .max_chunk_count(limits::MAX_CHUNKS)
        .max_message_size(limits::MAX_MESSAGE_BYTES)
        .max_string_length(limits::MAX_STRING_BYTES)
        .max_byte_string_length(limits::MAX_STRING_BYTES)
        .max_array_length(limits::MAX_ARRAY_LEN)
        .recreate_monitored_items_chunk(limits::DEFAULT_OPERATIONS)
}

fn build(
    config: &ClientConfig,
    description: EndpointDescription,
    options: &ConnectOptions,
    dial: &Dial,
    store: CertificateStore,
) -> Result<(Arc<Session>, SessionEventLoop<Dial>), Error> {
    let token = match &options.login {
        Login::Anonymous => IdentityToken::Anonymous,
        Login::User { name, password } => IdentityToken::UserName(name.clone(), password.as_str().into()),
    };
    let built = quietly(|| {
        SessionBuilder::new(config)
            .user_identity_token(token)
            .connect_to_endpoint_directly(description)
            .and_then(|builder| builder.with_connector(dial.clone()).build(Arc::new(RwLock::new(store))))
    });
    let (session, events) = built.map_err(|error| Error::Options(error.to_string()))?;
    let decoding: DecodingOptions = session.decoding_options().clone();
    *session.encoding_context().write() = loader::context(decoding);
    Ok((session, events))
}

/// Runs the library's event loop to its end and tells what becomes of the link.
async fn drive(session: Arc<Session>, events: SessionEventLoop<Dial>, state: watch::Sender<LinkState>) {
    let stream = events.enter();
    tokio::pin!(stream);
    let mut was_connected = false;
    let end = loop {
        match stream.try_next().await {
            Ok(Some(SessionPollResult::Reconnected(_))) => {
                // The library makes subscriptions again before its publish loop starts to listen for the trigger, and
                // would wait for ever without another one. At first it has none, and would take from whoever publishes
                // by itself.
                if std::mem::replace(&mut was_connected, true) {
                    session.trigger_publish_now();
                }
                state.send_replace(LinkState::Connected);
            }
            Ok(Some(SessionPollResult::ConnectionLost(status))) => {
                state.send_replace(LinkState::Reconnecting(StatusName::of(status).0));
            }
            // Long before the library gives the connection up, the values are no longer live.
            Ok(Some(SessionPollResult::SessionActivity(SessionActivity::KeepAliveFailed(status)))) => {
                state.send_if_modified(|state| {
                    let is_news = *state == LinkState::Connected;
                    if is_news {
                        *state = LinkState::Reconnecting(StatusName::of(status).0);
                    }
                    is_news
                });
            }
            Ok(Some(SessionPollResult::SessionActivity(SessionActivity::KeepAliveSucceeded))) => {
                state.send_if_modified(|state| {
                    let is_news = *state != LinkState::Connected;
                    *state = LinkState::Connected;
                    is_news
                });
            }
            // A first attempt that fails is not repeated: the caller decides.
            Ok(Some(SessionPollResult::ReconnectFailed(status))) if !was_connected => break status,
            Ok(Some(_)) => {}
            Ok(None) => break StatusCode::BadConnectionClosed,
            Err(status) => break status,
        }
    };
    state.send_replace(LinkState::Closed(StatusName::of(end).0));
}

/// Waits for the first session, or for the failure of the first attempt.
async fn connected(mut state: watch::Receiver<LinkState>) -> Result<(), StatusCode> {
    loop {
        match *state.borrow_and_update() {
            LinkState::Connected => return Ok(()),
            LinkState::Closed(status) => return Err(StatusCode::from(status.0)),
            LinkState::Connecting | LinkState::Reconnecting(_) => {}
        }
        if state.changed().await.is_err() {
            // The driver is gone without a word: it panicked.
            return Err(StatusCode::BadUnexpectedError);
        }
    }
}
