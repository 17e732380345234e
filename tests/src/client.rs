//! A client whose every byte can be chosen: a connection, a channel, a session that outlives both.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tagwire_model::Timestamp;
use tagwire_ua_proto::codec::{Decode as _, Reader};
use tagwire_ua_proto::ids::encoding;
use tagwire_ua_proto::secure::{
    ClientChannel, ClientConfig, ClientEvent, OwnIdentity, PeerCertificate, SecurityPolicy, SessionFacts, Signer,
    sign_session,
};
use tagwire_ua_proto::services::{
    ActivateSessionRequest, ActivateSessionResponse, ApplicationDescription, CloseSessionRequest, CreateSessionRequest,
    CreateSessionResponse, MessageSecurityMode, ReadRequest, ReadValueId, RequestHeader, read_message_id,
};
use tagwire_ua_proto::transport::Limits;
use tagwire_ua_proto::types::{ByteString, Identifier, NodeId, Structure};

use crate::Outcome;

/// What stands for the authentication token in a sample.
const PLACEHOLDER: [u8; 32] = [b'T'; 32];
/// How long a server may take to answer a valid request.
const PATIENCE: Duration = Duration::from_secs(60);
/// What the client's certificate must name.
pub const APPLICATION_URI: &str = "urn:tagwire:tests:client";

/// Own certificate and key and the server's certificate; none for the policy None.
#[derive(Clone, Debug, Default)]
pub struct Security(Option<(Arc<OwnIdentity>, Arc<PeerCertificate>)>);

impl Security {
    /// From the files of the server's certificate, the own certificate and the own key; `None` without files.
    pub fn read(files: &[String]) -> Outcome<Option<Self>> {
        let [server, certificate, key] = files else { return Ok(None) };
        let own = OwnIdentity::new(&std::fs::read(certificate)?, &std::fs::read(key)?)?;
        let server = PeerCertificate::parse(&std::fs::read(server)?)?;
        Ok(Some(Self(Some((Arc::new(own), Arc::new(server))))))
    }

    fn config(&self) -> Outcome<ClientConfig> {
        let (name, mode) = match self.0 {
            Some(_) => ("Basic256Sha256", MessageSecurityMode::SIGN_AND_ENCRYPT),
            None => ("None", MessageSecurityMode::NONE),
        };
        let uri = format!("http://opcfoundation.org/UA/SecurityPolicy#{name}");
        let policy = SecurityPolicy::from_uri(&uri).ok_or("there is no such policy")?;
        Ok(ClientConfig { parties: self.0.clone(), policy, mode, limits: Limits::default() })
    }
}

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    channel: ClientChannel,
    received: Vec<u8>,
}

/// A session with its server nonce, which moves from connection to connection.
#[derive(Debug)]
struct Session {
    token: NodeId,
    nonce: Vec<u8>,
}

/// One client; its session is anonymous.
#[derive(Debug)]
pub struct Client {
    port: u16,
    security: Security,
    connection: Option<Connection>,
    session: Option<Session>,
    /// How long a session may go unused, in milliseconds.
    pub session_timeout_ms: f64,
    /// Answers that came, to whatever.
    pub n_answers: u64,
    /// Those that are no service faults.
    pub n_served: u64,
}

impl Client {
    /// A client that is not connected yet.
    pub const fn new(port: u16, security: Security) -> Self {
        Self {
            port,
            security,
            connection: None,
            session: None,
            session_timeout_ms: 10_000.0,
            n_answers: 0,
            n_served: 0,
        }
    }

    /// Whether there is a connection, as far as is known.
    pub const fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    /// Connects, and takes the session along or makes one.
    pub fn connect(&mut self, with_session: bool) -> Outcome<()> {
        let stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut out = Vec::new();
        let channel = ClientChannel::new(self.security.config()?, &self.url(), &mut out);
        let mut connection = Connection { stream, channel, received: Vec::new() };
        connection.stream.write_all(&out)?;
        connection.next_event(|_, _| ())?;
        out.clear();
        connection.channel.open(Duration::from_secs(3600), Timestamp::NONE, &mut out)?;
        connection.stream.write_all(&out)?;
        connection.next_event(|_, _| ())?;
        self.connection = Some(connection);
        if with_session && (self.session.is_none() || self.activate().is_err()) {
            self.create()?;
            self.activate()?;
        }
        Ok(())
    }

    fn url(&self) -> String {
        format!("opc.tcp://127.0.0.1:{}", self.port)
    }

