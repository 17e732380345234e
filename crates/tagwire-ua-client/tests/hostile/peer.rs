//! A server that speaks just enough OPC UA to get a session, and then says what a test tells it to.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use opcua_types::{
    ActivateSessionResponse, BinaryEncodable, ByteString, ChannelSecurityToken, CloseSessionResponse, Context,
    ContextOwned, CreateSessionResponse, DateTime, EndpointDescription, GetEndpointsResponse, MessageSecurityMode,
    NodeId, OpenSecureChannelResponse, ResponseHeader, UAString, UserTokenPolicy, UserTokenType,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const GET_ENDPOINTS: u32 = 428;
pub(crate) const CREATE_SESSION: u32 = 461;
pub(crate) const ACTIVATE_SESSION: u32 = 467;
pub(crate) const CLOSE_SESSION: u32 = 473;
pub(crate) const BROWSE: u32 = 527;
pub(crate) const BROWSE_NEXT: u32 = 533;
pub(crate) const READ: u32 = 631;
pub(crate) const CREATE_SUBSCRIPTION: u32 = 787;
pub(crate) const HELLO: u32 = 1;
pub(crate) const OPEN: u32 = 2;

/// What the server does about one kind of request.
#[derive(Clone)]
pub(crate) enum Act {
    /// Answers with this type id and body.
    Answer(u32, Vec<u8>),
    /// Sends these bytes as they are.
    Raw(Vec<u8>),
    /// Sends a frame header of this size, and then bytes without end.
    Flood(u32),
    /// Sends chunks of a message that never ends.
    Chunks,
    /// Says nothing.
    Silent,
    /// Closes the connection.
    Close,
}

/// What the server does, by the type id of the request; everything else is answered as it should be.
pub(crate) type Acts = HashMap<u32, Act>;

/// Starts the server; it ends with the test's runtime.
pub(crate) async fn start(acts: Acts) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("address");
    let acts = Arc::new(acts);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acts = Arc::clone(&acts);
            tokio::spawn(async move {
                // The client hanging up is how most of these tests end.
                let _ = serve(stream, &acts, address).await;
            });
        }
    });
    address
}

async fn serve(mut stream: TcpStream, acts: &Acts, address: SocketAddr) -> std::io::Result<()> {
    let mut sequence = 0_u32;
    loop {
        let mut header = [0; 8];
        stream.read_exact(&mut header).await?;
        let size = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
        let mut frame = vec![0; size - 8];
        stream.read_exact(&mut frame).await?;
        let (kind, request_id, is_open) = match &header[..3] {
            b"HEL" => (HELLO, 0, false),
            b"OPN" => {
                let mut at = 4;
                for _ in 0..3 {
                    let len = i32::from_le_bytes(frame[at..at + 4].try_into().expect("four"));
                    at += 4 + usize::try_from(len).unwrap_or(0);
                }
                (OPEN, u32::from_le_bytes(frame[at + 4..at + 8].try_into().expect("four")), true)
            }
            b"CLO" => return Ok(()),
            _ => {
                let request_id = u32::from_le_bytes(frame[12..16].try_into().expect("four"));
                (u32::from(u16::from_le_bytes([frame[18], frame[19]])), request_id, false)
            }
        };
        match acts.get(&kind).cloned().unwrap_or_else(|| proper(kind, address)) {
            Act::Raw(bytes) => stream.write_all(&bytes).await?,
            Act::Answer(id, body) => {
                sequence += 1;
                stream.write_all(&message(is_open, b'F', sequence, request_id, id, &body)).await?;
            }
            Act::Flood(size) => {
                let mut bytes = b"MSGF".to_vec();
                bytes.extend(size.to_le_bytes());
                bytes.resize(65_536, 0);
                loop {
                    stream.write_all(&bytes).await?;
                }
            }
            Act::Chunks => loop {
                sequence += 1;
                stream.write_all(&message(false, b'C', sequence, request_id, 634, &vec![0; 60_000])).await?;
            },
            Act::Silent => {}
            Act::Close => return Ok(()),
        }
    }
}

