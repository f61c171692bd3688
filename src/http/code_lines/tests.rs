//! What uploaded codes are taken, wherever the pieces of a body end, and how the others are refused.

use std::convert::Infallible;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

use super::CodeFormat::{Csv, Ndjson};
use super::*;

/// What a body leads to: its codes, and how it ended.
type Read = (Vec<String>, Result<u64, CodeLinesError<Infallible>>);

fn read<'p>(format: CodeFormat, pieces: impl IntoIterator<Item = &'p [u8]>) -> Read {
    let mut codes = Vec::new();
    let mut take = |code: &str| {
        codes.push(code.to_owned());
        Ok(())
    };
    let mut lines = CodeLines::new(format);
    let fed = pieces.into_iter().try_for_each(|piece| lines.push(piece, &mut take));
    let end = fed.and_then(|()| lines.finish(&mut take));
    (codes, end)
}

fn whole(format: CodeFormat, body: &[u8]) -> Read {
    read(format, [body])
}

fn taken(format: CodeFormat, body: &[u8], expected: &[&str]) {
    let (codes, end) = whole(format, body);
    assert!(end.is_ok(), "{end:?}: {}", String::from_utf8_lossy(body));
    assert_eq!(codes, expected, "{}", String::from_utf8_lossy(body));
}

/// One fault, in this line, at this pointer, whose detail says this.
fn refused(format: CodeFormat, body: &[u8], line: u64, pointer: &str, detail: &str) {
    let text = String::from_utf8_lossy(body);
    let Err(CodeLinesError::Invalid { line: found, faults }) = whole(format, body).1 else { panic!("taken: {text}") };
    let [fault] = &faults[..] else { panic!("{faults:?}: {text}") };
    assert_eq!((found, fault.pointer.as_str()), (line, pointer), "{faults:?}: {text}");
    assert!(fault.detail.starts_with(&format!("line {line}: ")), "{faults:?}: {text}");
    assert!(fault.detail.contains(detail), "{faults:?}: {text}");
}

