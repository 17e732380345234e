//! Both roles against another implementation (tokio-modbus), over real TCP and pseudo terminals on this machine.

mod common;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{config, link};
use tagwire_driver::{Driver, DriverKind as _, LinkSpec, PolledDriver, Readings};
use tagwire_modbus::ModbusKind;
use tagwire_modbus::address::Table;
use tagwire_modbus::codec::Framing;
use tagwire_modbus::simulator::{Simulator, SimulatorConfig};
use tagwire_model::{ArrayData, Dims, Value};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_modbus::prelude::*;
use tokio_modbus::server::{Service, rtu_over_tcp, tcp};

fn driver(link: &LinkSpec) -> Box<dyn PolledDriver> {
    match ModbusKind.build(link).expect("a driver") {
        Driver::Polled(driver) => driver,
        Driver::Pushed(_) | Driver::Pair(..) => panic!("Modbus is polled, over one path"),
    }
}

fn at(text: &str, addr: SocketAddr) -> LinkSpec {
    LinkSpec { address: addr.to_string(), ..link(text) }
}

/// Writes values of all shapes, reads them back and compares.
async fn round_trip(driver: &mut dyn PolledDriver) {
    let array = Value::array(Dims::one(3), ArrayData::Boolean(vec![true, false, true])).expect("fits");
    let writes = [
        (0, Value::Boolean(true)),
        (1, array),
        (2, Value::UInt16(4711)),
        (3, Value::Float(-12.75)),
        (4, Value::Double(1e100)),
        (5, Value::text("Modbus")),
        (6, Value::Boolean(true)),
    ];
    timeout(Duration::from_secs(10), async {
        driver.connect().await.expect("connects");
        let mut results = Vec::new();
        driver.write(0, &writes, &mut results).await.expect("link");
        assert_eq!(results, vec![Ok(()); writes.len()]);
        let all: Vec<u32> = (0..writes.len() as u32).collect();
        let blocks = driver.plan(0, &all, &[]);
        let mut readings = Readings::default();
        driver.read(&blocks, &mut readings).await.expect("link");
        assert_eq!(readings.answers.len(), blocks.len());
        for (tag, value) in &writes {
            let found = readings.values.iter().find(|(_, t, ..)| t == tag).map(|(.., value, _)| value);
            assert_eq!(found, Some(value), "tag {tag}");
        }
    })
    .await
    .expect("in time");
}

const TAGS: [(&str, &str); 7] = [
    ("00001", "bool"),
    ("00010", "bool[3]"),
    ("40001", "u16"),
    ("40002:CDAB", "f32"),
    ("40004", "f64"),
    ("40008.10H", "string"),
    ("40020.5", "bool"),
];
const KEYS: &str = "holding_bit_write = \"mask\"";

/// Coils and holding registers in memory.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<(Vec<bool>, Vec<u16>)>>);

impl Memory {
    fn new() -> Self {
        Self(Arc::new(Mutex::new((vec![false; 100], vec![0; 100]))))
    }

    fn answer(&self, request: Request<'_>) -> Result<Response, ExceptionCode> {
        let (coils, registers) = &mut *self.0.lock().expect("not poisoned");
        let out_of_range = ExceptionCode::IllegalDataAddress;
        Ok(match request {
            Request::ReadCoils(at, n) => {
                Response::ReadCoils(coils.get(at.into()..usize::from(at + n)).ok_or(out_of_range)?.to_vec())
            }
            Request::ReadHoldingRegisters(at, n) => Response::ReadHoldingRegisters(
                registers.get(at.into()..usize::from(at + n)).ok_or(out_of_range)?.to_vec(),
            ),
            Request::WriteSingleCoil(at, on) => {
                coils[usize::from(at)] = on;
                Response::WriteSingleCoil(at, on)
            }
            Request::WriteMultipleCoils(at, on) => {
                coils[at.into()..usize::from(at) + on.len()].copy_from_slice(&on);
                Response::WriteMultipleCoils(at, on.len() as u16)
            }
            Request::WriteSingleRegister(at, value) => {
                registers[usize::from(at)] = value;
                Response::WriteSingleRegister(at, value)
            }
            Request::WriteMultipleRegisters(at, values) => {
                registers[at.into()..usize::from(at) + values.len()].copy_from_slice(&values);
                Response::WriteMultipleRegisters(at, values.len() as u16)
            }
            Request::MaskWriteRegister(at, and, or) => {
                let old = registers[usize::from(at)];
                registers[usize::from(at)] = old & and | or & !and;
                Response::MaskWriteRegister(at, and, or)
            }
            _ => return Err(ExceptionCode::IllegalFunction),
        })
    }
}

