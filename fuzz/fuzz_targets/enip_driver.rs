//! The whole driver against a device that answers whatever it likes: it never panics and never reads more than it asked.
#![no_main]

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use libfuzzer_sys::fuzz_target;
use tagwire_driver::{DeviceSpec, LinkSpec, PolledDriver, Readings, Setting, Settings, TagSpec};
use tagwire_enip::EnipDriver;
use tagwire_enip::codec::cpf::encode_unconnected;
use tagwire_enip::codec::frame::{REGISTER_DATA, command, encode_frame};
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

fn run<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// Frames around the answers, so that the driver looks at what is inside: sessions, then whatever the input says.
fn frames(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encode_frame(&mut out, command::REGISTER_SESSION, 1, 0, 1_u64.to_le_bytes(), |out| {
        out.extend_from_slice(&REGISTER_DATA);
    });
    for (request, message) in (2_u64..).zip(data.split(|byte| *byte == 0xEE)) {
        encode_frame(&mut out, command::SEND_RR_DATA, 1, 0, request.to_le_bytes(), |out| {
            encode_unconnected(out, |out| out.extend_from_slice(message));
        });
    }
    out
}

fuzz_target!(|data: &[u8]| {
    let Some((&kind, rest)) = data.split_first() else { return };
    let answers = if kind % 2 == 0 { frames(rest) } else { rest.to_vec() };
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
        tag(0, "Level", DataType::Float),
        tag(1, "Motor.Label", DataType::String),
        tag(2, "Flags[5]", DataType::Boolean),
    ];
    let mut settings = Settings::new();
    settings.set("messaging", Setting::Text("unconnected".to_owned()));
    let link = LinkSpec {
        name: "l".to_owned(),
        kind: "enip".to_owned(),
        address: "127.0.0.1".to_owned(),
        settings: Settings::new(),
        devices: vec![DeviceSpec { name: "d".to_owned(), settings, tags }],
    };
    let connector = move || Ok(Device { answers: answers.clone(), at: 0 });
    let mut driver = EnipDriver::new(&link, Box::new(connector)).expect("a driver");
    let _ = run(driver.connect());
    let blocks = driver.plan(0, &[0, 1, 2], &[]);
    let mut readings = Readings::default();
    for _ in 0..3 {
        readings.clear();
        let _ = run(driver.read(&blocks, &mut readings));
        assert!(readings.values.len() <= 3 && readings.answers.len() <= blocks.len());
        let mut results = Vec::new();
        let _ = run(driver.write(0, &[(0, Value::Float(1.0)), (2, Value::Boolean(true))], &mut results));
        assert!(results.len() <= 2);
    }
});
