//! Qualities on failure, bad tags beside good ones, panics.

use std::time::Duration;

use tagwire_driver::testing::Fault;
use tagwire_driver::{DeviceItem, DeviceSettings, DeviceState, LinkItem, LinkSettings};
use tagwire_model::{Clamp, Curve, DataType, Scaling, Status, TagId, Value};

use crate::fake::{Fake, device, device_tag, link, link_tag, one, start, wait};

#[tokio::test(start_paused = true)]
async fn a_link_that_never_connected_says_so_and_a_lost_one_keeps_its_values() {
    let fake = Fake::new(0);
    fake.world().fault = Some(Fault::Killed);
    let (spec, devices) = one(2, 100);
    let (_link, recorder) = start(&fake, spec, LinkSettings::default(), devices);
    wait(500).await;
    assert_eq!(recorder.seen(TagId(0)).status, Status::BAD_NOT_CONNECTED);
    assert_eq!(recorder.seen(TagId(0)).value, Value::Null);
    fake.world().fault = None;
    wait(3_000).await;
    assert_eq!(recorder.seen(TagId(0)).status, Status::GOOD);
    recorder.take_log();
    fake.world().fault = Some(Fault::Killed);
    wait(1_000).await;
    let seen = recorder.seen(TagId(0));
    assert_eq!(seen.status, Status::BAD_NO_COMMUNICATION);
    assert_ne!(seen.value, Value::Null);
    let log = recorder.take_log();
    let failure = log.iter().find(|update| update.tag == TagId(0) && update.status.is_bad()).expect("failure");
    assert_eq!(failure.value, None);
    let age = log.iter().rfind(|update| update.status.is_good() && update.tag == TagId(0));
    assert!(age.is_none_or(|good| failure.source_time > good.source_time), "stamped with the time of the failure");
    assert_eq!(recorder.seen(link_tag(LinkItem::Connected)).value, Value::Boolean(false));
    assert_eq!(recorder.seen(device_tag(0, DeviceItem::Error)).value, Value::Boolean(true));
    assert_eq!(recorder.seen(device_tag(0, DeviceItem::NoError)).value, Value::Boolean(false));
}

#[tokio::test(start_paused = true)]
async fn a_device_that_does_not_answer_is_a_timeout() {
    let fake = Fake::new(0);
    fake.world().fault = Some(Fault::Silent(0));
    let (spec, devices) = one(2, 100);
    let (link, recorder) = start(&fake, spec, LinkSettings::default(), devices);
    wait(2_900).await;
    assert_eq!(recorder.seen(TagId(0)).status, Status::BAD_WAITING_FOR_INITIAL_DATA);
    wait(200).await;
    assert_eq!(recorder.seen(TagId(0)).status, Status::BAD_TIMEOUT);
    wait(2_000).await;
    let statistics = link.statistics();
    assert_eq!(statistics.devices[0].state, DeviceState::Bad);
    assert!(statistics.devices[0].n_timeouts >= 3 && statistics.devices[0].n_failed_reads >= 1);
}

#[tokio::test(start_paused = true)]
async fn a_refused_tag_costs_no_more_than_a_search_and_a_try_now_and_then() {
    let fake = Fake::new(0);
    fake.world().illegal.insert((0, 37));
    let (spec, devices) = one(100, 1_000);
    let (link, recorder) = start(&fake, spec, LinkSettings::default(), devices);
    wait(900).await;
    let search = std::mem::take(&mut fake.world().requests).len();
    assert!(search <= 16, "{search} requests to find one bad tag among a hundred");
    for tag in (0..100).filter(|tag| *tag != 37) {
        assert_eq!(recorder.seen(TagId(tag)).status, Status::GOOD, "{tag}");
    }
    assert_eq!(recorder.seen(TagId(37)).status, Status::BAD_NOT_FOUND);
    wait(10_000).await;
    let polls = std::mem::take(&mut fake.world().requests);
    assert_eq!(polls.len(), 20, "two blocks around it, no more refusals: {polls:?}");
    assert_eq!(link.statistics().devices[0].n_refused_tags, 1);
    wait(20_000).await;
    let tried = fake.world().requests.iter().filter(|request| **request == (0, 37, 1)).count();
    assert_eq!(tried, 1, "once in thirty seconds");
    fake.world().illegal.clear();
    wait(31_000).await;
    assert_eq!(recorder.seen(TagId(37)).status, Status::GOOD);
    fake.world().requests.clear();
    wait(10_000).await;
    assert_eq!(fake.world().requests.len(), 10, "one block again");
}

