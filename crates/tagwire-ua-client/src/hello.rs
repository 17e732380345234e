//! The first words on a connection, before any security (OPC UA Part 6, 7.1.2).

use std::time::Duration;

use opcua_types::StatusCode;
use tagwire_model::Status;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::{Error, StatusName, Url, limits};

const WHAT: &str = "Hello";
/// Header of every message: kind, `F`, length.
const HEADER_BYTES: usize = 8;
/// Length of an Acknowledge message.
const ACKNOWLEDGE_BYTES: usize = 28;
/// Longest Error message: header, status, length of the reason, reason.
const MAX_ERROR_BYTES: usize = HEADER_BYTES + 8 + 4096;

/// What a server acknowledges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// Bytes of the largest chunk that it takes.
    pub receive_buffer: u32,
    /// Bytes of the largest chunk that it sends.
    pub send_buffer: u32,
    /// Bytes of the largest message that it takes; 0 when it sets no limit.
    pub max_message: u32,
    /// Most chunks of a message that it takes; 0 when it sets no limit.
    pub max_chunks: u32,
}

/// Says Hello on a fresh connection and reads the answer, within `timeout`.
///
/// # Errors
/// [`Error::Refused`] with the status of an Error message, [`Error::Lost`] when the connection is closed,
/// [`Error::Timeout`], [`Error::Peer`] when the answer is not OPC UA.
pub async fn greet<S>(stream: &mut S, url: &Url, timeout: Duration) -> Result<Greeting, Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match tokio::time::timeout(timeout, exchange(stream, url)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Error::Timeout { what: WHAT, limit: timeout }),
    }
}

async fn exchange<S>(stream: &mut S, url: &Url) -> Result<Greeting, Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let closed = |_| Error::Lost(StatusName::of(StatusCode::BadConnectionClosed));
    stream.write_all(&hello(&url.to_string())).await.map_err(closed)?;
    let mut header = [0; HEADER_BYTES];
    stream.read_exact(&mut header).await.map_err(closed)?;
    let [a, b, c, _, length @ ..] = header;
    let length = u32::from_le_bytes(length) as usize;
    match &[a, b, c] {
        b"ACK" if length == ACKNOWLEDGE_BYTES => {
            let mut body = [0; ACKNOWLEDGE_BYTES - HEADER_BYTES];
            stream.read_exact(&mut body).await.map_err(closed)?;
            let number = |idx: usize| body.get(idx * 4..).and_then(|rest| rest.first_chunk()).copied();
            let number = |idx| number(idx).map_or(0, u32::from_le_bytes);
            Ok(Greeting {
                receive_buffer: number(1),
                send_buffer: number(2),
                max_message: number(3),
                max_chunks: number(4),
            })
        }
        b"ERR" if (HEADER_BYTES + 4..=MAX_ERROR_BYTES).contains(&length) => {
            let mut status = [0; 4];
            stream.read_exact(&mut status).await.map_err(closed)?;
            Err(Error::Refused { what: WHAT, status: StatusName(Status(u32::from_le_bytes(status))) })
        }
        _ => Err(Error::Peer("answer to Hello is not OPC UA".to_owned())),
    }
}

fn hello(url: &str) -> Vec<u8> {
    let mut message = b"HELF\0\0\0\0".to_vec();
    let limits = [limits::MAX_CHUNK_BYTES, limits::MAX_CHUNK_BYTES, limits::MAX_MESSAGE_BYTES, limits::MAX_CHUNKS];
    let number = |limit: usize| u32::try_from(limit).unwrap_or(u32::MAX).to_le_bytes();
    message.extend(0_u32.to_le_bytes());
    message.extend(limits.into_iter().flat_map(number));
    message.extend(number(url.len()));
    message.extend(url.as_bytes());
    let length = number(message.len());
    message[4..HEADER_BYTES].copy_from_slice(&length);
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answered(answer: &'static [u8]) -> Result<Greeting, Error> {
        let (mut ours, mut theirs) = tokio::io::duplex(4096);
        let peer = tokio::spawn(async move {
            let mut header = [0; 8];
            theirs.read_exact(&mut header).await.expect("hello");
            theirs.write_all(answer).await.expect("room");
        });
        let outcome = greet(&mut ours, &"plc1".parse().expect("url"), Duration::from_secs(1)).await;
        peer.await.expect("peer");
        outcome
    }

    #[tokio::test]
    async fn an_acknowledge_tells_the_limits() {
        let answer = b"ACKF\x1c\0\0\0\0\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04\0\0\0";
        let greeting = answered(answer).await.expect("acknowledge");
        let expected = Greeting { receive_buffer: 1, send_buffer: 2, max_message: 3, max_chunks: 4 };
        assert_eq!(greeting, expected);
    }

    #[tokio::test]
    async fn anything_else_is_told_apart() {
        let refused = answered(b"ERRF\x10\0\0\0\0\0\x0d\x80\xff\xff\xff\xff").await;
        assert!(matches!(refused, Err(Error::Refused { .. })), "{refused:?}");
        for other in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"ACKF\xff\xff\xff\xff", b"ERRF\x08\0\0\0"] {
            let outcome = answered(other).await;
            assert!(matches!(outcome, Err(Error::Peer(_))), "{outcome:?}");
        }
        assert!(matches!(answered(b"ACK").await, Err(Error::Lost(_))));
    }
}
