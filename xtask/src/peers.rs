//! Installing what the whole-product tests need: Debian packages, a Python environment, Node packages, peers of ours.
//!
//! Everything lands below the target folder, apart from Debian's packages. Versions are exact. Nothing is optional: a
//! peer that cannot be had fails the run, because a test that quietly did not happen proves nothing.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::process::{exists, output, program, root, run, target};

/// What must be on the machine, by the file or program that shows it and the Debian package that brings it.
const DEBIAN: &[(&str, &str)] = &[
    ("/usr/bin/gcc", "gcc"),
    ("/usr/bin/g++", "g++"),
    ("/usr/bin/make", "make"),
    ("/usr/bin/cmake", "cmake"),
    ("/usr/bin/clang", "clang"),
    ("/usr/bin/socat", "socat"),
    ("/usr/include/modbus/modbus.h", "libmodbus-dev"),
    ("/usr/include/openssl/ssl.h", "libssl-dev"),
];

/// Packages without a file at a fixed place.
const DEBIAN_BY_NAME: &[&str] = &["libclang-dev", "postgresql", "python3-venv"];

/// Where the installed peers are.
pub(crate) struct Peers {
    /// The Python of the test environment.
    pub(crate) python: PathBuf,
    /// A Python with the published clients of OpenOPC, whose module would hide ours.
    pub(crate) openopc: PathBuf,
    /// The folder that holds `node_modules`.
    pub(crate) node: PathBuf,
    /// The folder of the C programs.
    pub(crate) programs: PathBuf,
    /// The folder of the binaries built from `tests/peers/open62541`.
    pub(crate) open62541: PathBuf,
    /// The folder of the binary built from `tests/peers/s7`.
    pub(crate) s7: PathBuf,
}

/// Installs whatever is missing; quick when everything is there.
pub(crate) fn install() -> Result<Peers> {
    debian()?;
    let base = target().join("peers");
    std::fs::create_dir_all(&base)?;
    Ok(Peers {
        python: venv("python", "tests/requirements.txt")?,
        openopc: venv("openopc", "tests/requirements-openopc.txt")?,
        node: node(&base)?,
        programs: c_programs(&base)?,
        open62541: rust_peer("open62541")?,
        s7: rust_peer("s7")?,
    })
}

/// Builds one of the Rust peers outside the workspace; returns the folder of its binaries.
pub(crate) fn rust_peer(name: &str) -> Result<PathBuf> {
    let manifest = root().join("tests/peers").join(name).join("Cargo.toml");
    let folder = target().join("peers").join(name);
    let mut build = crate::process::cargo(&["build", "--release", "--locked", "--quiet", "--manifest-path"]);
    build.arg(&manifest).arg("--target-dir").arg(&folder);
    // The way of open62541-sys to OpenSSL, for which it has no feature: only there it knows the policies over curves.
    build.env("CARGO_FEATURE_OPENSSL", "1");
    run(&mut build)?;
    Ok(folder.join("release"))
}

fn debian() -> Result<()> {
    let mut missing: Vec<&str> =
        DEBIAN.iter().filter(|(file, _)| !Path::new(file).exists()).map(|(_, package)| *package).collect();
    for package in DEBIAN_BY_NAME {
        let query = output(&mut program("dpkg-query", &["--show", "--showformat=${Status}", package]));
        if !query.is_ok_and(|status| status.contains("install ok installed")) {
            missing.push(package);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    if output(&mut program("id", &["--user"]))?.trim() != "0" {
        bail!("these Debian packages are missing: {}", missing.join(" "));
    }
    run(&mut program("apt-get", &["update", "--quiet=2"]))?;
    let mut install = program("apt-get", &["install", "--quiet=2", "--yes", "--no-install-recommends"]);
    run(install.args(missing).env("DEBIAN_FRONTEND", "noninteractive"))
}

/// The Python of an environment below the target folder with what a list names.
pub(crate) fn venv(name: &str, requirements: &str) -> Result<PathBuf> {
    let list = std::fs::read_to_string(root().join(requirements))?;
    let folder = target().join("peers").join(name);
    let python = folder.join("bin/python");
    installed_once(&folder.join("installed"), &list, || {
        run(program("python3", &["-m", "venv", "--clear"]).arg(&folder))?;
        let mut pip = program(&python, &["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        run(pip.args(["--requirement", requirements]))
    })?;
    Ok(python)
}

fn node(base: &Path) -> Result<PathBuf> {
    if !exists("npm", "--version") {
        bail!("npm is missing: install Node.js 18 or later");
    }
    let source = root().join("tests/peers/node");
    let lock = std::fs::read_to_string(source.join("package-lock.json"))?;
    let folder = base.join("node");
    installed_once(&folder.join("installed"), &lock, || {
        std::fs::create_dir_all(&folder)?;
        for file in ["package.json", "package-lock.json"] {
            std::fs::copy(source.join(file), folder.join(file))?;
        }
        let flags =
            ["ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund", "--omit-lockfile-registry-resolved"];
        run(program("npm", &flags).current_dir(&folder))
    })?;
    Ok(folder)
}

fn c_programs(base: &Path) -> Result<PathBuf> {
    let folder = base.join("c");
    std::fs::create_dir_all(&folder)?;
    let flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-I/usr/include/modbus", "tests/peers/libmodbus/server.c"];
    run(program("gcc", &flags).arg("-o").arg(folder.join("libmodbus-server")).arg("-lmodbus"))?;
    Ok(folder)
}

/// Runs `install` unless the stamp says that exactly this list was installed before.
fn installed_once(stamp: &Path, list: &str, install: impl FnOnce() -> Result<()>) -> Result<()> {
    if std::fs::read_to_string(stamp).is_ok_and(|done| done == list) {
        return Ok(());
    }
    install()?;
    std::fs::write(stamp, list).with_context(|| format!("cannot write {}", stamp.display()))
}