impl Service for Memory {
    type Request = SlaveRequest<'static>;
    type Response = Response;
    type Exception = ExceptionCode;
    type Future = std::future::Ready<Result<Response, ExceptionCode>>;

    fn call(&self, request: Self::Request) -> Self::Future {
        std::future::ready(self.answer(request.request))
    }
}

#[tokio::test]
async fn the_driver_understands_a_foreign_server_over_tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let addr = listener.local_addr().expect("bound");
    let memory = Memory::new();
    let server = tokio::spawn(async move {
        let connected = |stream, addr| {
            let memory = memory.clone();
            async move { tcp::accept_tcp_connection(stream, addr, move |_| Ok(Some(memory.clone()))) }
        };
        tcp::Server::new(listener).serve(&connected, |_: io::Error| {}).await
    });
    round_trip(&mut *driver(&at(&config("modbus-tcp", KEYS, &TAGS), addr))).await;
    server.abort();
}

#[tokio::test]
async fn the_driver_understands_a_foreign_server_in_rtu_over_tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let addr = listener.local_addr().expect("bound");
    let memory = Memory::new();
    let server = tokio::spawn(async move {
        let connected = |stream, addr| {
            let memory = memory.clone();
            async move { rtu_over_tcp::accept_tcp_connection(stream, addr, move |_| Ok(Some(memory.clone()))) }
        };
        rtu_over_tcp::Server::new(listener).serve(&connected, |_: io::Error| {}).await
    });
    round_trip(&mut *driver(&at(&config("modbus-rtu-over-tcp", KEYS, &TAGS), addr))).await;
    server.abort();
}

/// Every function of a foreign client against the simulator.
async fn foreign_client(mut client: client::Context, simulator: &Simulator) {
    simulator.set_unit(1, Table::DiscreteInputs, 2, 1);
    simulator.set_unit(1, Table::InputRegisters, 3, 33);
    client.write_single_coil(1, true).await.expect("link").expect("function 5");
    client.write_multiple_coils(2, &[false, true, true]).await.expect("link").expect("function 15");
    assert_eq!(
        client.read_coils(0, 6).await.expect("link").expect("function 1"),
        [false, true, false, true, true, false]
    );
    assert_eq!(client.read_discrete_inputs(1, 3).await.expect("link").expect("function 2"), [false, true, false]);
    assert_eq!(client.read_input_registers(3, 2).await.expect("link").expect("function 4"), [33, 0]);
    client.write_single_register(0, 0x12).await.expect("link").expect("function 6");
    client.write_multiple_registers(1, &[7, 8]).await.expect("link").expect("function 16");
    client.masked_write_register(0, 0xF2, 0x25).await.expect("link").expect("function 22");
    assert_eq!(client.read_holding_registers(0, 3).await.expect("link").expect("function 3"), [0x17, 7, 8]);
    let read = client.read_write_multiple_registers(0, 3, 1, &[9]).await.expect("link").expect("function 23");
    assert_eq!(read, [0x17, 9, 8]);
    let refused = client.read_holding_registers(50, 1).await.expect("link");
    assert_eq!(refused, Err(ExceptionCode::IllegalDataAddress));
}

fn fifty_registers() -> Simulator {
    let mut config = SimulatorConfig::default();
    config.units[0].holding_registers = 50;
    Simulator::new(&config).expect("valid")
}