#[tokio::test(start_paused = true)]
async fn a_boundary_that_must_not_be_crossed_is_learned_and_no_tag_is_lost() {
    let fake = Fake::new(0);
    fake.world().walls.extend([30, 64]);
    let (spec, devices) = one(100, 1_000);
    let (link, recorder) = start(&fake, spec, LinkSettings::default(), devices);
    wait(5_000).await;
    assert!((0..100).all(|tag| recorder.seen(TagId(tag)).status.is_good()));
    let refusals = link.statistics().devices[0].n_refusals;
    fake.world().requests.clear();
    wait(10_000).await;
    assert_eq!(link.statistics().devices[0].n_refusals, refusals, "nothing is refused any more");
    assert_eq!(fake.world().requests.len(), 30, "three blocks");
}

#[tokio::test(start_paused = true)]
async fn a_block_that_never_answers_leaves_the_others_alone() {
    for (attempts, reconnects) in [(1, false), (3, false), (1, true), (3, true)] {
        let fake = Fake::new(0);
        fake.world().reconnects = reconnects;
        fake.world().mute = Some((0, 205));
        fake.world().max_len = 100;
        let (spec, mut devices) = one(300, 100);
        devices[0].attempts = attempts;
        devices[0].request_timeout = Duration::from_millis(200);
        let (_link, recorder) = start(&fake, spec, LinkSettings::default(), devices);
        wait(3_000).await;
        assert_eq!(
            recorder.seen(TagId(250)).status,
            Status::BAD_TIMEOUT,
            "{attempts} attempts, reconnects: {reconnects}"
        );
        recorder.reset();
        wait(10_000).await;
        let seen = recorder.seen(TagId(0));
        assert_eq!(
            (seen.status, seen.n_turned_bad),
            (Status::GOOD, 0),
            "{attempts} attempts, reconnects: {reconnects}"
        );
        assert!(
            seen.longest_gap <= Duration::from_millis(450),
            "{attempts} attempts, reconnects: {reconnects}: {:?}",
            seen.longest_gap
        );
        assert!(seen.n_good > 80, "{attempts} attempts, reconnects: {reconnects}: {}", seen.n_good);
        fake.world().mute = None;
        wait(2_500).await;
        assert_eq!(recorder.seen(TagId(250)).status, Status::GOOD, "{attempts} attempts, reconnects: {reconnects}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_that_does_not_fit_spoils_only_its_own_tag() {
    let fake = Fake::new(0);
    let (mut spec, devices) = one(3, 100);
    let clamp = Clamp { low: false, high: true };
    let to = |data_type, clamp| Scaling::new(Curve::Linear, (0.0, 1.0), (0.0, 10.0), clamp, false, data_type);
    spec.devices[0].tags[1].scaling = Some(Box::new(to(DataType::UInt8, Clamp::default()).expect("valid")));
    spec.devices[0].tags[2].scaling = Some(Box::new(to(DataType::Double, clamp).expect("valid")));
    let (_link, recorder) = start(&fake, spec, LinkSettings::default(), devices);
    wait(1_000).await;
    assert_eq!(recorder.seen(TagId(0)).status, Status::GOOD);
    assert_eq!(recorder.seen(TagId(1)).status, Status::BAD_OUT_OF_RANGE);
    assert_eq!(recorder.seen(TagId(2)).status, Status::GOOD.with_info(Status::LIMIT_HIGH));
    assert_eq!(recorder.seen(TagId(2)).value, Value::Double(10.0));
}

#[tokio::test(start_paused = true)]
async fn a_dead_device_gets_one_attempt_per_two_seconds() {
    let fake = Fake::new(0);
    let settings = DeviceSettings {
        scan: Duration::from_millis(100),
        request_timeout: Duration::from_millis(500),
        ..DeviceSettings::default()
    };
    let spec = link(vec![device(0, 5), device(1, 5)]);
    let (_link, recorder) = start(&fake, spec, LinkSettings::default(), vec![settings.clone(), settings]);
    wait(1_000).await;
    fake.world().fault = Some(Fault::Silent(0));
    wait(10_000).await;
    fake.world().requests.clear();
    recorder.reset();
    wait(20_000).await;
    let requests = std::mem::take(&mut fake.world().requests);
    let (dead, alive): (Vec<_>, Vec<_>) = requests.into_iter().partition(|request| request.0 == 0);
    assert!((7..=8).contains(&dead.len()), "{} attempts in twenty seconds", dead.len());
    assert!(alive.len() >= 155, "{} polls of the neighbour in twenty seconds", alive.len());
    assert_eq!(recorder.seen(TagId(5)).n_turned_bad, 0);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_a_gateway_calls_dead_is_treated_as_dead() {
    let fake = Fake::new(1);
    let settings = DeviceSettings { scan: Duration::from_millis(100), ..DeviceSettings::default() };
    let spec = link(vec![device(0, 5), device(1, 5)]);
    let (_link, recorder) = start(&fake, spec, LinkSettings::default(), vec![settings.clone(), settings]);
    wait(1_000).await;
    {
        let mut world = fake.world();
        world.relayed = Some(0);
        // The gateway needs its own time to find out.
        world.latency = Duration::from_millis(60);
    }
    wait(5_000).await;
    assert!(recorder.seen(TagId(0)).status.is_bad());
    fake.world().requests.clear();
    wait(20_000).await;
    let n_attempts = fake.world().requests.iter().filter(|request| request.0 == 0).count();
    assert!((9..=11).contains(&n_attempts), "{n_attempts} attempts in twenty seconds");
    assert_eq!(fake.world().n_connections, 1, "the connection is fine");
    fake.world().relayed = None;
    wait(2_500).await;
    assert_eq!(recorder.seen(TagId(0)).status, Status::GOOD);
}

#[tokio::test(start_paused = true)]
async fn stopping_does_not_wait_for_an_answer() {
    let fake = Fake::new(0);
    let (spec, mut devices) = one(1, 100);
    devices[0].request_timeout = Duration::from_secs(9_999);
    let (link, _) = start(&fake, spec, LinkSettings::default(), devices);
    wait(1_000).await;
    fake.world().fault = Some(Fault::Silent(0));
    wait(1_000).await;
    let read = link.read(vec![TagId(0)]);
    let started = tokio::time::Instant::now();
    link.stop().await;
    assert_eq!(read.await[0].status, Status::BAD_SHUTDOWN);
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_panic_ends_nothing_but_the_moment() {
    let fake = Fake::new(0);
    let (spec, devices) = one(3, 100);
    let (link, recorder) = start(&fake, spec, LinkSettings::default(), devices);
    wait(1_000).await;
    recorder.take_log();
    fake.world().panics = true;
    let write = link.write(vec![(TagId(0), Value::UInt32(1))]);
    wait(10).await;
    assert_eq!(write.await, [Status::GOOD], "written before the poll that panics");
    wait(90).await;
    let log = recorder.take_log();
    let bad: Vec<_> = log.iter().filter(|update| update.status == Status::BAD_INTERNAL_ERROR).collect();
    assert_eq!(bad.len(), 3, "all tags are bad meanwhile");
    wait(3_000).await;
    assert!((0..3).all(|tag| recorder.seen(TagId(tag)).status.is_good()));
    let statistics = link.statistics();
    assert_eq!(statistics.link.n_panics, 1);
    assert!(statistics.devices[0].n_reads > 10, "counters survive");
    assert_eq!(recorder.seen(link_tag(LinkItem::Panics)).value, Value::UInt32(1));
    let beat = link.heartbeat();
    wait(1_100).await;
    assert!(link.heartbeat() > beat);
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_when_the_task_panics_gets_an_error() {
    let fake = Fake::new(0);
    fake.world().latency = Duration::from_millis(50);
    let (spec, devices) = one(3, 100);
    let (link, _) = start(&fake, spec, LinkSettings::default(), devices);
    wait(1_010).await;
    fake.world().panics = true;
    let answers: Vec<_> = (0..20).map(|_| link.read(vec![TagId(0)])).collect();
    let mut statuses = Vec::new();
    for answer in answers {
        statuses.push(answer.await[0].status);
    }
    assert!(statuses.contains(&Status::BAD_INTERNAL_ERROR), "{statuses:?}");
    wait(5_000).await;
    assert_eq!(link.read(vec![TagId(0)]).await[0].status, Status::GOOD);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_hangs_is_cut() {
    let fake = Fake::new(0);
    fake.world().fault = Some(Fault::Unreachable);
    let (spec, devices) = one(2, 100);
    let (link, recorder) = start(&fake, spec, LinkSettings::default(), devices);
    wait(3_100).await;
    assert_eq!(recorder.seen(TagId(0)).status, Status::BAD_NOT_CONNECTED);
    assert_eq!(link.write(vec![(TagId(0), Value::UInt32(1))]).await, [Status::BAD_NO_COMMUNICATION], "at once");
    wait(10_000).await;
    assert!(link.statistics().link.n_failed_connects >= 4);
}

#[tokio::test(start_paused = true)]
async fn answers_to_several_requests_at_once_find_their_way() {
    let fake = Fake::new(0);
    {
        let mut world = fake.world();
        world.in_flight = 4;
        world.max_len = 10;
        world.illegal.insert((0, 55));
    }
    let (spec, devices) = one(100, 1_000);
    let (_link, recorder) = start(&fake, spec, LinkSettings::default(), devices);
    wait(2_900).await;
    for tag in 0..100 {
        let wanted = if tag == 55 { Status::BAD_NOT_FOUND } else { Status::GOOD };
        let seen = recorder.seen(TagId(tag));
        assert_eq!(seen.status, wanted, "{tag}");
        assert!(tag == 55 || seen.n_good == 3, "{tag}: {}", seen.n_good);
    }
}

#[tokio::test(start_paused = true)]
async fn a_line_that_opens_late_and_again_does_not_keep_silent_devices_good() {
    let fake = Fake::new(0);
    fake.world().reconnects = true;
    let settings = DeviceSettings {
        scan: Duration::from_millis(100),
        request_timeout: Duration::from_millis(200),
        attempts: 2,
        ..DeviceSettings::default()
    };
    let devices = vec![settings.clone(), settings];
    let (_link, recorder) = start(&fake, link(vec![device(0, 2), device(1, 2)]), LinkSettings::default(), devices);
    wait(1_000).await;
    assert!((0..4).all(|tag| recorder.seen(TagId(tag)).status.is_good()));
    // Answers come too late, and so does what opens a connection, which is in time for that.
    fake.world().latency = Duration::from_millis(350);
    // A scan, both attempts, and the request of the other device that was under way.
    wait(700).await;
    for tag in 0..4 {
        assert!(recorder.seen(TagId(tag)).status.is_bad(), "tag {tag}");
    }
    fake.world().latency = Duration::from_millis(2);
    wait(5_000).await;
    assert!((0..4).all(|tag| recorder.seen(TagId(tag)).status.is_good()));
}
