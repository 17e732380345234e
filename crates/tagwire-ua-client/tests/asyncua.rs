//! The client against a foreign server, asyncua; needs its Python in `TAGWIRE_TEST_PYTHON`.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tagwire_access::{Actor, KeySize, OwnCertificate, OwnSettings};
use tagwire_model::{Status, Timestamp, Value};
use tagwire_ua_client::{
    BrowseLimits, Client, ConnectOptions, Error, Identity, LinkState, Login, Mode, NodeId, Policy, Security, Url,
    discover, parse_node_id, print_node_id,
};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

const BAD_NODE_ID_UNKNOWN: Status = Status::BAD_NODE_ID_UNKNOWN;

struct Server {
    child: Child,
    url: Url,
    folder: tempfile::TempDir,
}

impl Server {
    /// Starts the server; `None`, and a visible line, without a Python to run it.
    async fn start(test: &str, is_secure: bool) -> Option<Self> {
        let Some(python) = std::env::var_os("TAGWIRE_TEST_PYTHON") else {
            // Written past the test harness, which would hide it.
            let _ = writeln!(std::io::stderr(), "SKIPPED {test}: TAGWIRE_TEST_PYTHON is not set");
            return None;
        };
        let folder = tempfile::tempdir().expect("folder");
        let port = TcpListener::bind("127.0.0.1:0").expect("binds").local_addr().expect("address").port();
        let (certificate, key) = if is_secure { make_certificate(folder.path()) } else { ("-".into(), "-".into()) };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/asyncua_server.py");
        let mut child = Command::new(python)
            .arg(script)
            .arg(port.to_string())
            .args([certificate, key])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("python starts");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout")).lines();
        let line = tokio::time::timeout(Duration::from_secs(60), lines.next_line()).await.expect("in time");
        assert_eq!(line.expect("reads").as_deref(), Some("READY"));
        let url = format!("opc.tcp://127.0.0.1:{port}/test").parse().expect("url");
        Some(Self { child, url, folder })
    }

    fn options(&self) -> ConnectOptions {
        ConnectOptions::new(self.url.clone())
    }

    fn identity(&self) -> Identity {
        let data_dir = self.folder.path().join("client");
        let settings = OwnSettings { key_size: KeySize::Rsa2048, ..OwnSettings::default() };
        if OwnCertificate::load(&data_dir, &settings, now()).expect("loads").is_none() {
            OwnCertificate::create(&data_dir, &settings, now()).expect("makes");
        }
        Identity::open(&data_dir, "test client").expect("opens")
    }

    async fn kill(&mut self) {
        self.child.kill().await.expect("ends");
    }
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    Timestamp::from_unix_nanos(since.as_nanos() as i128)
}

fn make_certificate(folder: &Path) -> (PathBuf, PathBuf) {
    let settings = OwnSettings {
        application_name: "asyncua".to_owned(),
        names: vec!["127.0.0.1".to_owned()],
        key_size: KeySize::Rsa2048,
        ..OwnSettings::default()
    };
    let data_dir = folder.join("server");
    let own = OwnCertificate::create(&data_dir, &settings, now()).expect("makes");
    let certificate = data_dir.join("pki").join(OwnCertificate::CERTIFICATE_FILE);
    std::fs::write(format!("{}.uri", certificate.display()), own.application_uri()).expect("writes");
    (certificate, data_dir.join("pki").join(OwnCertificate::KEY_FILE))
}

