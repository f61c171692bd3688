//! When, on what and with what a comparison was made: machine, file system, versions, what landrush promises by its settings, and who was
//! not measured. Without it figures of two reports cannot be held against each other.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context, Error, Result, ensure};
use jiff::Timestamp;
use serde::Serialize;

use crate::baselines::package;
use crate::cli::ServerOptions;
use crate::compare::contender::Contender;
use crate::load::Own;
use crate::server::Launch;

/// What is said where something does not tell.
const UNKNOWN: &str = "unknown";
/// File systems by the numbers that the kernel gives them (`statfs(2)`).
const FILE_SYSTEMS: [(u64, &str); 7] = [
    (0x0102_1994, "tmpfs"),
    (0x8584_58f6, "ramfs"),
    (0xef53, "ext"),
    (0x5846_5342, "xfs"),
    (0x9123_683e, "btrfs"),
    (0x2fc1_2fc1, "zfs"),
    (0x794c_7630, "overlay"),
];
/// Those that are gone with the power.
const VOLATILE: [&str; 2] = ["tmpfs", "ramfs"];

/// What figures depend on.
#[derive(Debug, Serialize)]
pub(crate) struct Setting {
    /// When it began, in whole seconds.
    pub(crate) measured_at: Timestamp,
    cores: usize,
    processor: String,
    kernel: String,
    /// That of the directory in which everybody keeps data.
    file_system: String,
    nothing_is_durable: bool,
    /// When landrush answers, by its settings.
    landrush_durability: String,
    /// What writes landrush's log, as it says itself.
    landrush_log: Option<String>,
    versions: BTreeMap<&'static str, String>,
    /// Who was not measured, and why.
    not_measured: BTreeMap<&'static str, String>,
    /// Who could not be measured to the end.
    pub(crate) failed: Vec<Failed>,
}

/// A contender that failed.
#[derive(Debug, Serialize)]
pub(crate) struct Failed {
    contender: &'static str,
    /// In which group of connections; nothing, where it failed before the first.
    group: Option<u16>,
    /// In which round of it. It has the rounds before.
    round: Option<u16>,
    /// What went wrong.
    cause: String,
}

impl Failed {
    /// One that is not measured at all.
    pub(crate) fn anywhere(contender: Contender, error: &Error) -> Self {
        Self { contender: contender.name(), group: None, round: None, cause: format!("{error:#}") }
    }

    /// One that is not measured from a round of a group on.
    pub(crate) fn at(contender: Contender, group: u16, round: u16, error: &Error) -> Self {
        Self { group: Some(group), round: Some(round), ..Self::anywhere(contender, error) }
    }

    /// Whether this is `contender`.
    pub(crate) fn is(&self, contender: Contender) -> bool {
        self.contender == contender.name()
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not measured: {}", self.contender)?;
        if let Some((group, round)) = self.group.zip(self.round) {
            write!(f, " at {group} connections, from round {round} on")?;
        }
        write!(f, ": FAILED: {}", self.cause.trim_end())
    }
}

impl Setting {
    /// Finds out, for which landrush is started once if it is among `contenders`.
    ///
    /// # Errors
    /// When the scratch directory is not there, or landrush does not start.
    pub(crate) fn find(
        contenders: &[Contender],
        not_measured: BTreeMap<&'static str, String>,
        options: &ServerOptions,
    ) -> Result<Self> {
        let file_system = file_system_of(options)?;
        let own = contenders.contains(&Contender::Landrush).then(|| log_backend(options)).transpose()?;
        Ok(Self {
            measured_at: Timestamp::from_second(Timestamp::now().as_second())?,
            cores: thread::available_parallelism()?.get(),
            processor: processor(&fs::read_to_string("/proc/cpuinfo").unwrap_or_default()),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            nothing_is_durable: VOLATILE.contains(&file_system.as_str()),
            file_system,
            landrush_durability: durability(options)?,
            landrush_log: own.flatten(),
            versions: versions(contenders, options),
            not_measured,
            failed: Vec::new(),
        })
    }

