//! What the browser tests need beside cargo: Node, the packages of `package-lock.json`, Chromium. Found, or installed by the
//! package managers; never skipped. Only called under the lock of [`run`](super::run), since two cannot install at once.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The first that tells an ES module by its syntax, as browsers do.
const NODE_MIN: (u32, u32) = (20, 19);

/// Where everything is.
pub(super) struct Installed {
    /// The folder that has `node_modules`.
    pub(super) packages: PathBuf,
    /// The browser.
    pub(super) chromium: PathBuf,
}

/// Finds or installs all of it, packages in `folder`.
pub(super) fn ensure(folder: &Path) -> Installed {
    ensure_node();
    Installed { packages: ensure_packages(folder), chromium: ensure_chromium() }
}

fn ensure_node() {
    if version_of("node").is_none() || version_of("npm").is_none() {
        apt_install(&["nodejs", "npm"]);
    }
    let version = version_of("node").expect("Node is needed: install nodejs and npm");
    let mut numbers = version.trim_start_matches('v').split('.').map_while(|number| number.parse::<u32>().ok());
    let is_new_enough = numbers.next().zip(numbers.next()).is_some_and(|version| version >= NODE_MIN);
    let (major, minor) = NODE_MIN;
    assert!(
        is_new_enough,
        "Node {major}.{minor} or later is needed, this is {version}: install it from https://nodejs.org"
    );
}

fn version_of(program: &str) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Installs what the lock file names, unless that has been done.
fn ensure_packages(folder: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    let lock = std::fs::read(source.join("package-lock.json")).expect("the lock file");
    // Written last: without it, what is there may be half an installation.
    let done = folder.join("installed-package-lock.json");
    if std::fs::read(&done).is_ok_and(|installed| installed == lock) {
        return folder.to_owned();
    }
    for name in ["package.json", "package-lock.json", ".npmrc"] {
        std::fs::copy(source.join(name), folder.join(name)).expect("the packages' folder can be written");
    }
    let install = "npm ci --ignore-scripts";
    let status = Command::new("npm").args(["ci", "--ignore-scripts", "--no-progress"]).current_dir(folder).status();
    let succeeded = status.as_ref().is_ok_and(std::process::ExitStatus::success);
    assert!(succeeded, "`{install}` in {} failed ({status:?}): can npm reach its registry?", folder.display());
    std::fs::write(done, lock).expect("the packages' folder can be written");
    folder.to_owned()
}

/// The browser that `CHROMIUM` names, or Debian's.
fn ensure_chromium() -> PathBuf {
    if let Some(named) = std::env::var_os("CHROMIUM").map(PathBuf::from) {
        assert!(named.exists(), "CHROMIUM names {}, which is not there", named.display());
        return named;
    }
    let places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].map(PathBuf::from);
    let found = || places.iter().find(|place| place.exists()).cloned();
    found().unwrap_or_else(|| {
        apt_install(&["chromium"]);
        found().expect("Chromium is needed: install it, or name it in CHROMIUM")
    })
}

fn apt_install(packages: &[&str]) {
    let names = packages.join(" ");
    let install = format!("apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq {names}");
    let mut command = Command::new("sh");
    if rustix::process::geteuid().is_root() {
        command.args(["-c", &install]);
    } else {
        command.args(["-c", "exec sudo -n sh -c \"$0\"", &install]);
    }
    let succeeded = command.status().is_ok_and(|status| status.success());
    assert!(succeeded, "needed, and could not be installed: {names}; as root: apt-get install {names}");
}
