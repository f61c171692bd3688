//! Owns what operators and their machines ask: health, time, metrics.

use bytes::Bytes;
use hyper::StatusCode;

use super::answer::Answer;
use super::json_text::JsonText;
use super::lane::Lane;
use super::problem::Problem;
use super::reply_body::ReplyBody;
use crate::metrics;

/// `GET /livez`: the process runs and its I/O threads answer.
pub(crate) fn livez(_lane: &Lane) -> Answer {
    Answer::json(StatusCode::OK, Bytes::from_static(br#"{"status":"ok"}"#)).with("cache-control", "no-store")
}

/// `GET /readyz`: recovery is done, the log is sound, and no drain has begun.
pub(crate) fn readyz(lane: &Lane) -> Result<Answer, Problem> {
    super::opened(lane)?;
    Ok(Answer::json(StatusCode::OK, Bytes::from_static(br#"{"status":"ready"}"#)).with("cache-control", "no-store"))
}

/// `GET /v1/time`.
pub(crate) fn time(lane: &Lane) -> Answer {
    let body = lane.body(|out| {
        let mut json = JsonText::object(out);
        json.time("server_time", lane.now());
        json.end();
    });
    Answer::json(StatusCode::OK, body).with("cache-control", "no-store")
}

/// `GET /metrics`.
pub(crate) fn metrics(lane: &Lane) -> Answer {
    Answer {
        status: StatusCode::OK,
        media_type: Some(metrics::MEDIA_TYPE),
        body: ReplyBody::whole(Bytes::from(metrics::exposition(lane.app()))),
        headers: Vec::new(),
    }
}
