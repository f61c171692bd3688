//! `landrush campaign`: campaigns of a running server, over HTTP. Owns what each command asks and says.

mod document;
mod table;
mod watch;

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bytes::Bytes;
use clap::Subcommand;
use hyper::StatusCode;

use super::api::{self, Api, Encoded, Failure, Page, Reply, ServerArguments};
pub(super) use document::Campaign;

/// The longest definition that is sent: more than servers take (256 KiB), so that they say so, and a bound all the same.
const DEFINITION_BYTES_MAX: u64 = 1 << 20;

/// How many campaigns a page of the list holds.
const PAGE_ITEMS: u16 = 100;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    server: ServerArguments,
    /// Print the server's JSON as it came: one document, or with `list` and `watch` one a line.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a campaign; the same file again changes nothing, and says so. Examples: config/campaigns/.
    Create {
        /// The campaign in JSON; `-` reads standard input.
        file: PathBuf,
    },
    /// List all campaigns.
    List,
    /// Show a campaign: its definition, what it is up to, what it has issued.
    Show {
        /// The campaign's id.
        id: String,
    },
    /// Take no claims until `resume`; redemption goes on.
    Pause {
        /// The campaign's id.
        id: String,
    },
    /// Take claims again.
    Resume {
        /// The campaign's id.
        id: String,
    },
    /// Take no claims any more, for good. Issued coupons stay redeemable unless revoked.
    Cancel {
        /// The campaign's id.
        id: String,
        /// Void what was issued, too.
        #[arg(long)]
        revoke: bool,
        /// Only say what would happen.
        #[arg(long)]
        dry_run: bool,
    },
    /// Follow what is left, about once a second, until the campaign is over or Ctrl-C; a restart of the server is waited out.
    Watch {
        /// The campaign's id.
        id: String,
    },
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    api::run(ask(arguments))
}

async fn ask(Arguments { server, json, command }: &Arguments) -> Result<(), Failure> {
    let mut api = Api::new(server)?;
    match command {
        Command::Create { file } => create(&mut api, file, *json).await,
        Command::List => list(&mut api, *json).await,
        Command::Show { id } => {
            let reply = api.get(&path(id, "")).await?;
            show(&api, &reply, *json, |_, _| Ok(()))
        }
        Command::Pause { id } => {
            let reply = api.post(&path(id, "/pause"), Bytes::new()).await?;
            show(&api, &reply, *json, |campaign, out| {
                now(campaign, out, "takes no claims until it is resumed; redemption goes on")
            })
        }
        Command::Resume { id } => {
            let reply = api.post(&path(id, "/resume"), Bytes::new()).await?;
            show(&api, &reply, *json, |campaign, out| now(campaign, out, "takes claims whenever it is open"))
        }
        Command::Cancel { id, revoke, dry_run } => cancel(&mut api, id, *revoke, *dry_run, *json).await,
        Command::Watch { id } => watch::run(&mut api, &path(id, "/availability"), *json).await,
    }
}

/// The path of the campaign `id`, and of what is below it.
pub(super) fn path(id: &str, below: &str) -> String {
    format!("/v1/campaigns/{}{below}", Encoded(id))
}

/// Says what became of a campaign; if it was over already, a server takes the call and nothing comes of it.
fn now(campaign: &Campaign, out: &mut dyn Write, what: &str) -> io::Result<()> {
    match campaign {
        Campaign { id, state, .. } if campaign.is_over() => writeln!(out, "{id} is {state}, and stays so"),
        Campaign { id, .. } => writeln!(out, "{id} {what}"),
    }
}

async fn create(api: &mut Api, file: &Path, json: bool) -> Result<(), Failure> {
    let reply = api.post("/v1/campaigns", read_definition(file)?.into()).await?;
    let is_new = reply.status == StatusCode::CREATED;
    let Campaign { id, .. } = api.read(&reply)?;
    let said = if is_new {
        format!("{id} is made")
    } else {
        format!("{id} was already there, made from the same definition: nothing is changed")
    };
    if json {
        // For people who look on: the document does not tell.
        drop(writeln!(io::stderr(), "{said}"));
    }
    show(api, &reply, json, |_, out| writeln!(out, "{said}"))
}

fn read_definition(file: &Path) -> Result<Vec<u8>, Failure> {
    let is_stdin = file == Path::new("-");
    let name = if is_stdin { String::from("standard input") } else { file.display().to_string() };
    let mut bytes = Vec::new();
    let read = if is_stdin {
        io::stdin().lock().take(DEFINITION_BYTES_MAX).read_to_end(&mut bytes)
    } else {
        File::open(file).and_then(|file| file.take(DEFINITION_BYTES_MAX).read_to_end(&mut bytes))
    };
    match read {
        Err(error) => Err(Failure::Usage(format!("cannot read {name}: {error}"))),
        Ok(_) if bytes.is_empty() => Err(Failure::Usage(format!("{name} is empty"))),
        Ok(read) if u64::try_from(read) == Ok(DEFINITION_BYTES_MAX) => {
            Err(Failure::Usage(format!("{name} is no campaign: it is a mebibyte or longer")))
        }
        Ok(_) => Ok(bytes),
    }
}

/// Prints the campaign that a server answered: as it came, or for people, after what `first` says.
fn show(
    api: &Api,
    reply: &Reply,
    json: bool,
    first: impl FnOnce(&Campaign, &mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    if json {
        out.write_all(&reply.body)?;
        out.write_all(b"\n")?;
    } else {
        let campaign: Campaign = api.read(reply)?;
        first(&campaign, &mut out)?;
        table::campaign(&campaign, &mut out)?;
    }
    Ok(out.flush()?)
}

async fn list(api: &mut Api, json: bool) -> Result<(), Failure> {
    let mut campaigns = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let reply = api.get_page("/v1/campaigns", PAGE_ITEMS, cursor.as_deref()).await?;
        let page: Page<'_> = api.read(&reply)?;
        if json {
            let mut out = io::stdout().lock();
            page.items.iter().try_for_each(|item| writeln!(out, "{item}"))?;
            out.flush()?;
        } else {
            for item in &page.items {
                campaigns.push(api.read_item::<Campaign>(item)?);
            }
        }
        cursor = api.next_cursor(page, cursor.as_deref())?;
        if cursor.is_none() {
            break;
        }
    }
    if !json {
        table::list(&campaigns, &mut io::stdout().lock())?;
    }
    Ok(())
}

async fn cancel(api: &mut Api, id: &str, revoke: bool, dry_run: bool, json: bool) -> Result<(), Failure> {
    let reply = api.post(&path(id, &format!("/cancel?revoke={revoke}&dry_run={dry_run}")), Bytes::new()).await?;
    show(api, &reply, json, |campaign, out| {
        let id = &campaign.id;
        match (dry_run, revoke) {
            (false, false) => writeln!(out, "{id} takes no claims any more; the coupons it issued stay redeemable"),
            (false, true) => writeln!(out, "{id} takes no claims any more, and every coupon it issued is void"),
            (true, false) => {
                writeln!(out, "Nothing was done. Cancelled, it would be as below, its issued coupons redeemable")
            }
            (true, true) => writeln!(out, "Nothing was done. Cancelled, it would be as below, its issued coupons void"),
        }
    })
}