    /// The header of a request in this session.
    pub fn header(&self) -> RequestHeader {
        let authentication_token = self.session.as_ref().map(|session| session.token.clone()).unwrap_or_default();
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // Some servers refuse a request without a time.
        let timestamp = Timestamp::from_unix_nanos(since_1970.as_nanos() as i128);
        RequestHeader { authentication_token, timestamp, timeout_hint: 60_000, ..RequestHeader::default() }
    }

    fn create(&mut self) -> Outcome<()> {
        self.session = None;
        let certificate = self.security.0.as_ref().map(|(own, _)| ByteString::from(own.certificate().leaf()));
        let request = CreateSessionRequest {
            request_header: self.header(),
            client_description: ApplicationDescription {
                application_uri: APPLICATION_URI.into(),
                ..Default::default()
            },
            endpoint_url: self.url().as_str().into(),
            session_name: "mutations".into(),
            client_nonce: ByteString::from([7; 32].map(|_| fastrand::u8(..)).as_slice()),
            client_certificate: certificate.unwrap_or_default(),
            requested_session_timeout: self.session_timeout_ms,
            ..Default::default()
        };
        let made: CreateSessionResponse = self.call(&request)?;
        self.session = Some(Session { token: made.authentication_token, nonce: made.server_nonce.to_vec() });
        Ok(())
    }

    fn activate(&mut self) -> Outcome<()> {
        let mut request = ActivateSessionRequest { request_header: self.header(), ..Default::default() };
        if let (Some((own, server)), Some(session)) = (&self.security.0, &self.session) {
            let policy = self.security.config()?.policy;
            let facts = SessionFacts {
                server_certificate: server.leaf(),
                server_nonce: &session.nonce,
                ..SessionFacts::default()
            };
            request.client_signature = sign_session(policy, own, Signer::Client, &facts)?;
        }
        let answer: ActivateSessionResponse = self.call(&request)?;
        if let Some(session) = &mut self.session {
            session.nonce = answer.server_nonce.to_vec();
        }
        Ok(())
    }

    /// A sample with the token of the session in it.
    pub fn with_token(&self, sample: &[u8]) -> Vec<u8> {
        let mut body = sample.to_vec();
        let Some(Session { token: NodeId { identifier: Identifier::Opaque(token), .. }, .. }) = &self.session else {
            return body;
        };
        if let Some(at) = body.windows(PLACEHOLDER.len()).position(|part| part == PLACEHOLDER)
            && token.len() == PLACEHOLDER.len()
        {
            body[at..at + PLACEHOLDER.len()].copy_from_slice(token);
        }
        body
    }

    /// Appends the chunks of a request whose body is given.
    pub fn frame(&mut self, body: &[u8], out: &mut Vec<u8>) -> Outcome<()> {
        let connection = self.connection.as_mut().ok_or("there is no connection")?;
        let request_id = connection.channel.next_request_id();
        let start = ClientChannel::begin_message(out);
        out.extend_from_slice(body);
        connection.channel.finish_message(request_id, start, out)?.map_err(|_| "the request is too large")?;
        Ok(())
    }

    /// Sends a batch and a valid request behind it, and reads until that is answered or the server closes the
    /// connection, which is its right.
    /// With `is_last` nothing more is sent, so that a server that waits for the rest of a chunk learns of the end.
    pub fn exchange(&mut self, batch: &[u8], is_last: bool) -> Outcome<()> {
        let request = ReadRequest {
            request_header: self.header(),
            nodes_to_read: vec![ReadValueId { node_id: NodeId::ns0(2258), attribute_id: 13, ..Default::default() }],
            ..Default::default()
        };
        let Some(connection) = &mut self.connection else { return Ok(()) };
        let mut probe = Vec::new();
        let wanted = connection.channel.write_request(&request, &mut probe)?.map_err(|_| "the request is too large")?;
        if connection.stream.write_all(batch).and_then(|()| connection.stream.write_all(&probe)).is_err() {
            self.connection = None;
            return Ok(());
        }
        if is_last {
            let _ = connection.stream.shutdown(Shutdown::Write);
        }
        let mut made = Vec::new();
        let (mut is_known, mut n_served) = (true, 0);
        loop {
            let event = connection.next_event(|request_id, body| {
                let kind = read_message_id(&mut Reader::new(body)).ok().flatten();
                if kind == Some(encoding::CREATE_SESSION_RESPONSE) {
                    made.extend(token_of(body));
                }
                n_served += u64::from(kind != Some(encoding::SERVICE_FAULT));
                if request_id == wanted {
                    is_known = kind == Some(encoding::READ_RESPONSE);
                }
                request_id
            });
            match event {
                Ok(Some(request_id)) => {
                    self.n_answers += 1;
                    if request_id == wanted {
                        break;
                    }
                }
                Ok(None) => {}
                Err(error) if is_timeout(&*error) => return Err("the server does not answer a valid request".into()),
                Err(_) => {
                    self.connection = None;
                    return Ok(());
                }
            }
        }
        self.n_served += n_served;
        if is_last {
            self.connection = None;
            return Ok(());
        }
        for token in made {
            self.close(token)?;
        }
        if !is_known && self.session.take().is_some() {
            self.connection = None;
        }
        Ok(())
    }

