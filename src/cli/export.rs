//! `landrush export`: what a campaign has issued, page by page, as CSV or as one JSON object a line.

mod output;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Deserialize;
use tokio::time::sleep;

use super::api::{self, Api, Failure, Page, Reply, ServerArguments};
use super::campaign::{self, Campaign};
use output::Output;

/// How many claims are asked for at once: the most a server gives.
const PAGE_ITEMS: u16 = 1_000;

/// How often a server that has too much to do is asked for the same page.
const TRIES_MAX: u32 = 10;

/// How long to wait for it where it does not say.
const BUSY_WAIT: Duration = Duration::from_secs(1);

const COLUMNS: [&str; 7] = ["claim_id", "user_id", "coupon_type", "code", "state", "decided_at", "expires_at"];

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    server: ServerArguments,
    /// The campaign's id.
    id: String,
    /// How to write it. CSV holds the data exactly as it is: nothing is changed for spreadsheets that take text for formulas.
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
    /// Write to this file, once all is there, and readable by its owner alone: codes are worth money. Without it, to
    /// standard output.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// A line of column names, then a line a claim.
    Csv,
    /// The server's JSON of a claim, one a line.
    Ndjson,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    api::run(async {
        tokio::select! {
            done = export(arguments) => done,
            // What was being written goes with it.
            _ = tokio::signal::ctrl_c() => Err(Failure::Interrupted),
        }
    })
}

async fn export(arguments: &Arguments) -> Result<(), Failure> {
    let Arguments { server, id, format, output } = arguments;
    let mut api = Api::new(server)?;
    // Also tells before anything is written that there is such a campaign.
    let reply = api.get(&campaign::path(id, "")).await?;
    let bar = progress_bar(api.read::<Campaign>(&reply)?.issued());
    let mut rows = Rows::new(*format, Output::open(output.as_deref())?)?;
    let path = campaign::path(id, "/claims");
    let mut cursor: Option<String> = None;
    loop {
        let reply = patient_page(&mut api, &path, cursor.as_deref()).await?;
        let page: Page<'_> = api.read(&reply)?;
        for item in &page.items {
            match &mut rows {
                Rows::Csv(writer) => write_row(writer, &api.read_item(item)?)?,
                Rows::Ndjson(output) => writeln!(output, "{item}")?,
            }
            bar.inc(1);
        }
        cursor = api.next_cursor(page, cursor.as_deref())?;
        if cursor.is_none() {
            break;
        }
    }
    let written = bar.position();
    bar.finish_and_clear();
    rows.finish()?;
    if let Some(file) = output {
        drop(writeln!(io::stderr(), "{written} claims written to {}", file.display()));
    }
    Ok(())
}

/// One page; a server that is busy with its crowd is asked again, so that a long export does not end by that.
async fn patient_page(api: &mut Api, path: &str, cursor: Option<&str>) -> Result<Reply, Failure> {
    for _ in 1..TRIES_MAX {
        match api.get_page(path, PAGE_ITEMS, cursor).await {
            Err(failure) if failure.is_busy() => sleep(failure.retry_after().unwrap_or(BUSY_WAIT)).await,
            answered => return answered,
        }
    }
    api.get_page(path, PAGE_ITEMS, cursor).await
}

/// A claim or a draw, as far as it has a column.
#[derive(Deserialize)]
struct Granted {
    claim_id: Option<String>,
    draw_id: Option<String>,
    entry_id: Option<String>,
    user_id: String,
    decided_at: Option<String>,
    coupon: Option<Coupon>,
}

#[derive(Deserialize)]
struct Coupon {
    code: String,
    coupon_type: String,
    state: String,
    expires_at: Option<String>,
}

/// Where the claims go, in which form.
enum Rows {
    Csv(Box<csv::Writer<Output>>),
    Ndjson(Output),
}

impl Rows {
    fn new(format: Format, output: Output) -> Result<Self, Failure> {
        match format {
            Format::Csv => {
                let mut writer = csv::Writer::from_writer(output);
                writer.write_record(COLUMNS).map_err(unwritten)?;
                Ok(Rows::Csv(Box::new(writer)))
            }
            Format::Ndjson => Ok(Rows::Ndjson(output)),
        }
    }

    fn finish(self) -> Result<(), Failure> {
        let output = match self {
            Rows::Csv(writer) => writer.into_inner().map_err(|error| Failure::from(error.into_error()))?,
            Rows::Ndjson(output) => output,
        };
        Ok(output.finish()?)
    }
}

fn write_row(writer: &mut csv::Writer<Output>, granted: &Granted) -> Result<(), Failure> {
    let Granted { claim_id, draw_id, entry_id, user_id, decided_at, coupon } = granted;
    let id = claim_id.as_ref().or(draw_id.as_ref()).or(entry_id.as_ref());
    let of_coupon = |text: fn(&Coupon) -> &str| coupon.as_ref().map_or("", text);
    let row = [
        id.map_or("", String::as_str),
        user_id,
        of_coupon(|coupon| &coupon.coupon_type),
        of_coupon(|coupon| &coupon.code),
        of_coupon(|coupon| &coupon.state),
        decided_at.as_deref().unwrap_or(""),
        of_coupon(|coupon| coupon.expires_at.as_deref().unwrap_or("")),
    ];
    writer.write_record(row).map_err(unwritten)
}

/// What the operating system said; csv's own conversion would hide that a pipe is closed.
fn unwritten(error: csv::Error) -> Failure {
    if let csv::ErrorKind::Io(error) = error.into_kind() {
        return error.into();
    }
    unreachable!("every row has a text for each column, and that is all that is written")
}

/// A bar over what was issued, if that is told: drawn on a terminal only.
fn progress_bar(claims: Option<u64>) -> ProgressBar {
    let target = if io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let template = if claims.is_some() { "{bar:40} {pos}/{len} claims {eta}" } else { "{spinner} {pos} claims" };
    let style = ProgressStyle::with_template(template).expect("well formed");
    ProgressBar::with_draw_target(claims, target).with_style(style)
}
