//! The side of the server.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

use super::place::SocketPath;
use super::protocol::{Answer, MAX_LINE, Request};
use crate::data_dir::owner_only;

/// Who carries out the commands.
pub trait Control: Send + Sync + 'static {
    /// Carries out one command of a user of this machine, by number.
    fn handle(&self, request: Request, uid: Option<u32>) -> impl Future<Output = Answer> + Send;
}

/// Most connections at a time; further ones wait.
const MAX_CONNECTIONS: usize = 8;

/// Time in which a connection must bring its next command, so that idle ones do not keep others out.
const PATIENCE: Duration = Duration::from_secs(10);

/// Opens the socket of a data folder (mode 0600); commands wait in it until [`serve`] answers them.
///
/// # Errors
/// As the operating system reports them.
pub fn listen(data_dir: &Path) -> io::Result<UnixListener> {
    let path = SocketPath::of(data_dir)?;
    // The data folder is locked, so a socket that is there belongs to a server that died.
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    owner_only(path.as_ref())?;
    Ok(listener)
}

/// Answers commands until the returned future is dropped.
pub async fn serve<T: Control>(listener: UnixListener, control: Arc<T>) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok(slot) = slots.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let control = control.clone();
                connections.spawn(async move {
                    let _slot = slot;
                    let _ = converse(stream, &*control).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "control socket cannot accept");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn converse(stream: UnixStream, control: &impl Control) -> io::Result<()> {
    let uid = stream.peer_cred().ok().map(|peer| peer.uid());
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut command = (&mut read).take(MAX_LINE as u64);
        let n_bytes = tokio::time::timeout(PATIENCE, command.read_until(b'\n', &mut line)).await??;
        if n_bytes == 0 {
            return Ok(());
        }
        let answer = match serde_json::from_slice::<Request>(&line) {
            Ok(request) => control.handle(request, uid).await,
            Err(error) => Answer::refused(format!("the command is not understood: {error}"), ""),
        };
        let mut text = serde_json::to_vec(&answer)?;
        text.push(b'\n');
        write.write_all(&text).await?;
        if !line.ends_with(b"\n") {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::ControlClient;
    use crate::data_dir::control_socket;
    use serde_json::json;
    use std::os::unix::fs::PermissionsExt as _;

    struct Echo;

    impl Control for Echo {
        async fn handle(&self, request: Request, _: Option<u32>) -> Answer {
            match request {
                Request::Trace { link, on } => Answer::good(json!({ "link": link, "on": on })),
                _ => Answer::refused("not now", "try later"),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn idle_connections_do_not_keep_others_out() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let socket = folder.path().join("control.sock");
        tokio::spawn(serve(listen(folder.path()).expect("bound"), Arc::new(Echo)));
        let mut idle = Vec::new();
        for _ in 0..MAX_CONNECTIONS {
            idle.push(UnixStream::connect(&socket).await.expect("connected"));
        }
        let mut late = UnixStream::connect(&socket).await.expect("connected");
        late.write_all(b"{\"command\":\"status\"}\n").await.expect("sent");
        let mut text = vec![0; 200];
        let n = tokio::time::timeout(2 * PATIENCE, late.read(&mut text)).await.expect("in time").expect("answer");
        assert!(n > 0);
    }

    #[tokio::test]
    async fn a_command_that_comes_while_the_server_starts_is_answered_later() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let socket = folder.path().join("control.sock");
        let listener = listen(folder.path()).expect("bound");
        let mut early = UnixStream::connect(&socket).await.expect("connected");
        early.write_all(b"{\"command\":\"status\"}\n").await.expect("sent");
        tokio::spawn(serve(listener, Arc::new(Echo)));
        let mut text = vec![0; 200];
        let n = early.read(&mut text).await.expect("answer");
        assert!(String::from_utf8_lossy(&text[..n]).contains("try later"));
    }

    #[tokio::test]
    async fn a_data_folder_may_have_a_longer_path_than_a_socket() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let long = folder.path().join("d".repeat(120));
        std::fs::create_dir(&long).expect("made");
        tokio::spawn(serve(listen(&long).expect("bound"), Arc::new(Echo)));
        assert!(control_socket(&long).exists());
        let answer = tokio::task::spawn_blocking(move || {
            ControlClient::connect(&long).expect("connected").ask(&Request::Reload {}).expect("answer")
        });
        assert!(!answer.await.expect("no panic").ok);
    }

    #[tokio::test]
    async fn commands_are_answered_in_order_and_nonsense_is_refused() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let socket = folder.path().join("control.sock");
        tokio::spawn(serve(listen(folder.path()).expect("bound"), Arc::new(Echo)));
        assert_eq!(std::fs::metadata(&socket).expect("socket").permissions().mode() & 0o777, 0o600);
        let path = folder.path().to_owned();
        let answers = tokio::task::spawn_blocking(move || {
            let mut client = ControlClient::connect(&path).expect("connected");
            let first = client.ask(&Request::Trace { link: "a".to_owned(), on: true }).expect("answer");
            (first, client.ask(&Request::Reload {}).expect("answer"))
        });
        let (first, second) = answers.await.expect("no panic");
        assert_eq!(first.answer, json!({ "link": "a", "on": true }));
        assert_eq!((second.ok, second.error.as_str()), (false, "not now"));
        let mut raw = UnixStream::connect(&socket).await.expect("connected");
        raw.write_all(b"{\"command\":\"explode\"}\n").await.expect("sent");
        let mut text = vec![0; 200];
        let n = raw.read(&mut text).await.expect("answer");
        assert!(String::from_utf8_lossy(&text[..n]).contains("not understood"));
    }
}
