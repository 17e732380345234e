//! A device that answers whatever it likes, and a driver that asks it.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use tagwire_driver::{Connector, DeviceSpec, LinkSpec, PolledDriver, Readings, Settings, TagSpec};
use tagwire_model::{Access, DataType, TagId, Value, ValueType};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

struct Device {
    answers: Vec<u8>,
    at: usize,
}

impl AsyncRead for Device {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let n = buf.remaining().min(self.answers.len() - self.at).min(17);
        let at = self.at;
        buf.put_slice(&self.answers[at..at + n]);
        self.at += n;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Device {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Opens streams on which these answers come, whatever is asked.
pub fn answering(answers: Vec<u8>) -> Box<dyn Connector> {
    Box::new(move || Ok(Device { answers: answers.clone(), at: 0 }))
}

/// A link with one device, which has a number, a text and a Boolean at these addresses.
pub fn link(kind: &str, settings: Settings, [number, text, flag]: [&str; 3]) -> LinkSpec {
    let tag = |id: u32, address: &str, data_type| TagSpec {
        id: TagId(id),
        address: address.to_owned(),
        value_type: ValueType::scalar(data_type),
        access: Access::READ_WRITE,
        scan: None,
        scaling: None,
        settings: Settings::new(),
    };
    let tags = vec![tag(0, number, DataType::Float), tag(1, text, DataType::String), tag(2, flag, DataType::Boolean)];
    LinkSpec {
        name: "l".to_owned(),
        kind: kind.to_owned(),
        address: "127.0.0.1".to_owned(),
        settings: Settings::new(),
        devices: vec![DeviceSpec { name: "d".to_owned(), settings, tags }],
    }
}

/// Reads and writes all tags of a [`link`]: there is never more than was asked for.
pub fn use_all(driver: &mut impl PolledDriver) {
    let _ = run(driver.connect());
    let blocks = driver.plan(0, &[0, 1, 2], &[]);
    let mut readings = Readings::default();
    let writes = [(0, Value::Float(1.0)), (1, Value::text("x")), (2, Value::Boolean(true))];
    for _ in 0..3 {
        readings.clear();
        let _ = run(driver.read(&blocks, &mut readings));
        assert!(readings.values.len() <= 3 && readings.answers.len() <= blocks.len());
        let mut results = Vec::new();
        let _ = run(driver.write(0, &writes, &mut results));
        assert!(results.len() <= writes.len());
    }
}

fn run<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}
