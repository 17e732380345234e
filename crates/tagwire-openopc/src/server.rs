//! The sockets.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::wire::{Decoder, WireError};
use crate::{Conversation, Face};

/// Longest wait for the first message, and for a client to take an answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// Pause after the system refused a connection.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);
/// Time between two looks for clients that nobody uses.
const TIDY_INTERVAL: Duration = Duration::from_secs(60);
/// Bytes read at once.
const READ_LEN: usize = 16 * 1024;

/// Serves clients until it is dropped.
pub async fn serve(listener: TcpListener, face: Arc<Face>) {
    let slots = Arc::new(Semaphore::new(face.settings.max_connections.max(1)));
    let mut connections = JoinSet::new();
    let mut tidying = tokio::time::interval(TIDY_INTERVAL);
    loop {
        tokio::select! {
            _ = tidying.tick() => face.tidy(),
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => match Arc::clone(&slots).try_acquire_owned() {
                    Ok(slot) => {
                        let face = Arc::clone(&face);
                        connections.spawn(async move {
                            let _slot = slot;
                            if let Err(error) = converse(stream, face).await {
                                tracing::debug!(%peer, %error, "OpenOPC client left");
                            }
                        });
                    }
                    Err(_) => tracing::warn!(%peer, "OpenOPC client refused: too many connections"),
                },
                Err(error) => {
                    tracing::warn!(%error, "OpenOPC port cannot accept");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

async fn converse(mut stream: TcpStream, face: Arc<Face>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (local, peer) = (stream.local_addr()?, stream.peer_addr()?);
    let idle = face.settings.idle;
    let mut conversation = Conversation::new(face, local, peer);
    let mut decoder = Decoder::default();
    let mut buffer = vec![0; READ_LEN];
    let mut patience = PATIENCE;
    let wrong = |error: WireError| io::Error::new(io::ErrorKind::InvalidData, error);
    loop {
        while let Some(message) = decoder.next_message().map_err(wrong)? {
            patience = idle;
            let answer = conversation.handle(&message).await;
            let is_over = conversation.is_over(&answer);
            if let Some(answer) = answer {
                tokio::time::timeout(PATIENCE, stream.write_all(&answer.encode())).await??;
            }
            if is_over {
                return stream.shutdown().await;
            }
        }
        let n = tokio::time::timeout(patience, stream.read(&mut buffer)).await??;
        if n == 0 {
            return Ok(());
        }
        decoder.push(buffer.get(..n).unwrap_or_default());
    }
}
