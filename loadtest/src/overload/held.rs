//! A process that is held to a part of a processor, by a control group of its own: version 2 (`cpu.max`), or version 1
//! (`cpu.cfs_quota_us`) where the machine still has that.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rustix::process::Pid;

use crate::interrupted;

/// Over which span the processor time is dealt out. A group that has used its part waits for the next span.
const PERIOD_US: u64 = 100_000;

/// Where control groups are.
const ROOTS: [&str; 2] = ["/sys/fs/cgroup", "/sys/fs/cgroup/cpu"];

/// A control group. It ends with this, and those in it are held no more.
#[derive(Debug)]
pub(crate) struct Held {
    group: PathBuf,
}

impl Held {
    /// Holds process `pid`, all of its threads together, to `percent` hundredths of a processor.
    ///
    /// # Errors
    /// When no control group can be made here: it takes root, and a hierarchy that can be written.
    pub(crate) fn hold(pid: Pid, percent: u8) -> Result<Self> {
        let name = format!("landrush-loadtest-{}", std::process::id());
        let mut refused = String::new();
        for root in ROOTS.map(Path::new) {
            match Self::under(root, &name, percent) {
                Ok(held) => {
                    fs::write(held.group.join("cgroup.procs"), pid.as_raw_nonzero().to_string())
                        .context("the server cannot be put into a control group")?;
                    return Ok(held);
                }
                Err(error) => refused += &format!("; {}: {error:#}", root.display()),
            }
        }
        bail!("the server cannot be held to a part of a processor, and nothing is measured{refused}")
    }

    fn under(root: &Path, name: &str, percent: u8) -> Result<Self> {
        let quota = PERIOD_US * u64::from(percent) / 100;
        let unified = root.join("cgroup.controllers").is_file();
        if !unified && !root.join("cpu.cfs_quota_us").is_file() {
            bail!("no processor time is dealt out here");
        }
        let group = root.join(name);
        interrupted::group(&group)?;
        let held = Self { group };
        if unified {
            // The controller may be on already, or refuse to be; the next line tells.
            let _ = fs::write(root.join("cgroup.subtree_control"), "+cpu");
            fs::write(held.group.join("cpu.max"), format!("{quota} {PERIOD_US}"))?;
        } else {
            fs::write(held.group.join("cpu.cfs_period_us"), PERIOD_US.to_string())?;
            fs::write(held.group.join("cpu.cfs_quota_us"), quota.to_string())?;
        }
        Ok(held)
    }
}

impl Drop for Held {
    /// Lets go of who is held, and ends the group.
    fn drop(&mut self) {
        let outside = self.group.parent().expect("it is below a root").join("cgroup.procs");
        for process in fs::read_to_string(self.group.join("cgroup.procs")).unwrap_or_default().lines() {
            // Whoever has ended by now needs no letting go.
            let _ = fs::write(&outside, process);
        }
        let _ = fs::remove_dir(&self.group);
    }
}