    /// Sends a request again and again, so many times that `n` answers are there in the end, with at most `depth` under
    /// way. Answers of another type than `expected` are an error.
    pub fn repeat<Q: Structure>(&mut self, request: &Q, expected: u32, n: usize, depth: usize) -> Outcome<()> {
        let connection = self.connection.as_mut().ok_or("there is no connection")?;
        let mut out = Vec::new();
        let (mut n_sent, mut n_received) = (0, 0);
        while n_received < n {
            while n_sent < n && n_sent - n_received < depth {
                connection.channel.write_request(request, &mut out)?.map_err(|_| "the request is too large")?;
                n_sent += 1;
            }
            connection.stream.write_all(&out)?;
            out.clear();
            let kind = connection.next_event(|_, body| read_message_id(&mut Reader::new(body)))?;
            if kind.transpose()?.flatten() != Some(expected) {
                return Err("the answer is another one".into());
            }
            n_received += 1;
        }
        Ok(())
    }

    /// Closes a session that came out of a spoilt request; the server may say no.
    fn close(&mut self, token: NodeId) -> Outcome<()> {
        let request_header = RequestHeader { authentication_token: token, ..RequestHeader::default() };
        let _ = self.answer(&CloseSessionRequest { request_header, delete_subscriptions: true })?;
        Ok(())
    }

    /// Closes the session and the connection.
    pub fn leave(mut self) -> Outcome<()> {
        if self.session.is_none() {
            return Ok(());
        }
        if !self.is_connected() {
            self.connect(true)?;
        }
        match self.session.take() {
            Some(session) => self.close(session.token),
            None => Ok(()),
        }
    }

    /// One request and its decoded answer.
    pub fn call<Q: Structure, A: Structure>(&mut self, request: &Q) -> Outcome<A> {
        let body = self.answer(request)?;
        let mut reader = Reader::new(&body);
        let kind = read_message_id(&mut reader)?;
        if kind != Some(A::ENCODING_ID) {
            return Err(format!("refused: {:02x?}", body.get(..40).unwrap_or(&body)).into());
        }
        Ok(A::decode(&mut reader)?)
    }

    /// Sends a request and returns the body of its answer.
    fn answer<Q: Structure>(&mut self, request: &Q) -> Outcome<Vec<u8>> {
        let connection = self.connection.as_mut().ok_or("there is no connection")?;
        let mut out = Vec::new();
        let wanted = connection.channel.write_request(request, &mut out)?.map_err(|_| "the request is too large")?;
        connection.stream.write_all(&out)?;
        loop {
            let body = connection.next_event(|request_id, body| (request_id == wanted).then(|| body.to_vec()))?;
            if let Some(Some(body)) = body {
                return Ok(body);
            }
        }
    }
}

fn token_of(body: &[u8]) -> Option<NodeId> {
    let mut reader = Reader::new(body);
    read_message_id(&mut reader).ok()?;
    Some(CreateSessionResponse::decode(&mut reader).ok()?.authentication_token)
}

fn is_timeout(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
    matches!(kind, Some(io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut))
}

impl Connection {
    /// Waits for the next thing that the server does; `take` gets the id and the body of an answer.
    fn next_event<T>(&mut self, mut take: impl FnMut(u32, &[u8]) -> T) -> Outcome<Option<T>> {
        loop {
            let (consumed, taken, is_event) = match self.channel.receive(&mut self.received, Instant::now())? {
                (consumed, Some(ClientEvent::Message { request_id, body })) => {
                    (consumed, Some(take(request_id, &body)), true)
                }
                (consumed, event) => (consumed, None, event.is_some()),
            };
            self.received.drain(..consumed);
            if is_event {
                return Ok(taken);
            }
            if consumed > 0 {
                continue;
            }
            let mut buffer = [0; 64 << 10];
            let n = self.stream.read(&mut buffer)?;
            if n == 0 {
                return Err("the server closed the connection".into());
            }
            self.received.extend_from_slice(&buffer[..n]);
        }
    }
}
