//! Making a PostgreSQL cluster and the command that serves it, by a user who is not root: PostgreSQL refuses that one.

use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::baselines::package::postgres_programs;

/// The user of the distribution's package.
const PACKAGE_USER: &str = "postgres";
/// What differs from the defaults. Nothing here weakens what a commit promises; room in memory and log favours PostgreSQL.
const SETTINGS: [&str; 8] = [
    "listen_addresses=",
    "synchronous_commit=on",
    "fsync=on",
    "shared_buffers=256MB",
    "max_wal_size=4GB",
    "max_connections=200",
    "autovacuum_naptime=5s",
    "log_min_messages=fatal",
];

/// Makes an empty cluster in `data` and returns the command that serves it on a socket in `data`.
///
/// # Errors
/// When PostgreSQL is not installed, or refuses.
pub(super) fn make(data: &Path) -> Result<Command> {
    let programs = postgres_programs()?;
    let cluster = data.join("cluster");
    let user = rustix::process::geteuid().is_root().then(|| package_user(&fs::read_to_string("/etc/passwd")?));
    let user = user.transpose()?;
    if let Some((user, group)) = user {
        chown(data, Some(user), Some(group))?;
    }
    let mut initdb = as_user(user, &programs.join("initdb"));
    initdb.args(["--auth=trust", "--username=postgres", "--no-locale", "--encoding=UTF8", "--no-sync", "--pgdata"]);
    let made = initdb.arg(&cluster).current_dir(data).output().context("initdb")?;
    ensure!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
    let mut serve = as_user(user, &programs.join("postgres"));
    serve.arg("-D").arg(&cluster).arg("-k").arg(data).current_dir(data);
    for setting in SETTINGS {
        serve.args(["-c", setting]);
    }
    Ok(serve)
}

/// `program`, run by `user` (and group) where there is one. The process stays the same, so that its id is the program's.
fn as_user(user: Option<(u32, u32)>, program: &Path) -> Command {
    let Some((user, group)) = user else { return Command::new(program) };
    let mut command = Command::new("setpriv");
    command.arg(format!("--reuid={user}")).arg(format!("--regid={group}")).arg("--clear-groups").arg("--").arg(program);
    command
}

/// User and group of the package, in the lines of `/etc/passwd`.
fn package_user(passwd: &str) -> Result<(u32, u32)> {
    let mut lines = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let found = lines.find(|fields| fields.first() == Some(&PACKAGE_USER) && fields.len() > 3);
    let fields = found.context("root may not serve a cluster, and there is no user `postgres`")?;
    Ok((fields[2].parse()?, fields[3].parse()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packages_user_is_found_by_name() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\npostgres:x:103:109:PostgreSQL:/var/lib/postgresql:/bin/bash\n";
        assert_eq!(package_user(passwd).expect("there"), (103, 109));
        assert!(package_user("root:x:0:0:root:/root:/bin/bash\n").is_err());
    }
}
