//! `landrush serve`: from arguments to a running server. Owns what it says to people while it starts.

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use landrush_engine::EngineOptions;
use tracing_subscriber::EnvFilter;

use crate::config::{Auth, Config, LogFormat, Logging, Raw};
use crate::demo::Demo;
use crate::gate::admin_key;
use crate::server::{self, Started};

#[derive(Debug, Default, clap::Args)]
pub(super) struct ServeArguments {
    /// The configuration, in TOML. All settings: config/landrush.toml.
    #[arg(long, value_name = "FILE", env = "LANDRUSH_CONFIG")]
    config: Option<PathBuf>,
    /// Address and port to listen on; port 0 is any that is free [default: 127.0.0.1:8080] [env: LANDRUSH_LISTEN=]
    #[arg(long, value_name = "ADDRESS")]
    pub(super) listen: Option<String>,
    /// Where the log, the keys and the exports are; made if missing [default: landrush-data] [env: LANDRUSH_DATA_DIR=]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Start although the log was last written more than a day ahead of this machine's clock.
    #[arg(long)]
    accept_clock: bool,
    /// Show what it does: a campaign that opens in 20 seconds and every two minutes, in a temporary directory that is removed at
    /// the end.
    #[arg(long, conflicts_with = "data_dir")]
    demo: bool,
    /// How many simulated shoppers come for each window of the demo.
    #[arg(long, value_name = "N", requires = "demo", default_value_t = 0,
          value_parser = clap::value_parser!(u32).range(..=i64::from(Demo::CROWD_MAX)))]
    demo_crowd: u32,
    /// When the demo's first window opens, at most 10m [default: 20s]
    #[arg(long, value_name = "SPAN", requires = "demo", value_parser = opens_in)]
    demo_opens_in: Option<Duration>,
}

/// A span that a demo can be waited for.
fn opens_in(text: &str) -> Result<Duration, &'static str> {
    let span = crate::text::parse_duration(text)?;
    if span > Duration::from_mins(10) { Err("must be at most 10m") } else { Ok(span) }
}

/// The exit code for a configuration that cannot be used.
const USAGE: u8 = 2;

pub(super) fn run(arguments: ServeArguments) -> ExitCode {
    let ServeArguments { config, listen, data_dir, accept_clock, demo, demo_crowd, demo_opens_in } = arguments;
    let demo = demo.then(|| Demo { opens_in: demo_opens_in.unwrap_or(Demo::OPENS_IN), crowd: demo_crowd });
    // Removed when it is dropped, after the engine has closed.
    let temporary = match demo.as_ref().map(|_| tempfile::Builder::new().prefix("landrush-demo-").tempdir()).transpose()
    {
        Ok(temporary) => temporary,
        Err(error) => return fail(&format!("there is no temporary directory for the demo: {error}"), 1),
    };
    let data_dir = temporary.as_ref().map(|directory| directory.path().to_owned()).or(data_dir);
    let flags = Raw { listen, data_dir, ..Raw::default() };
    let environment = |name: &str| std::env::var(name).ok();
    let config = match Config::load(flags, environment, config.as_deref()) {
        Ok(config) => config,
        Err(error) => return fail(&error.to_string(), USAGE),
    };
    if let Err(error) = log_to_stderr(&config.logging) {
        return fail(&error, USAGE);
    }
    if demo.is_some() && !matches!(config.auth, Auth::Trusted { .. }) {
        return fail("the demo's shoppers have no tokens: leave auth.users at \"trusted\"", USAGE);
    }
    let bar = RecoveryBar::default();
    let options = EngineOptions { accept_clock, progress: bar.listener(), ..EngineOptions::default() };
    let data_dir = config.data_dir.clone();
    let mut show = |started: Started<'_>| {
        if matches!(started, Started::Ready { .. }) {
            bar.finish();
        }
        tell(&started, &data_dir);
        if let (Started::Ready { address, admin_key, .. }, Some(demo)) = (started, demo.clone()) {
            show_demo(demo, address, admin_key);
        }
    };
    let served = server::run(config, options, environment(admin_key::VARIABLE), &mut show);
    bar.finish();
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string(), 1),
    }
}

fn show_demo(demo: Demo, address: SocketAddr, admin_key: &admin_key::Source) {
    let key = match admin_key {
        admin_key::Source::Environment => std::env::var(admin_key::VARIABLE).map_err(std::io::Error::other),
        admin_key::Source::File(path) => std::fs::read_to_string(path),
    };
    if let Err(error) = key.and_then(|key| crate::demo::start(demo, address, key.trim().to_owned())) {
        tracing::warn!(%error, "there is no demo");
    }
}

fn fail(message: &str, code: u8) -> ExitCode {
    // To people, also where log lines are filtered away.
    drop(writeln!(std::io::stderr(), "landrush: {message}"));
    ExitCode::from(code)
}

fn log_to_stderr(logging: &Logging) -> Result<(), String> {
    let filter = EnvFilter::try_new(&logging.filter).map_err(|error| format!("the setting logging.filter: {error}"))?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match logging.format {
        LogFormat::Human => subscriber.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => subscriber.json().flatten_event(true).init(),
    }
    Ok(())
}

/// Says on standard output where the server is and when it is ready: a line each for programs, a few more for people.
fn tell(started: &Started<'_>, data_dir: &std::path::Path) {
    let mut out = std::io::stdout().lock();
    let told = match started {
        Started::Listening { address, metrics } => {
            let metrics = metrics.map(|metrics| format!("metrics on http://{metrics}/metrics\n")).unwrap_or_default();
            write!(out, "listening on http://{address}\n{metrics}")
        }
        Started::Ready { address, recovery, log_backend, admin_key } => {
            tracing::info!(
                records = recovery.records,
                last = recovery.last_lsn.0,
                millis = u64::try_from(recovery.took.as_millis()).unwrap_or(u64::MAX),
                log = log_backend,
                "ready"
            );
            let key = match admin_key {
                admin_key::Source::Environment => format!("${}", admin_key::VARIABLE),
                admin_key::Source::File(path) => format!("$(cat {})", path.display()),
            };
            let data = data_dir.display();
            let curl = format!("curl -H \"Authorization: Bearer {key}\" http://{address}/v1/campaigns");
            if std::io::stdout().is_terminal() {
                write!(out, "ready\n  data       {data} ({log_backend})\n  admin key  {key}\n  try        {curl}\n")
            } else {
                writeln!(out, "ready")
            }
        }
    };
    // A closed pipe does not stop a server.
    drop(told.and_then(|()| out.flush()));
}

/// A progress bar for recovery: on a terminal, and once there is something to read.
#[derive(Default)]
struct RecoveryBar {
    bar: Arc<OnceLock<ProgressBar>>,
}

impl RecoveryBar {
    fn listener(&self) -> Arc<dyn Fn(landrush_engine::options::RecoveryProgress) + Send + Sync> {
        let bar = Arc::clone(&self.bar);
        Arc::new(move |progress| {
            let bar = bar.get_or_init(|| {
                // Indicatif draws nothing where standard error is no terminal.
                let bar = ProgressBar::with_draw_target(Some(progress.bytes_total), ProgressDrawTarget::stderr());
                let style = ProgressStyle::with_template("reading the log {bar:40} {bytes}/{total_bytes} {msg} {eta}");
                bar.with_style(style.expect("the template is well formed"))
            });
            bar.set_length(progress.bytes_total);
            bar.set_position(progress.bytes_read);
            bar.set_message(format!("{} records", progress.records));
        })
    }

    fn finish(&self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }
}