#[test]
fn ndjson_is_read() {
    taken(Ndjson, b"", &[]);
    taken(Ndjson, br#"{"code":"A-1"}"#, &["A-1"]);
    taken(Ndjson, b"\xef\xbb\xbf{\"code\":\"a\"}\r\n { \"code\" : \"\\u00e9\\\"\" } \n\r\n", &["a", "é\""]);
    taken(Ndjson, b"{\"code\":\"code\"}\n{\"code\":\"code\"}\n", &["code", "code"]);
}

#[test]
fn ndjson_faults_are_named() {
    let refused = |body: &str, line, pointer, detail| refused(Ndjson, body.as_bytes(), line, pointer, detail);
    refused("{\"code\":\"a\"}\n{\"code\":1}\n", 2, "/code", "must be a string, not a number");
    refused("{\"code\":\"a\"}\n{}", 2, "/code", "is missing");
    refused(r#"{"code":"a","code":"b"}"#, 1, "/code", "more than once");
    refused(r#"{"code":"a","color":1}"#, 1, "/color", "no field that this call knows");
    refused(r#"{"code":""}"#, 1, "/code", "1 to 128 bytes");
    refused(&format!(r#"{{"code":"{}"}}"#, "x".repeat(129)), 1, "/code", "1 to 128 bytes");
    refused(r#"{"code":"a\nb"}"#, 1, "/code", "control characters");
    refused(r#"{"code":null}"#, 1, "/code", "not null");
    refused(r#"[{"code":"a"}]"#, 1, "", "must be an object");
    refused(r#" ["a"]"#, 1, "", "must be an object");
    refused(r#"{"code":"a"} {"code":"b"}"#, 1, "", "is not JSON");
    refused("{\"code\":\n\"a\"}", 1, "", "is not JSON");
    refused("{\"code\":\"a\"}\n \n", 2, "", "is not JSON");
}

#[test]
fn ndjson_is_utf8() {
    refused(Ndjson, b"{\"code\":\"\xff\"}", 1, "", "is not JSON");
}

#[test]
fn csv_is_read() {
    taken(Csv, b"", &[]);
    taken(Csv, b"A-1", &["A-1"]);
    taken(Csv, b"code\r\nA-1\r\nA-2\r\n\r\n", &["A-1", "A-2"]);
    taken(Csv, b"\xef\xbb\xbf\"Code\"\nA-1\ncode\n", &["A-1", "code"]);
    taken(Csv, b"codes\n a \n", &["codes", " a "]);
    taken(Csv, b"\"a,b\"\n\"a\"\"b\"\"\"\n\"\"\"\"\n\"c\"\n", &["a,b", "a\"b\"", "\"", "c"]);
    taken(Csv, "é\n\u{1f337}".as_bytes(), &["é", "\u{1f337}"]);
}

#[test]
fn csv_faults_are_named() {
    refused(Csv, b"code\na,b\n", 2, "", "one column");
    refused(Csv, b"a,", 1, "", "one column");
    refused(Csv, b"\"a\",\"b\"", 1, "", "one column");
    refused(Csv, b"a\"b\n", 1, "", "does not begin with one");
    refused(Csv, b"\"a\"b\n", 1, "", "behind the closing quote");
    refused(Csv, b"\"a\nb\"\n", 1, "", "not closed");
    refused(Csv, b"\"a\"\"\n", 1, "", "not closed");
    refused(Csv, b"\"\"\n", 1, "", "1 to 128 bytes");
    refused(Csv, b"a\rb\n", 1, "", "control characters");
    refused(Csv, b"a\r\r\n", 1, "", "control characters");
    refused(Csv, b"a\n\xff\n", 2, "", "is not UTF-8");
    refused(Csv, b"a\n\xef\xbb\xbf\x07\n", 2, "", "control characters");
}

#[test]
fn only_one_empty_line_and_only_the_last() {
    for format in [Ndjson, Csv] {
        taken(format, b"\n", &[]);
        refused(format, b"\n\n", 1, "", "is empty");
        refused(format, b"\r\n\r", 1, "", "is empty");
        refused(format, b"\xef\xbb\xbf\nx", 1, "", "is empty");
    }
    refused(Csv, b"a\n\nb\n", 2, "", "is empty");
    refused(Ndjson, b"{\"code\":\"a\"}\r\n\r\n{\"code\":\"b\"}", 2, "", "is empty");
}

#[test]
fn a_line_is_bounded() {
    let line = |bytes: usize| format!("{{\"code\":\"a\"}}{}", " ".repeat(bytes - 12));
    for end in ["", "\n", "\r\n", "\r\n\r\n"] {
        let body = format!("\u{feff}{}{end}", line(LINE_BYTES_MAX));
        taken(Ndjson, body.as_bytes(), &["a"]);
        let body = format!("{}\n{}{end}", line(20), line(LINE_BYTES_MAX + 1));
        assert_eq!(whole(Ndjson, body.as_bytes()).1, Err(CodeLinesError::TooLong { line: 2 }));
    }
    // An endless line is refused before its end, and never kept.
    let mut lines = CodeLines::new(Csv);
    let refused = (0..3).find_map(|_| lines.push(&[b'x'; 1_000], |_| Ok::<(), Infallible>(())).err());
    assert_eq!(refused, Some(CodeLinesError::TooLong { line: 1 }));
    assert!(lines.unfinished.capacity() < 4 * LINE_BYTES_MAX);
}

#[test]
fn who_takes_the_codes_can_stop_it() {
    let mut count = 0;
    let take = |code: &str| {
        count += 1;
        if code == "b" { Err("no more") } else { Ok(()) }
    };
    let stopped = CodeLines::new(Csv).push(b"code\na\nb\nc\n", take);
    assert_eq!(stopped, Err(CodeLinesError::NotTaken { line: 3, cause: "no more" }));
    assert_eq!(count, 2);
}

/// Bodies, good and bad, that come to the same wherever they are cut.
#[test]
fn it_does_not_matter_where_pieces_end() {
    let long = format!("a\n{}\nb", "x".repeat(LINE_BYTES_MAX + 4));
    let after_empty = format!("a\n\n{}", "x".repeat(LINE_BYTES_MAX + 5));
    let bodies: [(CodeFormat, &[u8]); 9] = [
        (Ndjson, "\u{feff}{\"code\":\"é\\u00e9\"}\r\n{\"code\":\"b\"}\n{\"code\":\"c\"}".as_bytes()),
        (Ndjson, b"{\"code\":\"a\"}\n\n{\"code\":\"b\"}\n"),
        (Ndjson, b"{\"code\":\"a\"}\n{\"code\":\"b\",\"x\":1}\n"),
        (Csv, "\u{feff}code\r\n\"a\"\"b\"\r\n\u{1f337}\r\n\r\n".as_bytes()),
        (Csv, b"a\n\"b\nc\"\n"),
        (Csv, b"a\r"),
        (Csv, b"a\n\xf0\x9f"),
        (Csv, long.as_bytes()),
        (Csv, after_empty.as_bytes()),
    ];
    for (format, body) in bodies {
        let expected = whole(format, body);
        for cut in 0..=body.len() {
            let (head, tail) = body.split_at(cut);
            assert_eq!(read(format, [head, tail]), expected, "{format:?}, cut at {cut}");
        }
        assert_eq!(read(format, body.chunks(1)), expected, "{format:?}, byte by byte");
    }
}

fn seeded() -> Config {
    let mut config = Config { failure_persistence: None, ..Config::default() };
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(0x1a2d_2054);
    }
    config
}

fn code() -> impl Strategy<Value = String> {
    "[\\PC\"',\u{e9}]{1,32}".prop_filter("a valid code", |code| check_code(code).is_ok())
}

proptest! {
    #![proptest_config(seeded())]

    #[test]
    fn codes_come_back_as_they_were_written(
        codes in prop::collection::vec(code(), 0..20), end in prop::sample::select(vec!["\n", "\r\n"]), size in 1..40usize,
    ) {
        let json = |code: &String| format!("{}{end}", serde_json::json!({ "code": code }));
        let quoted = |code: &String| format!("\"{}\"{end}", code.replace('"', "\"\""));
        let ndjson: String = codes.iter().map(json).collect();
        let csv: String = std::iter::once(format!("code{end}")).chain(codes.iter().map(quoted)).collect();
        let (found, _) = read(Ndjson, ndjson.as_bytes().chunks(size));
        prop_assert_eq!(&found, &codes);
        let (found, _) = read(Csv, csv.as_bytes().chunks(size));
        prop_assert_eq!(&found, &codes);
    }

    #[test]
    fn any_bytes_come_to_the_same_in_any_pieces(body in "[\\PC\n\r\",a-c{}:\u{feff}]{0,40}", size in 1..10usize, csv: bool) {
        let format = if csv { Csv } else { Ndjson };
        prop_assert_eq!(read(format, body.as_bytes().chunks(size)), whole(format, body.as_bytes()));
    }

    #[test]
    fn garbage_is_read_or_refused_with_a_reason(body: Vec<u8>, csv: bool) {
        let (codes, end) = whole(if csv { Csv } else { Ndjson }, &body);
        prop_assert!(codes.iter().all(|code| check_code(code).is_ok()));
        if let Err(CodeLinesError::Invalid { faults, .. }) = end {
            prop_assert!(!faults.is_empty());
        }
    }
}
