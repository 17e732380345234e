//! TCP connections to a server, for the library to speak over.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use opcua_client::ConnectionSource;
use opcua_client::transport::{
    Connector, OutgoingMessage, SecureChannelState, StreamConnection, StreamConnector, StreamTransport,
    TransportConfiguration,
};
use opcua_core::comms::tcp_codec::TcpCodec;
use opcua_types::{DecodingOptions, EndpointDescription, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio_util::codec::FramedRead;

use crate::Url;
use crate::frame::CheckedReader;

type Reader = CheckedReader<Counted<OwnedReadHalf>>;
type Writer = Counted<OwnedWriteHalf>;

/// Bytes that went over all connections of one session.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    received: AtomicU64,
    sent: AtomicU64,
}

impl Traffic {
    /// Bytes received and sent.
    pub(crate) fn sums(&self) -> (u64, u64) {
        (self.received.load(Ordering::Relaxed), self.sent.load(Ordering::Relaxed))
    }
}

/// One half of a connection whose bytes are counted.
pub(crate) struct Counted<T> {
    inner: T,
    traffic: Arc<Traffic>,
}

impl<R: AsyncRead + Unpin> AsyncRead for Counted<R> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        self.traffic.received.fetch_add((buf.filled().len() - before) as u64, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Counted<W> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let n = ready!(Pin::new(&mut self.inner).poll_write(cx, bytes))?;
        self.traffic.sent.fetch_add(n as u64, Ordering::Relaxed);
        Poll::Ready(Ok(n))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// Connects to one server; what went wrong last is kept, since the library reports a status code only.
#[derive(Clone, Debug)]
pub(crate) struct Dial {
    url: Url,
    timeout: Duration,
    problem: Arc<Mutex<Option<String>>>,
    traffic: Arc<Traffic>,
}

impl Dial {
    pub(crate) fn new(url: Url, timeout: Duration) -> Self {
        Self { url, timeout, problem: Arc::default(), traffic: Arc::default() }
    }

    /// What the system said about the last attempt, if that failed.
    pub(crate) fn problem(&self) -> Option<String> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn traffic(&self) -> Arc<Traffic> {
        Arc::clone(&self.traffic)
    }

    pub(crate) const fn url(&self) -> &Url {
        &self.url
    }

    async fn open(
        self,
        channel: Arc<SecureChannelState>,
        options: DecodingOptions,
    ) -> Result<StreamConnection<Reader, Writer>, opcua_types::Error> {
        let outcome = match tokio::time::timeout(self.timeout, open(&self.url)).await {
            Ok(outcome) => outcome.map_err(|error| error.to_string()),
            Err(_) => Err(format!("no answer within {:?}", self.timeout)),
        };
        *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = outcome.as_ref().err().cloned();
        let stream = outcome.map_err(|problem| opcua_types::Error::new(StatusCode::BadCommunicationError, problem))?;
        let (reader, writer) = stream.into_split();
        let writer = Counted { inner: writer, traffic: Arc::clone(&self.traffic) };
        let reader = Counted { inner: reader, traffic: Arc::clone(&self.traffic) };
        let reader = FramedRead::new(CheckedReader::new(reader, channel), TcpCodec::new(options));
        Ok(StreamConnection::new(reader, writer, self.url.to_string()))
    }
}

/// Tries every address of the host in turn.
async fn open(url: &Url) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "host name has no address");
    for address in tokio::net::lookup_host((url.host(), url.port())).await? {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

impl Connector for Dial {
    type Transport = StreamTransport<Reader, Writer>;

    async fn connect(
        &self,
        channel: Arc<SecureChannelState>,
        outgoing: mpsc::Receiver<OutgoingMessage>,
        config: TransportConfiguration,
    ) -> Result<Self::Transport, opcua_types::Error> {
        let for_reader = Arc::clone(&channel);
        let dial = move |_url: String, options| self.clone().open(Arc::clone(&for_reader), options);
        StreamConnector::new(dial, self.url.to_string()).connect(channel, outgoing, config).await
    }

    fn default_endpoint(&self) -> EndpointDescription {
        EndpointDescription::from(self.url.to_string().as_str())
    }
}

impl ConnectionSource for Dial {
    type Builder = Self;

    fn get_connector(&self, _endpoint: &EndpointDescription) -> Result<Self, opcua_types::Error> {
        Ok(self.clone())
    }
}
