//! Owns how the documentation goes out: the OpenAPI document, the three pages that show it, and the bundles that these load. What
//! the document says is [`openapi`](crate::openapi)'s affair; where the bundles come from is `build.rs`'s.

use std::sync::LazyLock;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::http::request::Parts;

use super::answer::{Answer, JSON};
use super::availability::not_modified;
use super::problem::{Code, Problem};
use super::reply_body::ReplyBody;
use super::route::Route;
use super::web_files;
use crate::{openapi, web};

/// The tools write their styles into the page; scripts come from files alone, and nothing from elsewhere.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A file that never changes while the program runs.
struct Fixed {
    media_type: &'static str,
    bytes: Bytes,
    entity_tag: String,
}

impl Fixed {
    fn new(media_type: &'static str, bytes: Bytes) -> Self {
        let entity_tag = web::entity_tag(&bytes);
        Self { media_type, bytes, entity_tag }
    }
}

static DOCUMENT: LazyLock<Fixed> = LazyLock::new(|| Fixed::new(JSON, openapi::document().to_string().into()));

macro_rules! bundles {
    ($($name:literal: $media_type:literal),+ $(,)?) => {
        /// The bundles by name, hashed when the first of them is asked for.
        static BUNDLES: LazyLock<Vec<(&str, Fixed)>> = LazyLock::new(|| {
            vec![$((
                $name,
                Fixed::new($media_type, Bytes::from_static(include_bytes!(concat!(env!("OUT_DIR"), "/bundles/", $name)))),
            )),+]
        });
    };
}

bundles! {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
    "redoc.standalone.js": "text/javascript; charset=utf-8",
    "rapidoc-min.js": "text/javascript; charset=utf-8",
}

/// The answer, if the route leads to the documentation: also while the log is still read back.
pub(crate) fn answer(route: Route<'_>, parts: &Parts) -> Option<Result<Answer, Problem>> {
    if let Route::OpenApi = route {
        Some(Ok(document(parts)))
    } else if let Route::DocsPage(name) = route {
        Some(page(name, parts))
    } else if let Route::DocsFile(name) = route {
        Some(file(name, parts))
    } else {
        None
    }
}

/// `GET /openapi.json`: made once, at the first call.
fn document(parts: &Parts) -> Answer {
    // Other origins may read it: it holds nothing secret, and tools on a developer's machine want it.
    fixed(&DOCUMENT, parts).with("access-control-allow-origin", "*")
}

/// `GET /swagger-ui`, `/redoc`, `/rapidoc`: the page called `name`.
fn page(name: &str, parts: &Parts) -> Result<Answer, Problem> {
    let answer = web_files::unguarded(&format!("docs/{name}.html"), parts)?;
    Ok(web_files::guarded_by(answer, CONTENT_SECURITY_POLICY))
}

/// `GET /assets/docs/{name}`: a bundle, or a file of ours beside it.
fn file(name: &str, parts: &Parts) -> Result<Answer, Problem> {
    match BUNDLES.iter().find(|(bundle, _)| *bundle == name) {
        Some((_, bundle)) => Ok(web_files::guarded_by(fixed(bundle, parts), CONTENT_SECURITY_POLICY)),
        // A page is served where it says, and only there.
        None if name.ends_with(".html") => Err(Problem::new(Code::NotFound, "no such path")),
        None => {
            let answer = web_files::unguarded(&format!("docs/{name}"), parts)?;
            Ok(web_files::guarded_by(answer, CONTENT_SECURITY_POLICY))
        }
    }
}

fn fixed(file: &Fixed, parts: &Parts) -> Answer {
    let answer = if not_modified(parts, &file.entity_tag) {
        Answer::empty(StatusCode::NOT_MODIFIED)
    } else {
        Answer {
            status: StatusCode::OK,
            media_type: Some(file.media_type),
            body: ReplyBody::whole(file.bytes.clone()),
            headers: Vec::new(),
        }
    };
    answer.with("etag", file.entity_tag.clone()).with("cache-control", "no-cache")
}