fn tag(name: &str) -> NodeId {
    parse_node_id(&format!("plant.{name}")).expect("node id")
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_and_writes_every_type() {
    let Some(server) = Server::start("reads_and_writes_every_type", false).await else { return };
    let client = Client::connect(&server.options()).await.expect("connects");
    assert_eq!(client.state(), LinkState::Connected);
    assert_eq!(client.namespace_array().await.expect("reads")[2], "urn:test:plant");

    for (name, first, typed, second) in [
        ("bool", "true", "off", "false"),
        ("i8", "-8", "-128", "-128"),
        ("u8", "8", "0xff", "255"),
        ("i16", "-16", "1e3", "1000"),
        ("u16", "16", "65535", "65535"),
        ("i32", "-32", "-2147483648", "-2147483648"),
        ("u32", "32", "0", "0"),
        ("i64", "-64", "9223372036854775807", "9223372036854775807"),
        ("u64", "18446744073709551615", "1", "1"),
        ("f32", "1.5", "0.1", "0.1"),
        ("f64", "2.25", "1e300", &format!("{}", 1e300)),
        ("string", "warm äöü", "two words 🙂", "two words 🙂"),
        ("bytes", "00FF", "DE AD", "DEAD"),
        ("datetime", "2024-02-29T12:00:00.123Z", "2001-01-01T00:00:00Z", "2001-01-01T00:00:00Z"),
        ("array", "[1, 2, 3]", "[4, 5, 6, 7]", "[4, 5, 6, 7]"),
    ] {
        let read = || async { client.read(&[tag(name)]).await.expect("reads").remove(0) };
        let sample = read().await;
        assert_eq!((sample.status, sample.value.to_string()), (Status::GOOD, first.to_owned()), "{name}");
        assert!(!sample.source_time.is_none() || !sample.server_time.is_none());
        let written = client.write_text(&tag(name), typed).await.expect(name);
        assert_eq!(written.to_string(), second, "{name}");
        assert_eq!(read().await.value, written, "{name}");
    }
    let matrix = client.read(&[tag("matrix"), tag("text")]).await.expect("reads");
    assert_eq!(matrix[0].value.to_string(), "[[1, 2, 3], [4, 5, 6]]");
    assert_eq!(matrix[1].value, Value::text("Druck"));
    // A structure of the standard becomes text.
    let status = client.read(&[parse_node_id("i=2256").expect("node id")]).await.expect("reads");
    assert!(status[0].value.to_string().contains("ServerStatusDataType"), "{}", status[0].value);
    // Without a value, the declared type counts: Duration derives from Double.
    assert_eq!(client.write_text(&tag("duration"), "7").await.expect("writes"), Value::Double(7.0));
    client.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_of_single_nodes_are_told_one_by_one() {
    let Some(server) = Server::start("failures_of_single_nodes_are_told_one_by_one", false).await else { return };
    let client = Client::connect(&server.options()).await.expect("connects");
    let samples = client.read(&[tag("f64"), tag("none"), tag("i16")]).await.expect("reads");
    let states: Vec<Status> = samples.iter().map(|sample| sample.status).collect();
    assert_eq!(states, [Status::GOOD, BAD_NODE_ID_UNKNOWN, Status::GOOD]);
    let results = client.write(&[(tag("f64"), Value::Double(1.0)), (tag("none"), Value::Double(1.0))]).await;
    assert_eq!(results.expect("writes"), [Status::GOOD, BAD_NODE_ID_UNKNOWN]);

    let wrong = client.write_text(&tag("i16"), "warm").await.expect_err("no number");
    assert_eq!(wrong.to_string(), "\"warm\" is no i16: value has a type that cannot be converted");
    let range = client.write_text(&tag("u8"), "256").await.expect_err("too large");
    assert_eq!(range.to_string(), "\"256\" is no u8: value is out of the range of the type");
    let unknown = client.write_text(&tag("none"), "1").await.expect_err("unknown");
    assert!(matches!(&unknown, Error::Refused { status, .. } if status.0 == BAD_NODE_ID_UNKNOWN), "{unknown}");
    let denied = client.write_text(&tag("text"), "x").await.expect_err("no text form");
    assert!(matches!(denied, Error::Options(_)), "{denied}");
    client.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn browses_all_children_and_levels() {
    let Some(server) = Server::start("browses_all_children_and_levels", false).await else { return };
    let client = Client::connect(&server.options()).await.expect("connects");
    let objects = parse_node_id("i=85").expect("node id");
    let children = client.browse(&objects, BrowseLimits::default()).await.expect("browses");
    let names: Vec<&str> = children.iter().map(|child| child.name.as_str()).collect();
    assert!(names.contains(&"Server") && names.contains(&"plant") && names.contains(&"many"), "{names:?}");

    let many = parse_node_id("many").expect("node id");
    let found = client.browse(&many, BrowseLimits::default()).await.expect("browses");
    assert_eq!(found.len(), 1500);
    assert_eq!(print_node_id(&found[7].node), "ns=2;s=many.7");
    assert_eq!((found[7].name.as_str(), found[7].depth), ("tag7", 1));
    let few = client.browse(&many, BrowseLimits { depth: 1, max_nodes: 10 }).await.expect("browses");
    assert_eq!(few.len(), 10);

    let two = client.browse(&objects, BrowseLimits { depth: 2, max_nodes: 10_000 }).await.expect("browses");
    let deep = two.iter().find(|node| print_node_id(&node.node) == "ns=2;s=plant.f64").expect("found");
    assert_eq!((deep.depth, print_node_id(&deep.parent)), (2, "ns=2;s=plant".to_owned()));
    let error = client.browse(&tag("none"), BrowseLimits::default()).await.expect_err("unknown");
    assert!(error.status().is_some_and(Status::is_bad), "{error}");

    // All of them are read in as many requests as the server permits.
    let nodes: Vec<NodeId> = found.into_iter().map(|node| node.node).collect();
    let samples = client.read(&nodes).await.expect("reads");
    assert!(samples.iter().enumerate().all(|(idx, sample)| sample.value == Value::Double(idx as f64)));
    client.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_arrive_in_order() {
    let Some(server) = Server::start("changes_arrive_in_order", false).await else { return };
    let client = Client::connect(&server.options()).await.expect("connects");
    let nodes = [tag("counter"), tag("none"), tag("f64")];
    let mut changes = client.subscribe(&nodes, Duration::from_millis(100)).await.expect("subscribes");
    assert_eq!(changes.results(), [Status::GOOD, BAD_NODE_ID_UNKNOWN, Status::GOOD]);
    let (mut last, mut n_other) = (0, 0);
    for _ in 0..20 {
        let change =
            tokio::time::timeout(Duration::from_secs(10), changes.next()).await.expect("in time").expect("open");
        match change.index {
            0 => {
                let number = change.sample.value.as_i128().expect("integer");
                assert!(number > last, "{number} after {last}");
                last = number;
            }
            2 => n_other += 1,
            other => panic!("change of node {other}"),
        }
    }
    assert_eq!((n_other, changes.n_lost(), changes.ended()), (1, 0, None));
    changes.close().await.expect("ends");
    client.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connects_with_security_once_the_certificate_is_accepted() {
    let Some(server) = Server::start("connects_with_security_once_the_certificate_is_accepted", true).await else {
        return;
    };
    let identity = server.identity();
    let mut options = server.options();
    options.security = Security::Exactly(Policy::Basic256Sha256, Mode::SignAndEncrypt);
    let error = Client::connect(&options).await.expect_err("no certificate");
    assert!(matches!(error, Error::Options(_)), "{error}");

    options.identity = Some(identity.clone());
    let error = Client::connect(&options).await.expect_err("not trusted yet");
    assert_eq!(error.to_string(), "certificate of the server refused: the certificate is not trusted");
    let rejected = identity.trust().rejected();
    assert_eq!(rejected.len(), 1);
    identity.trust().accept(rejected[0].certificate.fingerprint(), now(), &Actor::default()).expect("accepts");

    for (policy, mode) in [
        (Policy::Basic256Sha256, Mode::SignAndEncrypt),
        (Policy::Basic256Sha256, Mode::Sign),
        (Policy::Aes128Sha256RsaOaep, Mode::SignAndEncrypt),
        (Policy::Aes256Sha256RsaPss, Mode::SignAndEncrypt),
    ] {
        options.security = Security::Exactly(policy, mode);
        let client = Client::connect(&options).await.expect("connects");
        assert_eq!((client.endpoint().policy(), client.endpoint().mode()), (Some(policy), Some(mode)));
        let samples = client.read(&[tag("string")]).await.expect("reads");
        assert_eq!(samples[0].value, Value::text("warm äöü"));
        client.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_logs_in_over_security_only() {
    let Some(server) = Server::start("a_user_logs_in_over_security_only", true).await else { return };
    let identity = server.identity();
    let endpoints = discover(&server.url, Duration::from_secs(10)).await.expect("discovers");
    assert_eq!(endpoints.len(), 5);
    identity.trust().accept_der(endpoints[0].certificate_chain(), now(), &Actor::default()).expect("accepts");
    let mut options = server.options();
    options.identity = Some(identity);
    for (password, admitted) in [("secret", true), ("wrong", false), ("", false)] {
        options.login = Login::User { name: "anna".to_owned(), password: password.to_owned() };
        match Client::connect(&options).await {
            Ok(client) => {
                assert!(admitted);
                assert_eq!(client.endpoint().mode(), Some(Mode::SignAndEncrypt));
                client.close().await;
            }
            Err(error) => {
                assert!(!admitted, "{error}");
                assert!(matches!(error, Error::Refused { .. }), "{error}");
            }
        }
    }
    options.security = Security::NONE;
    let error = Client::connect(&options).await.expect_err("plain").to_string();
    assert!(error.contains("password is not sent") || error.contains("offers no endpoint"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_server_ends_the_session_or_is_connected_again() {
    let test = "a_lost_server_ends_the_session_or_is_connected_again";
    let Some(mut server) = Server::start(test, false).await else { return };
    let client = Client::connect(&server.options()).await.expect("connects");
    let patient = Client::connect(&ConnectOptions { reconnect: true, ..server.options() }).await.expect("connects");
    let mut changes = patient.subscribe(&[tag("counter")], Duration::from_millis(100)).await.expect("subscribes");
    server.kill().await;

    let mut states = client.states();
    let closed = states.wait_for(|state| matches!(state, LinkState::Closed(_)));
    tokio::time::timeout(Duration::from_secs(10), closed).await.expect("in time").expect("told");
    let error = client.read(&[tag("f64")]).await.expect_err("lost");
    assert!(error.is_transient(), "{error}");
    let mut states = patient.states();
    let lost = states.wait_for(|state| matches!(state, LinkState::Reconnecting(_)));
    tokio::time::timeout(Duration::from_secs(10), lost).await.expect("in time").expect("told");
    let error = patient.read(&[tag("f64")]).await.expect_err("lost");
    assert!(error.is_transient(), "{error}");

    // The same port again, by a new process.
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/asyncua_server.py");
    let python = std::env::var_os("TAGWIRE_TEST_PYTHON").expect("was there");
    let _again = Command::new(python)
        .arg(script)
        .args([&server.url.port().to_string(), "-", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("python starts");
    let connected = states.wait_for(|state| *state == LinkState::Connected);
    tokio::time::timeout(Duration::from_secs(60), connected).await.expect("in time").expect("told");
    while changes.next().await.expect("open").sample.status != Status::GOOD {}
    let samples = patient.read(&[tag("f64")]).await.expect("reads");
    assert_eq!(samples[0].value, Value::Double(2.25));
    patient.close().await;
}
