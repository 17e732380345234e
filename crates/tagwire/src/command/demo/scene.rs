//! What there is to demonstrate: configurations, the files that they need, and simulated devices.

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use super::device::{Device, Family};
use crate::args::DemoProfile;
use crate::failure::{Exit, Failure};

/// One or several servers and their surroundings; ports stand in braces in the configurations.
pub(super) struct Scene {
    /// Name and text of each server's configuration.
    pub(super) configs: &'static [(&'static str, &'static str)],
    /// Name and text of the configurations of servers that those above follow, as a plant has them already.
    sources: &'static [(&'static str, &'static str)],
    /// Other files beside them.
    files: &'static [(&'static str, &'static str)],
    /// The ports that clients know, and what listens there; the first is what `--ua-port` says.
    faces: &'static [(&'static str, u16, &'static str)],
    /// The simulated devices, one per link of the same name in the configuration.
    pub(super) devices: &'static [Device],
}

const PLANT: Scene = Scene {
    configs: &[("tagwire.toml", include_str!("../../demo/tagwire.toml"))],
    sources: &[("press.toml", include_str!("../../demo/press.toml"))],
    files: &[],
    faces: &[("ua", 4840, "the OPC UA server")],
    devices: &[
        Device { name: "boiler", family: Family::Modbus, map: include_str!("../../demo/boiler.toml") },
        Device { name: "pump", family: Family::Modbus, map: include_str!("../../demo/pump.toml") },
        Device { name: "tank", family: Family::Modbus, map: include_str!("../../demo/tank.toml") },
        Device { name: "mixer", family: Family::EtherNetIp, map: include_str!("../../demo/mixer.toml") },
        Device { name: "filler", family: Family::S7, map: include_str!("../../demo/filler.toml") },
        Device { name: "packer", family: Family::EtherNetIp, map: include_str!("../../demo/packer.toml") },
    ],
};

const NOTEBOOKS: Scene = Scene {
    configs: &[
        ("matrikon.toml", include_str!("../../demo/notebooks/matrikon.toml")),
        ("simulation.toml", include_str!("../../demo/notebooks/simulation.toml")),
    ],
    sources: &[],
    files: &[("simulation.xml", include_str!("../../demo/notebooks/simulation.xml"))],
    faces: &[
        ("ua", 4840, "the server for OpenOPC"),
        ("simulation", 53530, "the simulation server"),
        ("gateway", 7766, "the OpenOPC gateway"),
    ],
    devices: &[],
};

/// Where the configurations are.
pub(super) struct Written {
    pub(super) sources: Vec<PathBuf>,
    pub(super) configs: Vec<PathBuf>,
}

impl Scene {
    pub(super) fn of(profile: DemoProfile) -> &'static Self {
        match profile {
            DemoProfile::Plant => &PLANT,
            DemoProfile::Notebooks => &NOTEBOOKS,
        }
    }

    /// Writes what is not there yet, with ports that are free; where the configurations are, in their order.
    pub(super) fn write(&self, folder: &Path, ua_port: Option<u16>) -> Result<Written, Failure> {
        let paths = |list: &[(&str, &str)]| list.iter().map(|(name, _)| folder.join(name)).collect::<Vec<_>>();
        let written = Written { sources: paths(self.sources), configs: paths(self.configs) };
        if written.sources.iter().chain(&written.configs).all(|path| path.exists()) {
            let kept = written.configs.first().and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
            if ua_port.is_some_and(|port| !kept.contains(&format!(":{port}\""))) {
                let folder = folder.display();
                writeln!(
                    io::stderr(),
                    "{folder} holds a configuration with a port of its own; --ua-port is for a new one"
                )?;
            }
            return Ok(written);
        }
        std::fs::create_dir_all(folder)
            .map_err(|error| Failure::new(Exit::Failed, format!("cannot make {}: {error}", folder.display()), ""))?;
        let ports = self.ports(ua_port)?;
        let configs = self.sources.iter().chain(self.configs).map(|(name, text)| (name, filled(text, &ports)));
        let files = self.files.iter().map(|(name, text)| (name, (*text).to_owned()));
        for (name, text) in configs.chain(files) {
            let path = folder.join(name);
            if !path.exists() {
                std::fs::write(&path, text).map_err(|error| {
                    Failure::new(Exit::Failed, format!("cannot write {}: {error}", path.display()), "")
                })?;
            }
        }
        Ok(written)
    }

    /// A free port for each name.
    fn ports(&self, ua_port: Option<u16>) -> Result<Vec<(&'static str, u16)>, Failure> {
        let mut ports = Vec::new();
        for (idx, (name, usual, what)) in self.faces.iter().enumerate() {
            let wanted = ua_port.filter(|_| idx == 0).unwrap_or(*usual);
            let free = free_port(wanted)?;
            if free != wanted {
                writeln!(io::stderr(), "port {wanted} is taken by another program; {what} takes {free}")?;
            }
            ports.push((*name, free));
        }
        let sources = self.sources.iter().map(|(name, _)| name.trim_end_matches(".toml"));
        for (name, wanted) in sources.chain(self.devices.iter().map(|device| device.name)).zip(15_020..) {
            ports.push((name, free_port(wanted)?));
        }
        Ok(ports)
    }
}

fn filled(text: &str, ports: &[(&str, u16)]) -> String {
    ports.iter().fold(text.to_owned(), |text, (name, port)| text.replace(&format!("{{{name}}}"), &port.to_string()))
}

/// The port, or another one when it is taken.
fn free_port(wanted: u16) -> Result<u16, Failure> {
    let bind = |port| TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let listener = bind(wanted).or_else(|_| bind(0))?;
    Ok(listener.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tagwire_gateway::config::Config;
    use tagwire_gateway::drivers::DRIVERS;

    #[test]
    fn every_scene_is_a_valid_configuration() {
        for profile in [DemoProfile::Plant, DemoProfile::Notebooks] {
            let folder = tempfile::tempdir().expect("a folder");
            let written = Scene::of(profile).write(folder.path(), Some(0)).expect("written");
            for path in written.sources.into_iter().chain(written.configs) {
                let text = std::fs::read_to_string(&path).expect("a file");
                assert!(!text.contains("127.0.0.1:{"), "{text}");
                Config::load(&path, DRIVERS).unwrap_or_else(|problems| panic!("{problems}"));
            }
        }
    }

    #[test]
    fn what_is_there_already_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = Scene::of(DemoProfile::Plant).write(folder.path(), Some(0)).expect("written").configs;
        std::fs::write(&paths[0], "mine").expect("written");
        Scene::of(DemoProfile::Plant).write(folder.path(), Some(0)).expect("kept");
        assert_eq!(std::fs::read_to_string(&paths[0]).expect("a file"), "mine");
    }
}
