//! Owns the upload of a shop's own coupon codes: streamed in, whole or not at all. The codes go to a file on a thread that may
//! wait for the disk; the shard is told once the file is there, and claims go on meanwhile.

use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper::http::request::Parts;
use landrush_engine::command::Command;
use landrush_engine::imported::{
    FinishError, ImportedCodes, PushError, StagedFile, UPLOAD_CODES_MAX, Upload, UploadError,
};
use landrush_engine::outcome::{Outcome, Refusal};

use super::answer::Answer;
use super::body::Pieces;
use super::claims;
use super::code_lines::{CodeFormat, CodeLines, CodeLinesError};
use super::json_text::JsonText;
use super::lane::Lane;
use super::problem::{Code, Problem};
use super::query::Query;
use super::upload::{self, Arriving};
use crate::app::Opened;

/// `POST /v1/campaigns/{id}/coupon-types/{type}/codes`.
pub(crate) async fn upload(
    lane: &Lane,
    opened: &Opened,
    id: &str,
    coupon_type: &str,
    parts: &Parts,
    body: Incoming,
) -> Result<Answer, Problem> {
    Query::parse(parts.uri.query(), &[])?;
    let mut pieces = Pieces::new(body, lane.app().config().http.body_timeout);
    let asked = begin(opened, id, coupon_type, &parts.headers);
    let (campaign, coupon_type, format) = asked.map_err(|problem| Problem { close: !pieces.is_end(), ..problem })?;
    let (number, codes) = (campaign.number(), opened.engine.imported_codes().clone());

    let work = move |arriving| {
        let upload = codes.upload(number, coupon_type).map_err(no_upload)?;
        write(upload, format, arriving)
    };
    let staged = upload::off_thread(&mut pieces, work).await?;
    hand_over(lane, opened, &campaign, coupon_type, staged).await
}

/// Checks all that can be known before the codes come.
fn begin(
    opened: &Opened,
    id: &str,
    coupon_type: &str,
    headers: &HeaderMap,
) -> Result<(std::sync::Arc<landrush_engine::published::Published>, landrush_engine::id::TypeIndex, CodeFormat), Problem>
{
    let format = format(headers).ok_or_else(|| {
        Problem::new(Code::UnsupportedMediaType, "send Content-Type: application/x-ndjson or text/csv")
    })?;
    let campaign = claims::living(opened, id)?;
    let definition = campaign.definition();
    let index = definition.coupon_type(coupon_type).ok_or_else(|| Problem::refused(Refusal::NoSuchCouponType))?;
    if definition.coupon_types[index.as_index()].codes == landrush_engine::campaign::CodeSource::Generated {
        return Err(Problem::refused(Refusal::CodesGenerated));
    }
    Ok((campaign, index, format))
}

fn format(headers: &HeaderMap) -> Option<CodeFormat> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Some(CodeFormat::Ndjson),
        "text/csv" => Some(CodeFormat::Csv),
        _ => None,
    }
}

/// Reads the codes and writes their file. Dropping the upload gives back what it has taken.
fn write(mut upload: Upload, format: CodeFormat, mut arriving: Arriving) -> Result<StagedFile, Problem> {
    let mut lines = CodeLines::new(format);
    while let Some(data) = arriving.next()? {
        lines.push(&data, |code| upload.push(code)).map_err(not_read)?;
    }
    lines.finish(|code| upload.push(code)).map_err(not_read)?;
    upload.finish().map_err(|error| match error {
        FinishError::Empty => Problem::invalid_field("", "holds no code"),
        FinishError::TooMany => too_many(),
        FinishError::File(error) => not_written(&error),
        // What a later engine may be unable to do is a fault of ours.
        other => not_written(&other),
    })
}

/// Has the shard hand the codes out from now on.
async fn hand_over(
    lane: &Lane,
    opened: &Opened,
    campaign: &landrush_engine::published::Published,
    coupon_type: landrush_engine::id::TypeIndex,
    mut staged: StagedFile,
) -> Result<Answer, Problem> {
    let file = staged.file();
    let command = Command::ImportCodes { campaign: campaign.number(), coupon_type, file, first: staged.first() };
    staged.submitted();
    let asked = lane.ask(&opened.engine, campaign.route(), command).await;
    let available = match asked {
        Ok(Outcome::CodesImported { available }) => available,
        Ok(other) => return Err(claims::unexpected(&other)),
        Err(problem) => {
            // Where the log may have taken it, the file stays: a restart finds out.
            if problem.code != Code::LogUnavailable {
                // It gives every code back, one by one.
                drop(tokio::task::spawn_blocking(move || staged.withdraw()).await);
            }
            return Err(problem);
        }
    };
    staged.commit();
    tracing::info!(campaign = %campaign.definition().id, codes = file.count, "codes imported");
    let body = lane.body(|out| {
        let mut json = JsonText::object(out);
        json.number("imported", u64::from(file.count));
        json.number("available", u64::from(available));
        json.end();
    });
    Ok(Answer::json(StatusCode::CREATED, body))
}

/// Forgets the codes of a campaign that was archived, and removes their files.
pub(crate) async fn release(codes: &ImportedCodes, campaign: landrush_engine::id::CampaignNumber) {
    let codes = codes.clone();
    let released = tokio::task::spawn_blocking(move || codes.release(campaign)).await;
    if let Ok(Err(error)) = released {
        // The next start removes them.
        tracing::warn!(%error, "the codes of an archived campaign cannot be removed");
    }
}

fn not_read(error: CodeLinesError<PushError>) -> Problem {
    match error {
        CodeLinesError::TooLong { line } => Problem::new(Code::TooLarge, format!("line {line} is longer than 1 KiB")),
        CodeLinesError::Invalid { faults, .. } => Problem::invalid(faults),
        CodeLinesError::NotTaken { line, cause: PushError::Duplicate { code } } => {
            Problem::new(Code::DuplicateCode, format!("line {line}: the code {code} is there already"))
        }
        CodeLinesError::NotTaken { cause: PushError::TooMany, .. } => too_many(),
        CodeLinesError::NotTaken { line, cause: PushError::Invalid(invalid) } => {
            Problem::invalid_field("/code", format!("line {line}: {invalid}"))
        }
        CodeLinesError::NotTaken { cause, .. } => not_written(&cause),
    }
}

fn too_many() -> Problem {
    Problem::new(Code::TooLarge, format!("one upload takes at most {UPLOAD_CODES_MAX} codes"))
}

fn no_upload(error: UploadError) -> Problem {
    not_written(&error)
}

fn not_written(error: &dyn std::fmt::Display) -> Problem {
    tracing::error!(%error, "codes cannot be stored");
    Problem::new(Code::LogUnavailable, "the codes cannot be stored; none of them was taken")
}
