//! Servers that lie, flood, stall and nest: every call ends in an error of its own, in time and in bounded memory.

mod peer;

use std::time::{Duration, Instant};

use peer::{
    ACTIVATE_SESSION, Act, BROWSE, BROWSE_NEXT, CREATE_SESSION, CREATE_SUBSCRIPTION, GET_ENDPOINTS, HELLO, OPEN, READ,
    with_header,
};
use tagwire_ua_client::{BrowseLimits, Client, ConnectOptions, Error, parse_node_id};

const LIMIT: Duration = Duration::from_millis(1_500);
/// More than any of these answers may cost, and far less than what they claim.
const MAX_GROWTH: usize = 150 * 1024 * 1024;

fn options(address: std::net::SocketAddr) -> ConnectOptions {
    ConnectOptions {
        connect_timeout: LIMIT,
        request_timeout: LIMIT,
        keep_alive: Duration::from_secs(60),
        ..ConnectOptions::new(format!("opc.tcp://{address}").parse().expect("url"))
    }
}

/// Resident memory of this process, in bytes.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").expect("statm");
    text.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("number") * 4096
}

async fn within<T>(what: &str, call: impl Future<Output = T>) -> T {
    let before = resident();
    let start = Instant::now();
    let outcome = tokio::time::timeout(LIMIT * 8, call).await.unwrap_or_else(|_| panic!("{what} hangs"));
    let growth = resident().saturating_sub(before);
    assert!(growth < MAX_GROWTH, "{what}: {growth} bytes more after {:?}", start.elapsed());
    outcome
}