    /// In words, a line each.
    pub(crate) fn lines(&self) -> Vec<String> {
        let Self { measured_at, cores, processor, kernel, file_system, .. } = self;
        let mut lines =
            vec![format!("{measured_at}: {cores} cores ({processor}), Linux {kernel}, data on {file_system}")];
        if !self.versions.is_empty() {
            lines.push(self.versions.values().cloned().collect::<Vec<_>>().join(", "));
        }
        if self.nothing_is_durable {
            lines.push(volatile(file_system));
        }
        if !self.not_measured.contains_key(Contender::Landrush.name()) {
            lines.push(format!("landrush: {}", self.promise()));
        }
        lines.extend(self.not_measured.iter().map(|(who, why)| format!("not measured: {who}: {why}")));
        lines.extend(self.failed.iter().map(ToString::to_string));
        lines
    }

    /// What an answer of landrush is worth here, and what writes its log.
    pub(crate) fn promise(&self) -> String {
        let promise = match self.landrush_durability.as_str() {
            "sync" if self.nothing_is_durable => "every answer synced first, to memory: nothing is durable".into(),
            "sync" => "every answer synced first".into(),
            "interval" => "durability interval: answers leave before they are synced".into(),
            other => format!("durability {other}"),
        };
        format!("{promise}; log: {}", self.landrush_log.as_deref().unwrap_or(UNKNOWN))
    }
}

/// What of a server's promise is weaker, by its settings and the file system, than that every answer is synced first; nothing, if
/// nothing is.
///
/// # Errors
/// When the scratch directory or the settings cannot be read.
pub(crate) fn weaker(options: &ServerOptions) -> Result<Option<String>> {
    let file_system = file_system_of(options)?;
    Ok(match durability(options)?.as_str() {
        "sync" if VOLATILE.contains(&file_system.as_str()) => Some(volatile(&file_system)),
        "sync" => None,
        other => Some(format!("WARNING: durability {other}: answers leave before they are synced")),
    })
}

fn volatile(file_system: &str) -> String {
    format!("WARNING: {file_system} is memory: nothing is durable there, whoever syncs")
}

/// The file system of the directory in which everybody keeps data.
fn file_system_of(options: &ServerOptions) -> Result<String> {
    let scratch = options.scratch.clone().unwrap_or_else(std::env::temp_dir);
    let magic = rustix::fs::statfs(&scratch).with_context(|| scratch.display().to_string())?.f_type;
    Ok(file_system(u64::try_from(magic)?))
}

fn file_system(magic: u64) -> String {
    let known = FILE_SYSTEMS.iter().find(|(known, _)| *known == magic);
    known.map_or_else(|| format!("a file system of type {magic:#x}"), |(_, name)| (*name).to_owned())
}

fn processor(cpuinfo: &str) -> String {
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    model.map_or(UNKNOWN, |(_, model)| model.trim()).to_owned()
}

/// The setting `log.durability` of the servers that are started: environment, file, default, as the server reads them.
fn durability(options: &ServerOptions) -> Result<String> {
    if let Ok(word) = std::env::var("LANDRUSH_LOG_DURABILITY") {
        return Ok(word);
    }
    let named_elsewhere = || std::env::var_os("LANDRUSH_CONFIG").map(PathBuf::from);
    let Some(file) = options.server_config.clone().or_else(named_elsewhere) else { return Ok("sync".into()) };
    let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    durability_in(&text).with_context(|| file.display().to_string())
}

fn durability_in(config: &str) -> Result<String> {
    let table: toml::Table = config.parse()?;
    Ok(table.get("log").and_then(|log| log.get("durability")?.as_str()).unwrap_or("sync").to_owned())
}

/// What writes the log, from what a server says as it becomes ready; nothing, if its settings keep it silent.
fn log_backend(options: &ServerOptions) -> Result<Option<String>> {
    let Own { server, data, .. } = Own::start(options)?;
    // It may answer that it is ready a moment before it says so.
    let ended = server.stop()?;
    ensure!(ended.success(), "the server ended with {ended}");
    Ok(said_of_log(&fs::read_to_string(data.path().join("server.log"))?))
}

/// As people read it, or as JSON.
fn said_of_log(output: &str) -> Option<String> {
    ["log=\"", "\"log\":\""].iter().find_map(|start| {
        let line = output.lines().find(|line| line.contains("ready") && line.contains(start))?;
        Some(line.split_once(start)?.1.split_once('"')?.0.to_owned())
    })
}

