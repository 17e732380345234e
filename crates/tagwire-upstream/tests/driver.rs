//! The driver under its supervisor, with servers made of memory, on a simulated clock.

mod common;

use std::sync::atomic::Ordering;

use common::supervised::{ms, settings, start};
use common::{Server, Values, address, link};
use tagwire_driver::Update;
use tagwire_model::{DataType, Status, TagId, Value, ValueType};
use tokio::time::sleep;

const OVERFLOW: u32 = Status::INFO_DATA_VALUE | Status::OVERFLOW;

fn tags(n: u32) -> Vec<String> {
    (0..n).map(|tag| address(0, tag)).collect()
}

/// The numbers of one tag's good samples, each with whether it is marked.
fn numbers(log: &[Update], tag: TagId) -> Vec<(i128, bool)> {
    let samples = log.iter().filter(|update| update.tag == tag && update.status.is_good());
    samples
        .filter_map(|update| Some((update.value.as_ref()?.as_i128()?, update.status.0 & OVERFLOW == OVERFLOW)))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn no_sample_is_lost_without_a_mark_whatever_breaks() {
    for seed in 0..60_u64 {
        let mut random = fastrand::Rng::with_seed(seed);
        let server = Server::new(Values::Count);
        server.refuses_transfer.store(seed % 3 == 0, Ordering::SeqCst);
        let (link, recorder) = start(link(&[tags(3)]), std::slice::from_ref(&server));
        sleep(ms(1_000)).await;
        for _ in 0..6 {
            sleep(ms(random.u64(100..2_000))).await;
            match random.u8(..5) {
                0 => server.hang_up(),
                1 => server.n_to_swallow.store(random.u64(1..4), Ordering::SeqCst),
                2 => {
                    server.half_open_before.store(server.n_sessions.load(Ordering::SeqCst), Ordering::SeqCst);
                }
                3 => {
                    server.is_unreachable.store(true, Ordering::SeqCst);
                    sleep(ms(random.u64(100..8_000))).await;
                    server.is_unreachable.store(false, Ordering::SeqCst);
                }
                _ => server.restart(),
            }
        }
        sleep(ms(10_000)).await;
        let log = recorder.take_log();
        for tag in 0..3 {
            let numbers = numbers(&log, TagId(tag));
            for pair in numbers.windows(2) {
                let [(before, _), (number, is_marked)] = pair else { continue };
                let is_next = *number == before + 1 || number == before;
                assert!(is_next || *is_marked, "seed {seed}, tag {tag}: {number} after {before} without a mark");
            }
            assert!(numbers.len() > 50, "seed {seed}: {} samples", numbers.len());
            assert_eq!(recorder.seen(TagId(tag)).status.code(), Status::GOOD, "seed {seed}");
        }
        link.stop().await;
        // Those of a session that was cut off are the server's to forget when it does not hand them over.
        if !server.refuses_transfer.load(Ordering::SeqCst) {
            assert_eq!(server.n_subscriptions(), 0, "seed {seed}: subscriptions are left behind");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_is_handed_over_loses_and_marks_nothing() {
    let server = Server::new(Values::Count);
    let (_link, recorder) = start(link(&[tags(2)]), std::slice::from_ref(&server));
    for _ in 0..5 {
        sleep(ms(1_330)).await;
        server.hang_up();
    }
    sleep(ms(3_000)).await;
    let numbers = numbers(&recorder.take_log(), TagId(1));
    assert!(numbers.windows(2).all(|pair| pair[1].0 == pair[0].0 + 1), "{numbers:?}");
    assert!(numbers.iter().all(|(_, is_marked)| !is_marked), "{numbers:?}");
    assert_eq!(recorder.seen(TagId(1)).n_turned_bad, 0);
}

#[tokio::test(start_paused = true)]
async fn nodes_are_found_in_another_order_of_namespaces() {
    let server = Server::new(Values::Clock);
    let devices = [vec![address(0, 0), "ns=2;s=d0t1.".to_owned()]];
    let (_link, recorder) = start(link(&devices), std::slice::from_ref(&server));
    sleep(ms(2_000)).await;
    *server.namespaces.lock().expect("namespaces") =
        ["ua", "urn:server", "urn:new", "urn:plant"].map(str::to_owned).into();
    server.restart();
    sleep(ms(3_000)).await;
    recorder.reset();
    sleep(ms(1_000)).await;
    for tag in [TagId(0), TagId(1)] {
        let seen = recorder.seen(tag);
        assert!(seen.status.is_good() && seen.n_good >= 8, "{tag:?}: {seen:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_node_is_bad_alone_and_asked_for_for_ever() {
    let server = Server::new(Values::Clock);
    let mut all = tags(10);
    all.push("nsu=urn:plant;s=missing".to_owned());
    all.push("nsu=urn:later;s=x".to_owned());
    let (_link, recorder) = start(link(&[all]), std::slice::from_ref(&server));
    sleep(ms(30_000)).await;
    for tag in 0..10 {
        let seen = recorder.seen(TagId(tag));
        assert!(seen.status.is_good() && seen.longest_gap < ms(250), "{tag}: {seen:?}");
    }
    for tag in [10, 11] {
        assert_eq!(recorder.seen(TagId(tag)).status, Status::BAD_NODE_ID_UNKNOWN);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_refuses_everything_is_there_and_is_not_dialled_again() {
    let server = Server::new(Values::Clock);
    let (link, recorder) = start(link(&[tags(2)]), std::slice::from_ref(&server));
    sleep(ms(2_000)).await;
    server.refuses_all.store(true, Ordering::SeqCst);
    sleep(ms(60_000)).await;
    assert_eq!(server.n_sessions.load(Ordering::SeqCst), 1);
    server.refuses_all.store(false, Ordering::SeqCst);
    sleep(ms(15_000)).await;
    assert!(recorder.seen(TagId(0)).status.is_good());
    assert_eq!(link.statistics().link.n_connects, 1);
}

#[tokio::test(start_paused = true)]
async fn writes_have_the_servers_result_and_methods_are_called() {
    let server = Server::new(Values::Clock);
    let mut spec = link(&[vec![
        address(0, 0),
        "nsu=urn:plant;s=missing".to_owned(),
        "call nsu=urn:plant;s=add on nsu=urn:plant;s=object".to_owned(),
        "call nsu=urn:plant;s=missing on nsu=urn:plant;s=object".to_owned(),
    ]]);
    spec.devices[0].tags[2].value_type = ValueType::scalar(DataType::Int32);
    let (link, recorder) = start(spec, std::slice::from_ref(&server));
    sleep(ms(2_000)).await;
    let writes = vec![
        (TagId(0), Value::UInt32(5)),
        (TagId(1), Value::UInt32(6)),
        (TagId(2), Value::Int32(7)),
        (TagId(3), Value::UInt32(8)),
    ];
    let results = link.write(writes).await;
    assert_eq!(results, [Status::GOOD, Status::BAD_NODE_ID_UNKNOWN, Status::GOOD, Status(0x8075_0000)]);
    let written = server.written();
    assert_eq!(written.len(), 1);
    assert!(written[0].0.ends_with("d0t0.") && written[0].1 == Value::UInt32(5), "{written:?}");
    assert_eq!(recorder.seen(TagId(2)).value, Value::Int32(7), "what the method gave back");
    let read = link.read(vec![TagId(0)]).await;
    assert!(read[0].status.is_good() && read[0].value.is_some(), "{read:?}");
}

#[tokio::test(start_paused = true)]
async fn the_better_server_of_a_pair_is_followed_and_a_healthy_one_never_left() {
    let servers = [Server::new(Values::Clock), Server::new(Values::Clock)];
    let level = |at: usize, level| servers[at].level.store(level, Ordering::SeqCst);
    let is_used = |at: usize| servers[at].n_subscriptions() > 0;
    level(0, 150);
    level(1, 240);
    let (_link, recorder) = start(link(&[tags(2)]), &servers);
    sleep(ms(3_000)).await;
    assert_eq!((is_used(0), is_used(1)), (false, true), "the higher level at the start");
    level(0, 255);
    level(1, 200);
    sleep(ms(20_000)).await;
    assert_eq!((is_used(0), is_used(1)), (false, true), "a healthy server is not left");
    level(1, 100);
    recorder.reset();
    sleep(ms(10_000)).await;
    assert_eq!((is_used(0), is_used(1)), (true, false), "a degraded server is left");
    assert_eq!(recorder.seen(TagId(0)).n_turned_bad, 0);
    servers[0].is_killed.store(true, Ordering::SeqCst);
    servers[0].restart();
    sleep(ms(10_000)).await;
    assert!(is_used(1) && recorder.seen(TagId(0)).status.is_good(), "a dead server is left for its partner");
}

#[tokio::test(start_paused = true)]
async fn a_reload_leaves_the_tags_that_stay_alone() {
    let server = Server::new(Values::Count);
    let spec = link(&[tags(3)]);
    let (handle, recorder) = start(spec.clone(), std::slice::from_ref(&server));
    sleep(ms(2_000)).await;
    let mut device = spec.devices[0].clone();
    device.tags.remove(0);
    let mut new = device.tags[0].clone();
    new.id = TagId(7);
    new.address = address(0, 9);
    device.tags.insert(0, new);
    handle.set_device(0, device, settings(), Vec::new()).await.expect("set");
    sleep(ms(2_000)).await;
    let log = recorder.take_log();
    for tag in [TagId(1), TagId(2)] {
        let numbers = numbers(&log, tag);
        assert!(numbers.windows(2).all(|pair| pair[1] == (pair[0].0 + 1, false)), "{numbers:?}");
    }
    assert!(numbers(&log, TagId(7)).len() > 10);
    assert_eq!(server.n_sessions.load(Ordering::SeqCst), 1, "the session goes on");
}

#[tokio::test(start_paused = true)]
async fn what_the_server_does_not_watch_is_read_once_per_scan_until_it_does() {
    for max_items in [0, 4] {
        let server = Server::new(Values::Clock);
        server.refuses_feeds.store(max_items == 0, Ordering::SeqCst);
        server.max_items.store(max_items, Ordering::SeqCst);
        let (link, recorder) = start(link(&[tags(6)]), std::slice::from_ref(&server));
        sleep(ms(2_000)).await;
        recorder.reset();
        server.n_reads.store(0, Ordering::SeqCst);
        sleep(ms(10_000)).await;
        for tag in 0..6 {
            let seen = recorder.seen(TagId(tag));
            assert!(seen.status.is_good() && seen.n_turned_bad == 0 && seen.longest_gap < ms(250), "{tag}: {seen:?}");
        }
        let n_reads = server.n_reads.load(Ordering::SeqCst);
        assert!((95..=110).contains(&n_reads), "{n_reads} reads");
        assert_eq!(link.write(vec![(TagId(5), Value::UInt32(1))]).await, [Status::GOOD]);
        *server.silent.lock().expect("slot") = Some("d0t5.".to_owned());
        sleep(ms(6_000)).await;
        assert_eq!(recorder.seen(TagId(5)).status, Status::BAD_TIMEOUT);
        *server.silent.lock().expect("slot") = None;
        server.refuses_feeds.store(false, Ordering::SeqCst);
        server.max_items.store(u64::MAX, Ordering::SeqCst);
        sleep(ms(40_000)).await;
        server.n_reads.store(0, Ordering::SeqCst);
        sleep(ms(5_000)).await;
        assert_eq!(server.n_reads.load(Ordering::SeqCst), 0, "now they are watched");
        assert!((0..6).all(|tag| recorder.seen(TagId(tag)).status.is_good()));
        link.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_that_is_taken_away_is_bad_and_not_the_last_one() {
    let server = Server::new(Values::Clock);
    let (_link, recorder) = start(link(&[tags(3)]), std::slice::from_ref(&server));
    sleep(ms(2_000)).await;
    *server.emptied.lock().expect("slot") = Some("d0t1".to_owned());
    sleep(ms(1_000)).await;
    assert_eq!(recorder.seen(TagId(1)).status, Status::BAD_NO_DATA);
    assert!(recorder.seen(TagId(0)).status.is_good());
    *server.emptied.lock().expect("slot") = None;
    sleep(ms(1_000)).await;
    assert!(recorder.seen(TagId(1)).status.is_good());
}

#[tokio::test(start_paused = true)]
async fn looks_at_the_partner_leave_no_session_behind() {
    let servers = [Server::new(Values::Clock), Server::new(Values::Clock), Server::new(Values::Clock)];
    for server in &servers {
        server.level.store(150, Ordering::SeqCst);
    }
    let (_link, _recorder) = start(link(&[tags(2)]), &servers);
    sleep(ms(120_000)).await;
    for server in &servers {
        let (n, n_closed) = (server.n_sessions.load(Ordering::SeqCst), server.n_closed.load(Ordering::SeqCst));
        assert!(n <= n_closed + 1, "{n} sessions, {n_closed} closed");
    }
    assert!(servers[1].n_sessions.load(Ordering::SeqCst) > 10);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_no_session_survives_makes_no_storm_and_no_old_value_good() {
    for refuses_transfer in [false, true] {
        let server = Server::new(Values::Count);
        server.refuses_transfer.store(refuses_transfer, Ordering::SeqCst);
        let (_link, recorder) = start(link(&[tags(2)]), std::slice::from_ref(&server));
        sleep(ms(5_000)).await;
        server.is_poisoned.store(true, Ordering::SeqCst);
        sleep(ms(15_000)).await;
        assert!(recorder.seen(TagId(0)).status.is_bad(), "nothing was told for long");
        recorder.reset();
        sleep(ms(120_000)).await;
        assert_eq!(recorder.seen(TagId(0)).n_good, 0);
        let n = server.n_sessions.load(Ordering::SeqCst);
        assert!(n < 30, "{n} sessions in two minutes");
        server.is_poisoned.store(false, Ordering::SeqCst);
        sleep(ms(65_000)).await;
        assert!(recorder.seen(TagId(0)).status.is_good());
    }
}

#[tokio::test(start_paused = true)]
async fn a_device_that_is_read_goes_on_at_once_after_a_break() {
    let server = Server::new(Values::Clock);
    let spec = link(&[tags(2), vec![address(1, 0)]]);
    let mut first = spec.clone();
    first.devices.truncate(1);
    let (handle, recorder) = start(first, std::slice::from_ref(&server));
    sleep(ms(2_000)).await;
    server.refuses_feeds.store(true, Ordering::SeqCst);
    let mut second = spec.devices[1].clone();
    second.tags[0].id = TagId(50);
    handle.set_device(1, second, settings(), Vec::new()).await.expect("added");
    sleep(ms(5_000)).await;
    assert!(recorder.seen(TagId(50)).status.is_good());
    server.hang_up();
    sleep(ms(1_000)).await;
    recorder.reset();
    sleep(ms(10_000)).await;
    let seen = recorder.seen(TagId(50));
    assert!(seen.status.is_good() && seen.n_good > 50, "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn reloads_in_a_row_lose_no_sample() {
    let server = Server::new(Values::Count);
    let spec = link(&[tags(3), vec![address(1, 0)]]);
    let (handle, recorder) = start(spec.clone(), std::slice::from_ref(&server));
    sleep(ms(2_000)).await;
    let mut random = fastrand::Rng::with_seed(3);
    for _ in 0..100 {
        sleep(ms(random.u64(1..150))).await;
        handle.set_device(1, spec.devices[1].clone(), settings(), Vec::new()).await.expect("set");
    }
    sleep(ms(2_000)).await;
    let numbers = numbers(&recorder.take_log(), TagId(0));
    assert!(numbers.len() > 50 && numbers.windows(2).all(|pair| pair[1] == (pair[0].0 + 1, false)), "{numbers:?}");
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_a_read_takes_no_younger_value_back() {
    let server = Server::new(Values::Clock);
    let (link, recorder) = start(link(&[tags(2)]), std::slice::from_ref(&server));
    sleep(ms(2_000)).await;
    server.read_pause_ms.store(450, Ordering::SeqCst);
    let asked = server.started.elapsed().as_millis();
    let read = link.read(vec![TagId(0)]).await;
    let answered = read[0].value.as_ref().and_then(Value::as_i128).expect("a number");
    assert!(read[0].status.is_good() && (answered - asked as i128).abs() < 50, "{answered} was there at {asked}");
    sleep(ms(1_000)).await;
    let numbers = numbers(&recorder.take_log(), TagId(0));
    assert!(numbers.windows(2).all(|pair| pair[0].0 < pair[1].0), "{numbers:?}");
}
