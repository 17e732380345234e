//! The names under which this machine can be reached.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// Host name, `localhost` and the addresses of this machine, each once: what a certificate's names start from.
pub fn found_names() -> Vec<String> {
    let mut names = vec!["localhost".to_owned()];
    if let Ok(host) = rustix::system::uname().nodename().to_str() {
        push_new(&mut names, host);
    }
    let mut addresses =
        std::fs::read_to_string("/proc/net/fib_trie").map_or_else(|_| Vec::new(), |text| local_v4(&text));
    addresses.extend(std::fs::read_to_string("/proc/net/if_inet6").map_or_else(|_| Vec::new(), |text| local_v6(&text)));
    if addresses.is_empty() {
        addresses.extend([IpAddr::V4(Ipv4Addr::LOCALHOST)]);
        addresses.extend(outgoing_address());
    }
    for address in addresses.into_iter().take(64) {
        push_new(&mut names, &address.to_string());
    }
    names
}

fn push_new(names: &mut Vec<String>, name: &str) {
    if !name.is_empty() && !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
        names.push(name.to_owned());
    }
}

/// The address from which packets to the Internet would leave; connecting a UDP socket sends nothing.
fn outgoing_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))).ok()?;
    socket.connect(SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 9))).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// Addresses that the kernel's IPv4 routing trie lists as its own: a line `|-- ADDRESS` followed by `/32 host LOCAL`.
fn local_v4(text: &str) -> Vec<IpAddr> {
    let mut found = Vec::new();
    let mut last = None;
    for line in text.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.parse::<Ipv4Addr>().ok();
        } else if line == "/32 host LOCAL"
            && let Some(address) = last.take().map(IpAddr::V4)
            && !found.contains(&address)
        {
            found.push(address);
        }
    }
    found
}

/// Addresses of `/proc/net/if_inet6` with global or host scope.
fn local_v6(text: &str) -> Vec<IpAddr> {
    let address = |line: &str| {
        let mut words = line.split_whitespace();
        let bits = u128::from_str_radix(words.next()?, 16).ok()?;
        let scope = words.nth(2)?;
        matches!(scope, "00" | "10").then(|| IpAddr::V6(Ipv6Addr::from_bits(bits)))
    };
    text.lines().filter_map(address).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_host_name_and_loopback_of_this_machine() {
        let names = found_names();
        assert!(
            names.iter().any(|name| name == "localhost") && names.iter().any(|name| name == "127.0.0.1"),
            "{names:?}"
        );
    }

    #[test]
    fn reads_the_kernels_tables() {
        let trie = "Local:\n  +-- 10.0.0.0/24\n     |-- 10.0.0.0\n        /24 link UNICAST\n     |-- 10.0.0.7\n        /32 host \
                    LOCAL\n     |-- 10.0.0.255\n        /32 link BROADCAST\n";
        assert_eq!(local_v4(trie), ["10.0.0.7".parse::<IpAddr>().expect("address")]);
        let table =
            "fe80000000000000000000000000abcd 02 40 20 80 eth0\n20010db8000000000000000000000001 02 40 00 80 eth0\n";
        assert_eq!(local_v6(table), ["2001:db8::1".parse::<IpAddr>().expect("address")]);
    }
}