#[tokio::test]
async fn a_foreign_client_understands_the_simulator_over_tcp() {
    let simulator = fifty_registers();
    let listener = simulator.listen("127.0.0.1:0", Framing::Tcp).await.expect("a port");
    let client = client::tcp::connect_slave(listener.local_addr(), Slave(1)).await.expect("connects");
    timeout(Duration::from_secs(10), foreign_client(client, &simulator)).await.expect("in time");
}

#[tokio::test]
async fn a_foreign_client_understands_the_simulator_in_rtu() {
    let simulator = fifty_registers();
    let (near, far) = tokio::io::duplex(512);
    let server = simulator.clone();
    tokio::spawn(async move { server.serve(far, Framing::Rtu).await });
    let client = client::rtu::attach_slave(near, Slave(1));
    timeout(Duration::from_secs(10), foreign_client(client, &simulator)).await.expect("in time");
}

#[cfg(unix)]
#[tokio::test]
async fn a_serial_port_carries_rtu_and_ascii() {
    use tokio_serial::SerialPort as _;
    for (kind, framing) in [("modbus-rtu", Framing::Rtu), ("modbus-ascii", Framing::Ascii)] {
        let (far, near) = tokio_serial::SerialStream::pair().expect("a pseudo terminal");
        let path = near.name().expect("a name");
        drop(near);
        let link = LinkSpec { address: path, ..link(&config(kind, KEYS, &TAGS)) };
        let mut driver = driver(&link);
        driver.connect().await.expect("opens");
        let simulator = Simulator::new(&SimulatorConfig::default()).expect("valid");
        let server = tokio::spawn(async move { simulator.serve(far, framing).await });
        round_trip_connected(&mut *driver).await;
        server.abort();
    }
}

/// As [`round_trip`] where opening a second time would hang up the other end.
async fn round_trip_connected(driver: &mut dyn PolledDriver) {
    let writes = [(2, Value::UInt16(4711)), (5, Value::text("Modbus"))];
    timeout(Duration::from_secs(10), async {
        let mut results = Vec::new();
        driver.write(0, &writes, &mut results).await.expect("link");
        assert_eq!(results, [Ok(()), Ok(())]);
        let blocks = driver.plan(0, &[2, 5], &[]);
        let mut readings = Readings::default();
        driver.read(&blocks, &mut readings).await.expect("link");
        let found: Vec<String> = readings.values.iter().map(|(.., value, _)| value.to_string()).collect();
        assert_eq!(found, ["4711", "Modbus"]);
    })
    .await
    .expect("in time");
}

#[tokio::test]
async fn many_links_share_one_simulator_and_a_killed_one_comes_back() {
    let simulator = Simulator::new(&SimulatorConfig::default()).expect("valid");
    let listener = simulator.listen("127.0.0.1:0", Framing::Tcp).await.expect("a port");
    let addr = listener.local_addr();
    let tags: Vec<String> = (0..1000).map(|n| format!("4{:05}", n + 1)).collect();
    let tags: Vec<(&str, &str)> = tags.iter().map(|address| (address.as_str(), "u16")).collect();
    let link = at(&config("modbus-tcp", "", &tags), addr);
    let all: Vec<u32> = (0..1000).collect();
    let mut drivers: Vec<_> = (0..20).map(|_| driver(&link)).collect();
    let mut readings = Readings::default();
    for driver in &mut drivers {
        driver.connect().await.expect("connects");
        let blocks = driver.plan(0, &all, &[]);
        assert_eq!(blocks.len(), 8);
        readings.clear();
        driver.read(&blocks, &mut readings).await.expect("link");
        assert_eq!(readings.values.len(), 1000);
    }
    drop(listener);
    let blocks = drivers[0].plan(0, &all, &[]);
    let gone = timeout(Duration::from_secs(5), drivers[0].read(&blocks, &mut readings)).await.expect("noticed");
    assert!(gone.is_err());
    let listener = simulator.listen(addr, Framing::Tcp).await.expect("the same port");
    drivers[0].disconnect();
    drivers[0].connect().await.expect("connects");
    readings.clear();
    drivers[0].read(&blocks, &mut readings).await.expect("link");
    assert_eq!(readings.values.len(), 1000);
    drop(listener);
}
