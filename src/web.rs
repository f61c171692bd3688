//! Owns the files that browsers load: pages, styles, scripts, the client module. A release build carries them in its binary; a
//! debug build reads them from `src/web/` at each request, so that an edit shows on reload. Who may ask for them, and under
//! which headers, is [`http`](crate::http)'s affair.

use std::borrow::Cow;

use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "src/web/"]
struct Files;

/// A file as it is sent.
#[derive(Debug)]
pub(crate) struct WebFile {
    /// All of it.
    pub(crate) bytes: Cow<'static, [u8]>,
    /// What it is, for `Content-Type`.
    pub(crate) media_type: &'static str,
    /// Names the bytes: another tag, other bytes.
    pub(crate) entity_tag: String,
}

/// The file at `path` below `src/web/`; `None` if there is none, or it is of no kind that browsers are given.
pub(crate) fn file(path: &str) -> Option<WebFile> {
    let media_type = media_type(path)?;
    let embedded = Files::get(path)?;
    let hash = embedded.metadata.sha256_hash();
    let mut entity_tag = String::with_capacity(18);
    entity_tag.push('"');
    for byte in &hash[..8] {
        entity_tag.push_str(&format!("{byte:02x}"));
    }
    entity_tag.push('"');
    Some(WebFile { bytes: embedded.data, media_type, entity_tag })
}

/// A tag for bytes that are no file of ours.
pub(crate) fn entity_tag(bytes: &[u8]) -> String {
    let hash = siphasher::sip128::SipHasher13::new().hash(bytes);
    format!("\"{:016x}\"", hash.h1)
}

fn media_type(path: &str) -> Option<&'static str> {
    let (_, extension) = path.rsplit_once('.')?;
    Some(match extension {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "ts" => "text/plain; charset=utf-8",
        "md" => "text/markdown; charset=utf-8",
        "svg" => "image/svg+xml",
        "txt" => "text/plain; charset=utf-8",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_of_a_kind_that_browsers_are_given() {
        for path in Files::iter() {
            assert!(media_type(&path).is_some(), "{path}");
        }
    }

    #[test]
    fn other_bytes_have_another_tag_and_what_is_not_there_has_none() {
        let page = file("page/index.html").expect("the page");
        let client = file("client.js").expect("the client module");
        assert_ne!(page.entity_tag, client.entity_tag);
        for path in ["", "page", "page/", "page/none.html", "../web.rs", "page/../../lib.rs"] {
            assert!(file(path).is_none(), "{path}");
        }
    }
}
