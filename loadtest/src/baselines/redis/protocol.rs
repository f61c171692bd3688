//! The Redis protocol, as far as claims and reading them back need it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::response::{Reply, ReplyError};

/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// The longest bulk string taken, in bytes.
const BULK_BYTES_MAX: usize = 64 << 20;

/// The answer to a claim at the start of `bytes`: status 200 with the text, or 500 with the error that Redis names.
///
/// # Errors
/// When it is neither a string nor an error.
pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Reply<'_>>, ReplyError> {
    let Some(end) = bytes.windows(2).position(|pair| pair == b"\r\n") else { return Ok(None) };
    let (line, after) = (bytes[1..end.max(1)].trim_ascii(), end + 2);
    let reply = |status, body, taken| Ok(Some(Reply { status, body, closes: false, taken }));
    match bytes.first() {
        Some(b'+') => reply(200, line, after),
        Some(b'-') => reply(500, line, after),
        Some(b'$') => {
            let length: usize =
                std::str::from_utf8(line).ok().and_then(|digits| digits.parse().ok()).ok_or(ReplyError::Redis)?;
            let Some(body) = after.checked_add(length).and_then(|end| bytes.get(after..end)) else { return Ok(None) };
            let taken = after + length + 2;
            if bytes.len() < taken { Ok(None) } else { reply(200, body, taken) }
        }
        Some(_) | None => Err(ReplyError::Redis),
    }
}

/// A command with `words`, as bytes.
pub(crate) fn command(words: &[&str]) -> String {
    let start = format!("*{}\r\n", words.len());
    words.iter().fold(start, |command, word| command + &format!("${}\r\n{word}\r\n", word.len()))
}

/// What Redis answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Nothing,
    Number(i64),
    Text(String),
    List(Vec<Value>),
}

/// A blocking connection for the few calls besides claims.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    /// Connects to `target`.
    ///
    /// # Errors
    /// When nobody listens there.
    pub(crate) fn open(target: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(target)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_WITHIN))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends a command and takes its answer.
    ///
    /// # Errors
    /// When Redis answers with an error or not at all.
    pub(crate) fn call(&mut self, words: &[&str]) -> Result<Value> {
        self.stream.get_mut().write_all(command(words).as_bytes())?;
        self.value().with_context(|| words.first().copied().unwrap_or_default().to_owned())
    }

    /// Sends a command whose answer is a number, as text or as itself.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn number(&mut self, words: &[&str]) -> Result<u64> {
        match self.call(words)? {
            Value::Number(number) => Ok(u64::try_from(number)?),
            Value::Text(text) => Ok(text.parse()?),
            other @ (Value::Nothing | Value::List(_)) => bail!("{other:?} is no number"),
        }
    }

    /// Sends a command whose answer is text.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn text(&mut self, words: &[&str]) -> Result<String> {
        match self.call(words)? {
            Value::Text(text) => Ok(text),
            other @ (Value::Nothing | Value::Number(_) | Value::List(_)) => bail!("{other:?} is no text"),
        }
    }

    fn value(&mut self) -> Result<Value> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let line = line.strip_suffix("\r\n").context("the connection ended before the answer did")?;
        let (kind, rest) = line.split_at_checked(1).context("an empty answer")?;
        match kind {
            "+" => Ok(Value::Text(rest.to_owned())),
            "-" => bail!("Redis answers {rest}"),
            ":" => Ok(Value::Number(rest.parse()?)),
            "$" | "*" if rest == "-1" => Ok(Value::Nothing),
            "$" => {
                let length: usize = rest.parse()?;
                ensure!(length <= BULK_BYTES_MAX, "a string of {length} bytes");
                let mut text = vec![0; length + 2];
                self.stream.read_exact(&mut text)?;
                text.truncate(length);
                Ok(Value::Text(String::from_utf8(text)?))
            }
            "*" => (0..rest.parse::<usize>()?).map(|_| self.value()).collect::<Result<_>>().map(Value::List),
            _ => bail!("an answer that begins with {kind:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claims_answer_is_incomplete_until_its_last_byte() {
        let answer = b"$8\r\nsold_out\r\n";
        for cut in 0..answer.len() {
            assert_eq!(parse(&answer[..cut]), Ok(None), "cut at {cut}");
        }
        let reply = parse(answer).expect("well formed").expect("complete");
        assert_eq!((reply.status, reply.body, reply.taken), (200, &b"sold_out"[..], answer.len()));
    }

    #[test]
    fn an_error_is_told_as_one_and_what_is_neither_is_refused() {
        let reply = parse(b"-NOSCRIPT no such script\r\n").expect("well formed").expect("complete");
        assert_eq!((reply.status, reply.body), (500, &b"NOSCRIPT no such script"[..]));
        for bad in [&b":1\r\n"[..], b"$-1\r\n", b"*1\r\n", b"\r\n"] {
            assert_eq!(parse(bad), Err(ReplyError::Redis), "{bad:?}");
        }
    }

    #[test]
    fn a_command_counts_its_words_and_their_bytes() {
        assert_eq!(command(&["GET", "c:left"]), "*2\r\n$3\r\nGET\r\n$6\r\nc:left\r\n");
    }
}
