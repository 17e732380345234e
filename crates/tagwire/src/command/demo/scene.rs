//! What there is to demonstrate: configurations, the files that they need, and simulated devices.

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use crate::args::DemoProfile;
use crate::failure::{Exit, Failure};

/// One or several servers and their surroundings; ports stand in braces in the configurations.
pub(super) struct Scene {
    /// Name and text of each server's configuration.
    pub(super) configs: &'static [(&'static str, &'static str)],
    /// Other files beside them.
    files: &'static [(&'static str, &'static str)],
    /// The ports that clients know, and what listens there; the first is what `--ua-port` says.
    faces: &'static [(&'static str, u16, &'static str)],
    /// The simulated devices, one per link of the same name in the configuration.
    pub(super) devices: &'static [(&'static str, &'static str)],
}

const PLANT: Scene = Scene {
    configs: &[("tagwire.toml", include_str!("../../demo/tagwire.toml"))],
    files: &[],
    faces: &[("ua", 4840, "the OPC UA server")],
    devices: &[
        ("boiler", include_str!("../../demo/boiler.toml")),
        ("pump", include_str!("../../demo/pump.toml")),
        ("tank", include_str!("../../demo/tank.toml")),
    ],
};

const NOTEBOOKS: Scene = Scene {
    configs: &[
        ("matrikon.toml", include_str!("../../demo/notebooks/matrikon.toml")),
        ("simulation.toml", include_str!("../../demo/notebooks/simulation.toml")),
    ],
    files: &[("simulation.xml", include_str!("../../demo/notebooks/simulation.xml"))],
    faces: &[
        ("ua", 4840, "the server for OpenOPC"),
        ("simulation", 53530, "the simulation server"),
        ("gateway", 7766, "the OpenOPC gateway"),
    ],
    devices: &[],
};

impl Scene {
    pub(super) fn of(profile: DemoProfile) -> &'static Self {
        match profile {
            DemoProfile::Plant => &PLANT,
            DemoProfile::Notebooks => &NOTEBOOKS,
        }
    }

    /// Writes what is not there yet, with ports that are free; the configurations in their order.
    pub(super) fn write(&self, folder: &Path, ua_port: u16) -> Result<Vec<PathBuf>, Failure> {
        let paths: Vec<PathBuf> = self.configs.iter().map(|(name, _)| folder.join(name)).collect();
        if paths.iter().all(|path| path.exists()) {
            return Ok(paths);
        }
        std::fs::create_dir_all(folder)
            .map_err(|error| Failure::new(Exit::Failed, format!("cannot make {}: {error}", folder.display()), ""))?;
        let ports = self.ports(ua_port)?;
        let configs = self.configs.iter().map(|(name, text)| (name, filled(text, &ports)));
        let files = self.files.iter().map(|(name, text)| (name, (*text).to_owned()));
        for (name, text) in configs.chain(files) {
            let path = folder.join(name);
            if !path.exists() {
                std::fs::write(&path, text).map_err(|error| {
                    Failure::new(Exit::Failed, format!("cannot write {}: {error}", path.display()), "")
                })?;
            }
        }
        Ok(paths)
    }

    /// A free port for each name.
    fn ports(&self, ua_port: u16) -> Result<Vec<(&'static str, u16)>, Failure> {
        let mut ports = Vec::new();
        for (idx, (name, usual, what)) in self.faces.iter().enumerate() {
            let wanted = if idx == 0 { ua_port } else { *usual };
            let free = free_port(wanted)?;
            if free != wanted {
                writeln!(io::stderr(), "port {wanted} is taken by another program; {what} takes {free}")?;
            }
            ports.push((*name, free));
        }
        for ((name, _), wanted) in self.devices.iter().zip(15_020..) {
            ports.push((*name, free_port(wanted)?));
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
            for path in Scene::of(profile).write(folder.path(), 0).expect("written") {
                let text = std::fs::read_to_string(&path).expect("a file");
                assert!(!text.contains("127.0.0.1:{"), "{text}");
                Config::load(&path, DRIVERS).unwrap_or_else(|problems| panic!("{problems}"));
            }
        }
    }

    #[test]
    fn what_is_there_already_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = Scene::of(DemoProfile::Plant).write(folder.path(), 0).expect("written");
        std::fs::write(&paths[0], "mine").expect("written");
        Scene::of(DemoProfile::Plant).write(folder.path(), 0).expect("kept");
        assert_eq!(std::fs::read_to_string(&paths[0]).expect("a file"), "mine");
    }
}
