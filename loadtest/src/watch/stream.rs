//! One event stream as bytes come: the head of the answer, its chunks, and the events in them.

use anyhow::{Result, bail, ensure};

/// The longest head, chunk or event that is taken, in bytes.
const PART_BYTES_MAX: usize = 256 * 1024;

/// Takes an event stream apart.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    has_head: bool,
    /// What has come of a head or a chunk that is not whole.
    raw: Vec<u8>,
    /// What has come of an event that is not whole.
    text: Vec<u8>,
}

impl Decoder {
    /// Takes `bytes` and hands the data of each event that they complete to `take`. Says whether the stream goes on.
    ///
    /// # Errors
    /// When the answer is not that of an event stream, or is not well formed.
    pub(super) fn feed(&mut self, bytes: &[u8], mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<bool> {
        self.raw.extend_from_slice(bytes);
        if !self.has_head && !self.head()? {
            return Ok(true);
        }
        let mut at = 0;
        let goes_on = loop {
            let Some((body, taken)) = chunk(&self.raw[at..])? else { break true };
            if body.is_empty() {
                break false;
            }
            self.text.extend_from_slice(body);
            at += taken;
        };
        self.raw.drain(..at);
        ensure!(self.raw.len().max(self.text.len()) <= PART_BYTES_MAX, "an event of more than {PART_BYTES_MAX} bytes");
        let mut at = 0;
        while let Some(length) = find(&self.text[at..], b"\n\n") {
            let event = &self.text[at..at + length];
            at += length + 2;
            for data in event.split(|byte| *byte == b'\n').filter_map(|line| line.strip_prefix(b"data: ")) {
                take(data)?;
            }
        }
        self.text.drain(..at);
        Ok(goes_on)
    }

    /// Reads the head, if all of it is there.
    fn head(&mut self) -> Result<bool> {
        let Some(length) = find(&self.raw, b"\r\n\r\n") else { return Ok(false) };
        let head = String::from_utf8_lossy(&self.raw[..length]).to_ascii_lowercase();
        if !head.starts_with("http/1.1 200 ") || !head.contains("content-type: text/event-stream") {
            bail!("a watcher was answered {:?}", head.lines().next().unwrap_or_default());
        }
        ensure!(head.contains("transfer-encoding: chunked"), "an event stream that does not come in chunks");
        self.raw.drain(..length + 4);
        self.has_head = true;
        Ok(true)
    }
}

/// The first chunk of `bytes` and how many bytes it takes, if all of it is there. The last one is empty.
fn chunk(bytes: &[u8]) -> Result<Option<(&[u8], usize)>> {
    let Some(digits) = find(bytes, b"\r\n") else { return Ok(None) };
    let length = std::str::from_utf8(&bytes[..digits]).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
    let Some(length) = length.filter(|length| *length <= PART_BYTES_MAX) else { bail!("a chunk without a length") };
    let begin = digits + 2;
    let Some(body) = bytes.get(begin..begin + length) else { return Ok(None) };
    match bytes.get(begin + length..begin + length + 2) {
        Some(b"\r\n") => Ok(Some((body, begin + length + 2))),
        Some(_) => bail!("a chunk that does not end where it said"),
        None => Ok(None),
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\nx: y\r\n\r\n";

    fn feed(decoder: &mut Decoder, bytes: &[u8]) -> Result<(Vec<String>, bool)> {
        let mut data = Vec::new();
        let goes_on = decoder.feed(bytes, |event| {
            data.push(String::from_utf8(event.to_vec())?);
            Ok(())
        })?;
        Ok((data, goes_on))
    }

    #[test]
    fn events_are_found_wherever_the_bytes_are_cut() {
        // Two events, a comment in between, and a chunk that ends in the middle of an event.
        let stream = format!(
            "{HEAD}10\r\nretry: 1\n\ndata: \r\nb\r\n1\nid: 7\n\n:\n\r\n9\r\n\ndata: 2\n\r\n1\r\n\n\r\n0\r\n\r\n"
        );
        for cut in 0..stream.len() {
            let mut decoder = Decoder::default();
            let (mut data, _) = feed(&mut decoder, &stream.as_bytes()[..cut]).expect("well formed");
            let (rest, goes_on) = feed(&mut decoder, &stream.as_bytes()[cut..]).expect("well formed");
            data.extend(rest);
            assert_eq!((data, goes_on), (vec!["1".to_owned(), "2".to_owned()], false), "cut at {cut}");
        }
    }

    #[test]
    fn what_is_no_event_stream_is_refused() {
        for bad in ["HTTP/1.1 503 Service Unavailable\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n"] {
            assert!(feed(&mut Decoder::default(), bad.as_bytes()).is_err(), "{bad}");
        }
        for bad in ["x\r\n", "1\r\nab\r\n", "ffffffff\r\n"] {
            assert!(feed(&mut Decoder::default(), format!("{HEAD}{bad}").as_bytes()).is_err(), "{bad}");
        }
    }
}
