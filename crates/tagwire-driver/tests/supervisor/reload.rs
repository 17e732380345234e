//! Changing devices while the link runs.

use std::time::Duration;

use tagwire_driver::testing::Fault;
use tagwire_driver::{DeviceItem, DeviceSettings, DeviceState, LinkSettings, ReloadError};
use tagwire_model::{Status, TagId, Value};

use crate::fake::{Fake, device, device_items, device_tag, link, start, wait};

const SCAN: Duration = Duration::from_millis(100);

fn settings() -> DeviceSettings {
    DeviceSettings { scan: SCAN, ..DeviceSettings::default() }
}

#[tokio::test(start_paused = true)]
async fn untouched_devices_notice_nothing() {
    let fake = Fake::new(0);
    fake.world().illegal.insert((0, 3));
    let spec = link(vec![device(0, 10), device(1, 10)]);
    let (link, recorder) = start(&fake, spec, LinkSettings::default(), vec![settings(), settings()]);
    wait(5_050).await;
    recorder.reset();
    fake.world().requests.clear();
    for round in 0..10 {
        let mut changed = device(1, 10);
        changed.tags.truncate(5 + round % 3);
        link.set_device(1, changed, settings(), device_items(1)).await.expect("set");
        link.set_device(2, device(2, 10), settings(), device_items(2)).await.expect("added");
        wait(1_000).await;
        link.remove_device(2).await.expect("removed");
    }
    let seen = recorder.seen(TagId(0));
    assert_eq!((seen.n_good, seen.longest_gap, seen.n_turned_bad), (100, SCAN, 0));
    let of_first = fake.world().requests.iter().filter(|request| request.0 == 0).count();
    assert_eq!(of_first, 200, "what was learned about the first device is still known");
    assert_eq!(fake.world().n_connections, 1);
    assert_eq!(link.statistics().devices[2].state, DeviceState::Removed);
}

#[tokio::test(start_paused = true)]
async fn tags_that_stay_have_no_gap_and_new_ones_are_read_at_once() {
    let fake = Fake::new(0);
    let (link, recorder) = start(&fake, link(vec![device(0, 10)]), LinkSettings::default(), vec![settings()]);
    wait(5_030).await;
    recorder.reset();
    let mut grown = device(0, 10);
    let mut extra = grown.tags[0].clone();
    (extra.id, extra.address) = (TagId(500), "500".to_owned());
    grown.tags.insert(0, extra);
    link.set_device(0, grown, settings(), device_items(0)).await.expect("set");
    wait(10).await;
    assert_eq!(recorder.seen(TagId(500)).status, Status::GOOD);
    wait(1_000).await;
    let seen = recorder.seen(TagId(9));
    assert!(seen.longest_gap <= SCAN && seen.n_turned_bad == 0, "{seen:?}");
    assert_eq!(link.write(vec![(TagId(9), Value::UInt32(1))]).await, [Status::GOOD]);
    assert_eq!(fake.world().written[0].1, 10, "the tag is found at its new index");
    assert_eq!(recorder.seen(device_tag(0, DeviceItem::Enabled)).value, Value::Boolean(true));
}

#[tokio::test(start_paused = true)]
async fn removed_tags_and_devices_are_unknown() {
    let fake = Fake::new(0);
    let (link, recorder) = start(&fake, link(vec![device(0, 10)]), LinkSettings::default(), vec![settings()]);
    wait(1_000).await;
    link.remove_device(0).await.expect("removed");
    let n_requests = fake.world().requests.len();
    assert_eq!(link.write(vec![(TagId(0), Value::UInt32(1))]).await, [Status::BAD_NODE_ID_UNKNOWN]);
    assert_eq!(link.read(vec![TagId(0)]).await[0].status, Status::BAD_NODE_ID_UNKNOWN);
    wait(5_000).await;
    assert_eq!(fake.world().requests.len(), n_requests, "nobody is asked any more");
    recorder.reset();
    link.set_device(0, device(0, 10), settings(), Vec::new()).await.expect("set again");
    wait(100).await;
    assert_eq!(recorder.seen(TagId(0)).status, Status::GOOD);
}

#[tokio::test(start_paused = true)]
async fn a_refused_change_changes_nothing() {
    let fake = Fake::new(0);
    let (link, recorder) = start(&fake, link(vec![device(0, 10)]), LinkSettings::default(), vec![settings()]);
    wait(1_000).await;
    recorder.reset();
    let mut broken = device(0, 10);
    broken.tags[3].address = "three".to_owned();
    let refused = link.set_device(0, broken, settings(), Vec::new()).await;
    assert!(matches!(&refused, Err(ReloadError::Address(error)) if error.problem == "\"three\" is no number"));
    assert_eq!(link.set_device(7, device(7, 1), settings(), Vec::new()).await, Err(ReloadError::Index(7)));
    wait(1_000).await;
    assert_eq!(recorder.seen(TagId(3)).n_good, 10);
}

