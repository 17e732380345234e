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
