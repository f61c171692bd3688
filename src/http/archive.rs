//! Owns the export that goes before an archive: every claim of the campaign in a file of one JSON object a line, on disk
//! before the engine forgets them.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use landrush_engine::command::{CLAIMS_PAGE_MAX, Command};
use landrush_engine::outcome::Outcome;
use landrush_engine::published::Published;

use super::lane::Lane;
use super::problem::{Code, Problem};
use super::{claims, code_upload};
use crate::app::Opened;

/// Exports and archives a campaign, or with `dry_run` only says whether it may be archived.
pub(crate) async fn archive(lane: &Lane, opened: &Opened, campaign: &Published, dry_run: bool) -> Result<(), Problem> {
    // Asked first, so that a campaign that still lives is not exported in vain.
    ask(lane, opened, campaign, true).await?;
    if dry_run {
        return Ok(());
    }
    let path = export(lane, opened, campaign).await?;
    ask(lane, opened, campaign, false).await?;
    lane.app().fraud().forget(campaign.number());
    code_upload::release(opened.engine.imported_codes(), campaign.number()).await;
    opened.companions.forget(campaign.number());
    let (lists, number) = (std::sync::Arc::clone(&opened.eligible), campaign.number());
    if let Ok(Err(error)) = tokio::task::spawn_blocking(move || lists.remove(number)).await {
        tracing::warn!(%error, "the list of an archived campaign cannot be removed");
    }
    tracing::info!(campaign = %campaign.definition().id, export = %path.display(), "campaign archived");
    Ok(())
}

async fn ask(lane: &Lane, opened: &Opened, campaign: &Published, dry_run: bool) -> Result<(), Problem> {
    let command = Command::Archive { campaign: campaign.number(), dry_run };
    let outcome = lane.ask(&opened.engine, campaign.route(), command).await?;
    let Outcome::Archived = outcome else { return Err(claims::unexpected(&outcome)) };
    Ok(())
}

/// Nothing can be claimed of a campaign that may be archived, so pages read one after the other are one whole.
async fn export(lane: &Lane, opened: &Opened, campaign: &Published) -> Result<PathBuf, Problem> {
    let directory = lane.app().config().data_dir.join("exports");
    let path = directory.join(format!("{}.ndjson", campaign.definition().id));
    let temporary = path.with_extension("new");
    let mut file = off_thread(&path, {
        let (directory, temporary) = (directory.clone(), temporary.clone());
        move || {
            fs::create_dir_all(&directory)?;
            File::create(&temporary)
        }
    })
    .await?;
    let mut after = None;
    loop {
        let command = Command::Claims { campaign: campaign.number(), after, limit: CLAIMS_PAGE_MAX };
        let (items, more) = claims::page(lane, opened, campaign, command).await?;
        let mut lines = Vec::new();
        for item in claims::issued(&items) {
            claims::write_line(&item.claim, item.user.as_str(), campaign, opened, &mut lines);
        }
        after = items.last().map(|item| item.claim.serial);
        file = off_thread(&path, move || file.write_all(&lines).map(|()| file)).await?;
        if !more {
            break;
        }
    }
    let renamed = path.clone();
    off_thread(&path, move || {
        file.sync_all()?;
        fs::rename(&temporary, &renamed)?;
        File::open(&directory)?.sync_all()
    })
    .await?;
    Ok(path)
}

/// Runs disk work where it holds up no socket.
async fn off_thread<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await.unwrap_or_else(|panic| Err(io::Error::other(panic)));
    done.map_err(|error| {
        tracing::error!(path = %path.display(), %error, "the export cannot be written");
        Problem::new(Code::Internal, "the export cannot be written; nothing was archived")
    })
}