fn versions(contenders: &[Contender], options: &ServerOptions) -> BTreeMap<&'static str, String> {
    let landrush = || Launch::find(options.server_binary.clone(), None).ok().map(|launch| launch.binary);
    let redis = || package::on_path("redis-server", "redis-server").ok();
    let postgres = || Some(package::postgres_programs().ok()?.join("postgres"));
    let program = |contender: &Contender| match contender {
        Contender::Floor => None,
        Contender::Landrush => Some(("landrush", landrush()?)),
        Contender::RedisAlways | Contender::RedisEverysec => Some(("redis", redis()?)),
        Contender::Postgres => Some(("postgres", postgres()?)),
    };
    contenders.iter().filter_map(program).map(|(name, program)| (name, version(&program))).collect()
}

fn version(program: &Path) -> String {
    let said = Command::new(program).arg("--version").output().map(|output| output.stdout).unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let line = said.lines().next().unwrap_or(UNKNOWN);
    // Redis goes on with how it was built.
    line.split_once(" sha=").map_or(line, |(version, _)| version).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Setting {
        pub(crate) fn of_tests(file_system: &str, durability: &str) -> Self {
            Self {
                measured_at: Timestamp::UNIX_EPOCH,
                cores: 2,
                processor: "a processor".into(),
                kernel: "6.1".into(),
                file_system: file_system.into(),
                nothing_is_durable: VOLATILE.contains(&file_system),
                landrush_durability: durability.into(),
                landrush_log: Some("io_uring, O_DSYNC".into()),
                versions: BTreeMap::new(),
                not_measured: [("postgres", "there is none".into())].into(),
                failed: Vec::new(),
            }
        }
    }

    #[test]
    fn synced_first_is_said_only_where_it_is_so() {
        assert_eq!(Setting::of_tests("ext", "sync").promise(), "every answer synced first; log: io_uring, O_DSYNC");
        assert!(Setting::of_tests("ext", "interval").promise().contains("before they are synced"));
        assert!(Setting::of_tests("tmpfs", "sync").promise().contains("nothing is durable"));
        let warns = |setting: Setting| setting.lines().iter().any(|line| line.starts_with("WARNING"));
        assert!(warns(Setting::of_tests("tmpfs", "sync")) && !warns(Setting::of_tests("ext", "sync")));
    }

    #[test]
    fn who_was_not_measured_is_named_with_the_reason() {
        assert!(Setting::of_tests("ext", "sync").lines().contains(&"not measured: postgres: there is none".to_owned()));
    }

    #[test]
    fn nothing_is_promised_for_landrush_where_it_is_not_measured() {
        let mut setting = Setting::of_tests("ext", "sync");
        let promises = |setting: &Setting| setting.lines().iter().any(|line| line.starts_with("landrush: "));
        assert!(promises(&setting));
        setting.not_measured.insert("landrush", "not asked for".into());
        assert!(!promises(&setting));
    }

    #[test]
    fn durability_is_read_from_the_servers_settings() {
        for (config, expected) in [("", "sync"), ("[log]\n", "sync"), ("[log]\ndurability = \"interval\"", "interval")]
        {
            assert_eq!(durability_in(config).expect("settings"), expected);
        }
        assert!(durability_in("[log").is_err());
    }

    #[test]
    fn what_writes_the_log_is_found_in_either_format() {
        let human = "2026 INFO landrush::cli::serve: ready records=0 last=0 millis=1 log=\"io_uring, O_DSYNC\"\n";
        let json = "{\"level\":\"INFO\",\"message\":\"ready\",\"log\":\"thread, write + fdatasync\"}\n";
        assert_eq!(said_of_log(human).as_deref(), Some("io_uring, O_DSYNC"));
        assert_eq!(said_of_log(json).as_deref(), Some("thread, write + fdatasync"));
        assert_eq!(said_of_log("ready\n"), None);
    }

    #[test]
    fn the_machine_is_described() {
        assert_eq!(file_system(0x0102_1994), "tmpfs");
        assert_eq!(file_system(7), "a file system of type 0x7");
        assert_eq!(processor("processor\t: 0\nmodel name\t: AMD EPYC\n"), "AMD EPYC");
    }
}