fn message(is_open: bool, last: u8, sequence: u32, request_id: u32, id: u32, body: &[u8]) -> Vec<u8> {
    let mut rest = 7_u32.to_le_bytes().to_vec();
    if is_open {
        let policy = b"http://opcfoundation.org/UA/SecurityPolicy#None";
        rest.extend((policy.len() as u32).to_le_bytes());
        rest.extend(policy);
        rest.extend([0xFF; 8]);
    } else {
        rest.extend(1_u32.to_le_bytes());
    }
    rest.extend(sequence.to_le_bytes());
    rest.extend(request_id.to_le_bytes());
    rest.extend([1, 0]);
    rest.extend(u16::try_from(id).expect("small").to_le_bytes());
    rest.extend(body);
    let mut bytes = if is_open { b"OPN".to_vec() } else { b"MSG".to_vec() };
    bytes.push(last);
    bytes.extend((rest.len() as u32 + 8).to_le_bytes());
    bytes.extend(rest);
    bytes
}

fn encode(build: impl FnOnce(&Context<'_>) -> Vec<u8>) -> Vec<u8> {
    build(&ContextOwned::default().context())
}

pub(crate) fn header() -> ResponseHeader {
    ResponseHeader { timestamp: DateTime::now(), ..ResponseHeader::default() }
}

/// The body of an answer that begins with a good header.
pub(crate) fn with_header(rest: &[u8]) -> Vec<u8> {
    let mut body = encode(|context| header().encode_to_vec(context));
    body.extend(rest);
    body
}

fn proper(kind: u32, address: SocketAddr) -> Act {
    let answer = |id: u32, body: Vec<u8>| Act::Answer(id, body);
    match kind {
        HELLO => {
            let mut bytes = b"ACKF".to_vec();
            for number in [28_u32, 0, 65_535, 65_535, 0, 0] {
                bytes.extend(number.to_le_bytes());
            }
            Act::Raw(bytes)
        }
        OPEN => {
            let token = ChannelSecurityToken {
                channel_id: 7,
                token_id: 1,
                created_at: DateTime::now(),
                revised_lifetime: 600_000,
            };
            let response = OpenSecureChannelResponse {
                response_header: header(),
                server_protocol_version: 0,
                security_token: token,
                server_nonce: ByteString::null(),
            };
            answer(449, encode(|context| response.encode_to_vec(context)))
        }
        GET_ENDPOINTS => {
            let endpoint = EndpointDescription {
                endpoint_url: format!("opc.tcp://{address}").into(),
                security_mode: MessageSecurityMode::None,
                security_policy_uri: UAString::from("http://opcfoundation.org/UA/SecurityPolicy#None"),
                user_identity_tokens: Some(vec![UserTokenPolicy {
                    token_type: UserTokenType::Anonymous,
                    ..UserTokenPolicy::default()
                }]),
                ..EndpointDescription::default()
            };
            let response = GetEndpointsResponse { response_header: header(), endpoints: Some(vec![endpoint]) };
            answer(431, encode(|context| response.encode_to_vec(context)))
        }
        CREATE_SESSION => {
            let response = CreateSessionResponse {
                response_header: header(),
                session_id: NodeId::new(1, 1),
                authentication_token: NodeId::new(1, 2),
                revised_session_timeout: 60_000.0,
                ..CreateSessionResponse::default()
            };
            answer(464, encode(|context| response.encode_to_vec(context)))
        }
        ACTIVATE_SESSION => {
            let response = ActivateSessionResponse { response_header: header(), ..ActivateSessionResponse::default() };
            answer(470, encode(|context| response.encode_to_vec(context)))
        }
        CLOSE_SESSION => {
            let response = CloseSessionResponse { response_header: header() };
            answer(476, encode(|context| response.encode_to_vec(context)))
        }
        _ => Act::Silent,
    }
}
