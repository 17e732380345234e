#![allow(missing_docs, clippy::unwrap_used)]
use tagwire_enip::simulator::*;
#[tokio::main]
async fn main() {
    let mut args = std::env::args().skip(1);
    let text = std::fs::read_to_string(args.next().unwrap()).unwrap();
    let config: SimulatorConfig = toml::from_str(&text).unwrap();
    let (_s, l) = Simulator::spawn(&config, args.next().unwrap()).await.unwrap();
    println!("{}", l.local_addr());
    std::future::pending::<()>().await;
}
