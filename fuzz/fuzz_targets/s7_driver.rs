//! The whole driver against a CPU that answers whatever it likes: it never panics and never reads more than it asked.
#![no_main]

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use libfuzzer_sys::fuzz_target;
use tagwire_driver::{DeviceSpec, LinkSpec, PolledDriver, Readings, Settings, TagSpec};
use tagwire_model::{Access, DataType, TagId, Value, ValueType};
use tagwire_s7::S7Driver;
use tagwire_s7::codec::{Connect, Setup, Tsap, encode_data, encode_setup_answer};
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

fn run<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((&is_connected, rest)) = data.split_first() else { return };
    let mut answers = Vec::new();
    if is_connected & 1 == 1 {
        let selectors = Connect { destination: 1, source: 1, size: Some(10), calling: Tsap(0x100), called: Tsap(0x201) };
        selectors.encode_confirm(&mut answers);
        let setup = Setup { n_calling: 4, n_called: 4, pdu_len: 240 };
        encode_data(1024, &mut answers, |out| encode_setup_answer(1, &setup, out));
    }
    answers.extend_from_slice(rest);
    let tag = |id: u32, address: &str, data_type| TagSpec {
        id: TagId(id),
        address: address.to_owned(),
        value_type: ValueType::scalar(data_type),
        access: Access::READ_WRITE,
        scan: None,
        scaling: None,
        settings: Settings::new(),
    };
    let tags = vec![
        tag(0, "DB1,REAL0", DataType::Float),
        tag(1, "DB2,STRING10.20", DataType::String),
        tag(2, "M0.1", DataType::Boolean),
    ];
    let link = LinkSpec {
        name: "l".to_owned(),
        kind: "s7".to_owned(),
        address: "127.0.0.1".to_owned(),
        settings: Settings::new(),
        devices: vec![DeviceSpec { name: "d".to_owned(), settings: Settings::new(), tags }],
    };
    let connector = move || Ok(Device { answers: answers.clone(), at: 0 });
    let mut driver = S7Driver::new(&link, Box::new(connector)).expect("a driver");
    let _ = run(driver.connect());
    let blocks = driver.plan(0, &[0, 1, 2], &[]);
    let mut readings = Readings::default();
    for _ in 0..3 {
        readings.clear();
        let _ = run(driver.read(&blocks, &mut readings));
        assert!(readings.values.len() <= 3 && readings.answers.len() <= blocks.len());
        let mut results = Vec::new();
        let _ = run(driver.write(0, &[(0, Value::Float(1.0)), (1, Value::text("x")), (2, Value::Boolean(true))], &mut results));
        assert!(results.len() <= 3);
    }
});
