//! Drivers that deliver by themselves.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tagwire_driver::testing::Recorder;
use tagwire_driver::{
    AddressError, BoxFuture, DeviceSettings, DeviceSpec, Driver, LinkError, LinkHandle, LinkSettings, LinkSetup,
    Options, Order, PushedDriver, Report, SystemTags, supervise,
};
use tagwire_model::{Status, TagId, Timestamp, Value};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::fake::{clock, device, link, wait};

/// What the scripted source does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Well,
    Refuses,
    Hangs,
    /// Breaks the running session once.
    Breaks,
    /// Takes orders without answering.
    Deaf,
    Panics,
}

struct Source {
    mood: Arc<Mutex<Mood>>,
    n_tags: usize,
}

impl Source {
    fn mood(&self) -> Mood {
        *self.mood.lock().expect("mood")
    }
}

impl PushedDriver for Source {
    fn run<'a>(
        &'a mut self,
        reports: mpsc::Sender<Report>,
        orders: &'a mut mpsc::Receiver<Order>,
    ) -> BoxFuture<'a, LinkError> {
        Box::pin(async move {
            match self.mood() {
                Mood::Refuses => return std::io::Error::from(std::io::ErrorKind::ConnectionRefused).into(),
                Mood::Hangs => std::future::pending().await,
                _ => {}
            }
            let _ = reports.send(Report::Connected).await;
            let mut count = 0;
            loop {
                count += 1;
                let sample = |tag| (0, tag as u32, Value::UInt32(count), Status::GOOD, Timestamp::NONE);
                let _ = reports.send(Report::Samples((0..self.n_tags).map(sample).collect())).await;
                tokio::select! {
                    Some(order) = orders.recv() => {
                        let Order::Write(number, items) = order else { continue };
                        if self.mood() != Mood::Deaf {
                            let _ = reports.send(Report::Written(number, vec![Status::GOOD; items.len()])).await;
                        }
                    }
                    () = sleep(Duration::from_millis(100)) => {}
                }
                match self.mood() {
                    Mood::Breaks => {
                        *self.mood.lock().expect("mood") = Mood::Well;
                        return LinkError::Protocol("broken".to_owned());
                    }
                    Mood::Refuses => return std::io::Error::from(std::io::ErrorKind::ConnectionReset).into(),
                    Mood::Panics => {
                        *self.mood.lock().expect("mood") = Mood::Well;
                        panic!("scripted panic");
                    }
                    _ => {}
                }
            }
        })
    }

    fn set_device(&mut self, _index: usize, device: &DeviceSpec) -> Result<(), AddressError> {
        self.n_tags = device.tags.len();
        Ok(())
    }
}

fn start() -> (LinkHandle, Arc<Recorder>, Arc<Mutex<Mood>>) {
    let mood = Arc::new(Mutex::new(Mood::Well));
    let recorder = Arc::new(Recorder::default());
    let source_mood = mood.clone();
    let source = move || {
        Ok(LinkSetup {
            spec: link(vec![device(0, 3)]),
            driver: Driver::Pushed(Box::new(Source { mood: source_mood.clone(), n_tags: 3 })),
            settings: LinkSettings::default(),
            devices: vec![DeviceSettings::default()],
            system: SystemTags::default(),
        })
    };
    let options = Options { clock: clock(Instant::now()), seed: 1 };
    let link = supervise(Box::new(source), recorder.clone(), options).expect("starts");
    (link, recorder, mood)
}

#[tokio::test(start_paused = true)]
async fn samples_flow_and_writes_are_confirmed() {
    let (link, recorder, _) = start();
    wait(1_050).await;
    assert_eq!((recorder.seen(TagId(2)).status, recorder.seen(TagId(2)).n_good), (Status::GOOD, 11));
    assert_eq!(link.write(vec![(TagId(0), Value::UInt32(77))]).await, [Status::GOOD]);
    assert_eq!(link.read(vec![TagId(0)]).await[0].status, Status::BAD_NOT_SUPPORTED);
    let statistics = link.statistics();
    assert!(statistics.link.connected && statistics.devices[0].n_values >= 30);
}

#[tokio::test(start_paused = true)]
async fn a_broken_session_is_started_again_at_once_without_turning_bad() {
    let (link, recorder, mood) = start();
    wait(1_000).await;
    recorder.reset();
    *mood.lock().expect("mood") = Mood::Breaks;
    wait(2_000).await;
    let seen = recorder.seen(TagId(0));
    assert_eq!((seen.status, seen.n_turned_bad), (Status::GOOD, 0));
    assert_eq!(link.statistics().link.n_connects, 2);
}

#[tokio::test(start_paused = true)]
async fn a_lost_source_is_bad_until_it_is_back() {
    for away in [Mood::Refuses, Mood::Hangs] {
        let (link, recorder, mood) = start();
        wait(1_000).await;
        *mood.lock().expect("mood") = Mood::Breaks;
        wait(110).await;
        *mood.lock().expect("mood") = Mood::Refuses;
        wait(200).await;
        assert_eq!(recorder.seen(TagId(0)).status, Status::BAD_NO_COMMUNICATION);
        *mood.lock().expect("mood") = away;
        wait(10_000).await;
        assert_ne!(recorder.seen(TagId(0)).value, Value::Null, "the last value stays");
        assert_eq!(link.write(vec![(TagId(0), Value::UInt32(1))]).await, [Status::BAD_NO_COMMUNICATION]);
        *mood.lock().expect("mood") = Mood::Well;
        wait(5_000).await;
        assert_eq!(recorder.seen(TagId(0)).status, Status::GOOD, "{away:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_without_answer_is_a_timeout() {
    let (link, _, mood) = start();
    wait(1_000).await;
    *mood.lock().expect("mood") = Mood::Deaf;
    let started = Instant::now();
    assert_eq!(link.write(vec![(TagId(0), Value::UInt32(1))]).await, [Status::BAD_TIMEOUT]);
    assert_eq!(started.elapsed(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_change_takes_effect_and_a_panic_is_survived() {
    let (link, recorder, mood) = start();
    wait(1_000).await;
    link.set_device(0, device(0, 5), DeviceSettings::default(), Vec::new()).await.expect("set");
    wait(200).await;
    assert_eq!(recorder.seen(TagId(4)).status, Status::GOOD);
    *mood.lock().expect("mood") = Mood::Panics;
    wait(5_000).await;
    assert_eq!(recorder.seen(TagId(0)).status, Status::GOOD);
    assert_eq!(link.statistics().link.n_panics, 1);
    link.stop().await;
}