/// The start of a ReadResponse with one result that has a value, and then these bytes.
fn read_answer(value: &[u8]) -> Act {
    let mut rest = 1_i32.to_le_bytes().to_vec();
    rest.push(1);
    rest.extend(value);
    Act::Answer(634, with_header(&rest))
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_told_with_the_words_of_the_system() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
    let address = listener.local_addr().expect("address");
    drop(listener);
    let error = Client::connect(&options(address)).await.expect_err("nobody");
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("refused"), "{error}");
    let options = ConnectOptions::new("no-such-host.invalid".parse().expect("url"));
    let error = Client::connect(&options).await.expect_err("nobody");
    assert!(matches!(error, Error::Unreachable { .. } | Error::Timeout { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_goes_wrong_at_any_step_fails_in_time() {
    let huge = [&b"ACKF"[..], &u32::MAX.to_le_bytes(), &[0; 20]].concat();
    let refusal = {
        let mut bytes = b"ERRF".to_vec();
        bytes.extend(16_u32.to_le_bytes());
        bytes.extend(0x8013_0000_u32.to_le_bytes());
        bytes.extend([0xFF; 4]);
        bytes
    };
    let acts = [
        Act::Silent,
        Act::Close,
        Act::Raw(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
        Act::Raw(vec![0; 64]),
        Act::Raw(huge),
        Act::Raw(refusal),
        Act::Flood(u32::MAX),
        Act::Flood(0),
        Act::Chunks,
        Act::Answer(397, with_header(&[])),
        Act::Answer(9999, Vec::new()),
        Act::Answer(431, with_header(&i32::MAX.to_le_bytes())),
        Act::Answer(464, vec![0xFF; 60]),
    ];
    for step in [HELLO, OPEN, GET_ENDPOINTS, CREATE_SESSION, ACTIVATE_SESSION] {
        for (idx, act) in acts.iter().enumerate() {
            let address = peer::start([(step, act.clone())].into()).await;
            let what = format!("step {step}, act {idx}");
            let outcome = within(&what, Client::connect(&options(address))).await;
            let error = outcome.expect_err(&what);
            assert!(!error.to_string().is_empty());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_lie_are_errors_and_cost_little_memory() {
    let string = |len: i32| [&[12][..], &len.to_le_bytes(), b"abc"].concat();
    let array = |kind: u8, len: i32| [&[0x80 | kind][..], &len.to_le_bytes(), &[0; 16]].concat();
    let structure = |encoding: u8, len: i32| [&[22, 1, 0, 9, 0, encoding][..], &len.to_le_bytes(), &[0; 4]].concat();
    let nested = |kind: u8| [vec![kind; 20_000], vec![1, 1]].concat();
    let dimensions = [&[0xC6][..], &1_i32.to_le_bytes(), &[0; 4], &3_i32.to_le_bytes(), &[0xFF; 12]].concat();
    let values = vec![
        string(i32::MAX),
        string(4 * 1024 * 1024),
        array(6, i32::MAX),
        array(6, 1 << 20),
        array(12, 1 << 20),
        array(22, 1 << 20),
        array(23, 1 << 20),
        structure(1, i32::MAX),
        structure(1, 1_000_000),
        structure(2, i32::MAX),
        structure(3, 4),
        nested(24),
        nested(23),
        nested(25),
        dimensions,
        vec![63],
        vec![],
    ];
    for (idx, value) in values.iter().enumerate() {
        let address = peer::start([(READ, read_answer(value))].into()).await;
        let what = format!("value {idx}");
        // The answer to the first Read, about the server's limits, is hostile already; both ways of ending are right.
        match within(&what, Client::connect(&options(address))).await {
            Err(error) => assert!(!error.to_string().is_empty()),
            Ok(client) => {
                let error = within(&what, client.read(&[parse_node_id("a").expect("node id")])).await;
                assert!(error.is_err() || !error.expect("some")[0].status.is_good(), "{what}");
                within(&what, client.close()).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_goes_wrong_ends_each_call_in_time() {
    let node = parse_node_id("a").expect("node id");
    let subscription = |interval: f64, lifetime: u32| {
        let mut rest = 1_u32.to_le_bytes().to_vec();
        rest.extend(interval.to_le_bytes());
        rest.extend(lifetime.to_le_bytes());
        rest.extend(lifetime.to_le_bytes());
        Act::Answer(790, with_header(&rest))
    };
    for (idx, act) in [
        subscription(f64::NAN, 0),
        subscription(f64::INFINITY, u32::MAX),
        subscription(1e300, u32::MAX),
        subscription(-1.0, 0),
        subscription(0.0, 1),
        Act::Silent,
        Act::Flood(70_000),
        Act::Chunks,
    ]
    .into_iter()
    .enumerate()
    {
        let address = peer::start([(CREATE_SUBSCRIPTION, act)].into()).await;
        let what = format!("subscription {idx}");
        let client = within(&what, Client::connect(&options(address))).await.expect("connects");
        let outcome = within(&what, client.subscribe(std::slice::from_ref(&node), Duration::from_millis(100))).await;
        assert!(outcome.is_err(), "{what}: items are never answered");
        within(&what, client.close()).await;
    }

    // One page for ever: an empty one, one that repeats itself, and too many results.
    let page = |n_results: i32, n_references: i32| {
        let mut rest = n_results.to_le_bytes().to_vec();
        for _ in 0..n_results {
            rest.extend(0_u32.to_le_bytes());
            rest.extend(3_i32.to_le_bytes());
            rest.extend(b"abc");
            rest.extend(n_references.to_le_bytes());
            for _ in 0..n_references {
                // Reference type, forward, target i=1, browse name, display name, class, type definition.
                rest.extend([0, 35, 1, 0, 1, 0, 0, 1, 0, 0, 0, b'x', 0, 1, 0, 0, 0, 0, 0]);
            }
        }
        // No diagnostics.
        rest.extend((-1_i32).to_le_bytes());
        with_header(&rest)
    };
    for (idx, (first, next)) in [
        (page(1, 0), page(1, 0)),
        (page(1, 1), page(1, 1)),
        (page(3, 1), page(1, 1)),
        (page(0, 0), page(1, 1)),
        (page(1, 1), page(0, 0)),
    ]
    .into_iter()
    .enumerate()
    {
        let acts = [(BROWSE, Act::Answer(530, first)), (BROWSE_NEXT, Act::Answer(536, next))];
        let address = peer::start(acts.into()).await;
        let what = format!("browse {idx}");
        let client = within(&what, Client::connect(&options(address))).await.expect("connects");
        let limits = BrowseLimits { depth: 3, max_nodes: 100 };
        let _ = within(&what, client.browse(&node, limits)).await;
        within(&what, client.close()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_references_that_comes_again_and_again_ends_the_browsing_of_its_node() {
    let mut rest = 1_i32.to_le_bytes().to_vec();
    rest.extend(0_u32.to_le_bytes());
    rest.extend(3_i32.to_le_bytes());
    rest.extend(b"abc");
    rest.extend(1_i32.to_le_bytes());
    // Reference type, forward, target i=1, browse name, display name, class, type definition.
    rest.extend([0, 35, 1, 0, 1, 0, 0, 1, 0, 0, 0, b'x', 0, 1, 0, 0, 0, 0, 0]);
    // No diagnostics.
    rest.extend((-1_i32).to_le_bytes());
    let page = with_header(&rest);
    let acts = [(BROWSE, Act::Answer(530, page.clone())), (BROWSE_NEXT, Act::Answer(536, page))];
    let address = peer::start(acts.into()).await;
    let client = within("connect", Client::connect(&options(address))).await.expect("connects");
    let node = parse_node_id("a").expect("node id");
    let found = within("browse", client.browse(&node, BrowseLimits { depth: 3, ..BrowseLimits::default() })).await;
    assert_eq!(found.expect("browses").len(), 1);
    within("close", client.close()).await;
}