#[tokio::test(start_paused = true)]
async fn new_tags_of_a_dead_device_are_bad_at_once() {
    let fake = Fake::new(0);
    let (link, recorder) = start(&fake, link(vec![device(0, 10)]), LinkSettings::default(), vec![settings()]);
    wait(1_000).await;
    fake.world().fault = Some(Fault::Killed);
    wait(1_000).await;
    let mut grown = device(0, 10);
    let mut extra = grown.tags[0].clone();
    (extra.id, extra.address) = (TagId(500), "500".to_owned());
    grown.tags.push(extra);
    link.set_device(0, grown, settings(), Vec::new()).await.expect("set");
    link.set_device(1, device(1, 10), settings(), Vec::new()).await.expect("added");
    assert_eq!(recorder.seen(TagId(500)).status, Status::BAD_NO_COMMUNICATION);
    assert_eq!(recorder.seen(TagId(11)).status, Status::BAD_NO_COMMUNICATION);
}

#[tokio::test(start_paused = true)]
async fn a_stopped_link_answers_nobody_and_closes_its_transport() {
    let fake = Fake::new(0);
    let (link, _) = start(&fake, link(vec![device(0, 10)]), LinkSettings::default(), vec![settings()]);
    wait(1_000).await;
    link.stop().await;
    let n_requests = fake.world().requests.len();
    wait(1_000).await;
    assert_eq!(fake.world().requests.len(), n_requests);
    assert_eq!(link.write(vec![(TagId(0), Value::UInt32(1))]).await, [Status::BAD_SHUTDOWN]);
    assert_eq!(link.remove_device(0).await, Err(ReloadError::Stopped));
}

#[tokio::test(start_paused = true)]
async fn a_change_of_tags_alone_leaves_a_device_switched_off() {
    let fake = Fake::new(0);
    let (link, recorder) = start(&fake, link(vec![device(0, 10)]), LinkSettings::default(), vec![settings()]);
    wait(1_000).await;
    let n_reads = link.statistics().devices[0].n_reads;
    let off = vec![(device_tag(0, DeviceItem::Enabled), Value::Boolean(false))];
    assert_eq!(link.write(off).await, [Status::GOOD]);
    wait(1_000).await;
    fake.world().requests.clear();
    link.change_device(0, device(0, 11), None, device_items(0), Vec::new()).await.expect("set");
    wait(3_000).await;
    assert_eq!(fake.world().requests, []);
    assert_eq!(recorder.seen(TagId(10)).status, Status::BAD_OUT_OF_SERVICE);
    assert_eq!(recorder.seen(device_tag(0, DeviceItem::Enabled)).value, Value::Boolean(false));
    assert!(n_reads > 0 && link.statistics().devices[0].n_reads >= n_reads, "what was counted stays");
    link.change_device(0, device(0, 11), Some(settings()), device_items(0), Vec::new()).await.expect("set");
    wait(1_000).await;
    assert_eq!(recorder.seen(TagId(10)).status, Status::GOOD, "a reload sets it anew");
}

#[tokio::test(start_paused = true)]
async fn a_device_switched_off_stays_off_after_a_panic() {
    let fake = Fake::new(0);
    let spec = link(vec![device(0, 4), device(1, 4)]);
    let (link, recorder) = start(&fake, spec, LinkSettings::default(), vec![settings(), settings()]);
    wait(1_000).await;
    assert_eq!(link.write(vec![(device_tag(0, DeviceItem::Enabled), Value::Boolean(false))]).await, [Status::GOOD]);
    fake.world().panics = true;
    wait(5_000).await;
    assert_eq!((link.statistics().link.n_panics, recorder.seen(TagId(4)).status), (1, Status::GOOD));
    fake.world().requests.clear();
    wait(2_000).await;
    assert!(fake.world().requests.iter().all(|(device, ..)| *device == 1));
    assert_eq!(recorder.seen(TagId(0)).status, Status::BAD_OUT_OF_SERVICE);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_waits_while_its_tag_moves_is_refused() {
    let fake = Fake::new(0);
    fake.world().latency = Duration::from_millis(300);
    let (link, _) = start(&fake, link(vec![device(0, 10)]), LinkSettings::default(), vec![settings()]);
    wait(1_000).await;
    let writes = link.write(vec![(TagId(8), Value::UInt32(1)), (TagId(9), Value::UInt32(2))]);
    let mut moved = device(0, 10);
    moved.tags[9].address = "77".to_owned();
    let change = link.change_device(0, moved, Some(settings()), device_items(0), vec![TagId(9)]);
    let (statuses, changed) = tokio::join!(writes, change);
    changed.expect("set");
    assert_eq!(statuses, [Status::GOOD, Status::BAD_INVALID_STATE]);
    assert!(fake.world().written.iter().all(|(_, tag, _)| *tag == 8));
}
