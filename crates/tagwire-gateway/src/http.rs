//! A small HTTP/1.1 responder for `/metrics`: GET and HEAD only, one request per connection.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// Longest request head in bytes.
const MAX_HEAD: usize = 8 * 1024;

/// Longest wait for a request head, and for a client to take its answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Most connections at a time; further ones wait.
const MAX_CONNECTIONS: usize = 16;

/// What a path answers: the content type and the body; `None` where there is nothing.
pub type Page = dyn Fn(&str) -> Option<(&'static str, String)> + Send + Sync;

/// Answers requests until dropped.
pub async fn serve(listener: TcpListener, page: Arc<Page>) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok(slot) = slots.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let page = page.clone();
                connections.spawn(async move {
                    let _slot = slot;
                    let _ = tokio::time::timeout(TIMEOUT * 2, answer(stream, &*page)).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "http port cannot accept");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn answer(mut stream: TcpStream, page: &Page) -> io::Result<()> {
    let mut head = Vec::with_capacity(1024);
    let complete = async {
        while !head.windows(4).any(|window| window == b"\r\n\r\n") {
            if head.len() >= MAX_HEAD || stream.read_buf(&mut head).await? == 0 {
                return Ok::<bool, io::Error>(false);
            }
        }
        Ok(true)
    };
    if !matches!(tokio::time::timeout(TIMEOUT, complete).await, Ok(Ok(true))) {
        return respond(&mut stream, "400 Bad Request", "text/plain", "the request is not complete\n", false).await;
    }
    let text = String::from_utf8_lossy(&head);
    let mut words = text.lines().next().unwrap_or_default().split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = target.split('?').next().unwrap_or_default();
    match (method, page(path)) {
        ("GET" | "HEAD", Some((kind, body))) => respond(&mut stream, "200 OK", kind, &body, method == "HEAD").await,
        ("GET" | "HEAD", None) => {
            respond(&mut stream, "404 Not Found", "text/plain", "try /metrics\n", method == "HEAD").await
        }
        _ => respond(&mut stream, "405 Method Not Allowed", "text/plain", "only GET is understood\n", false).await,
    }
}

async fn respond(stream: &mut TcpStream, status: &str, kind: &str, body: &str, head_only: bool) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    if !head_only {
        stream.write_all(body.as_bytes()).await?;
    }
    stream.shutdown().await?;
    // A close with unread bytes resets the connection, and the answer would be lost.
    let mut rest = [0; 1024];
    for _ in 0..64 {
        if stream.read(&mut rest).await? == 0 {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(request: &str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("free port");
        let addr = listener.local_addr().expect("address");
        let page: Arc<Page> = Arc::new(|path| (path == "/metrics").then(|| ("text/plain", "up 1\n".to_owned())));
        let server = tokio::spawn(serve(listener, page));
        let mut stream = TcpStream::connect(addr).await.expect("connected");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).await.expect("answer");
        server.abort();
        text
    }

    #[tokio::test]
    async fn known_pages_are_served_and_others_are_not() {
        let text = ask("GET /metrics?x=1 HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert!(text.starts_with("HTTP/1.1 200 OK") && text.ends_with("\r\n\r\nup 1\n"), "{text}");
        assert!(ask("HEAD /metrics HTTP/1.1\r\n\r\n").await.ends_with("\r\n\r\n"));
        assert!(ask("GET / HTTP/1.1\r\n\r\n").await.starts_with("HTTP/1.1 404"));
        assert!(ask("POST /metrics HTTP/1.1\r\n\r\n").await.starts_with("HTTP/1.1 405"));
        assert!(ask(&format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(9000))).await.starts_with("HTTP/1.1 400"));
    }
}
