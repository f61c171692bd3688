//! What lies on disk: over restarts, crashes, damage and releases.

use std::fs;

use landrush_engine::command::CodeFile;
use landrush_engine::id::{CodeFileId, TypeIndex};
use landrush_engine::imported::{AdoptError, Damage, FinishError, ImportedCodes};
use proptest::prelude::*;

use super::{CASH, GIFT, OTHER, begin, code, files, import, is_duplicate, new, only_file, open};
use crate::shop::{RUSH, seeded};

/// Written by another program, after the table in the documentation.
const GOLDEN: &[u8] = include_bytes!("../../golden/codes-1.bin");

#[test]
fn a_restart_finds_everything_again() {
    let (dir, codes) = new();
    let cash = [import(&codes, CASH, &["a", "b"]), import(&codes, CASH, &["c"])];
    let gift = import(&codes, GIFT, &["x"]);
    drop(codes);

    let codes = open(dir.path());
    assert_eq!(codes.find("a"), None);
    codes.adopt(RUSH, CASH, &cash[0]).expect("adopted");
    codes.adopt(RUSH, GIFT, &gift).expect("adopted");
    codes.adopt(RUSH, CASH, &cash[1]).expect("adopted");
    assert_eq!(codes.retire_unadopted().expect("nothing to do"), []);
    assert_eq!(codes.find("c"), Some((RUSH, CASH, 2)));
    assert_eq!((code(&codes, CASH, 1).as_deref(), code(&codes, GIFT, 0).as_deref()), (Some("b"), Some("x")));
    is_duplicate(begin(&codes, GIFT).push("b"), "b");
    let next = import(&codes, CASH, &["d"]);
    assert!(![cash[0].id, cash[1].id, gift.id].contains(&next.id), "no file is written over");
    assert_eq!(codes.find("d"), Some((RUSH, CASH, 3)));
}

#[test]
fn what_a_crash_left_behind_goes() {
    let (dir, codes) = new();
    let kept = import(&codes, CASH, &["a"]);
    // Renamed, and the crash came before the event.
    let lost = import(&codes, CASH, &["b"]);
    drop(codes);
    // Not even renamed; and something that is not ours.
    let directory = dir.path().join(ImportedCodes::DIRECTORY);
    fs::write(directory.join("00000000000000ff.new"), b"lr-codes torn").expect("written");
    fs::write(directory.join("README"), b"not ours").expect("written");

    let codes = open(dir.path());
    codes.adopt(RUSH, CASH, &kept).expect("adopted");
    assert_eq!(codes.retire_unadopted().expect("retired"), [lost.id]);
    let left = files(dir.path());
    assert_eq!(left, [directory.join("0000000000000000.codes"), directory.join("README")]);
    import(&codes, CASH, &["b"]);
    assert_eq!(codes.find("b"), Some((RUSH, CASH, 1)));
}

#[test]
fn a_file_that_the_log_names_and_is_missing_is_named() {
    let (dir, codes) = new();
    let file = import(&codes, CASH, &["a"]);
    let path = only_file(dir.path());
    fs::remove_file(&path).expect("removed");
    let codes = open(dir.path());
    let error = codes.adopt(RUSH, CASH, &file).expect_err("it is gone");
    assert!(matches!(error, AdoptError::Missing { .. }), "{error:?}");
    assert!(error.to_string().starts_with(path.to_str().expect("plain")), "{error}");
}

/// Any cut and any flipped bit is found, the file stays for whoever restores it, and nothing of it is taken.
#[test]
fn a_damaged_file_is_never_adopted_nor_removed() {
    let (dir, codes) = new();
    let file = import(&codes, CASH, &["SPRING-1", "SPRING-2", "é"]);
    let path = only_file(dir.path());
    let good = fs::read(&path).expect("read");
    let mut damaged: Vec<Vec<u8>> = (0..good.len()).map(|length| good[..length].to_vec()).collect();
    for bit in 0..good.len() * 8 {
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        damaged.push(bytes);
    }
    damaged.push([&good[..], b"\0"].concat());
    for bytes in damaged {
        fs::write(&path, &bytes).expect("written");
        let codes = open(dir.path());
        let error = codes.adopt(RUSH, CASH, &file).expect_err("it is damaged");
        assert!(matches!(error, AdoptError::Damaged { .. }), "{error:?}");
        assert!(error.to_string().starts_with(path.to_str().expect("plain")), "{error}");
        assert_eq!(codes.find("SPRING-1"), None);
        assert_eq!(codes.retire_unadopted().expect("nothing to do"), []);
        assert!(path.exists());
    }
    fs::write(&path, &good).expect("written");
    open(dir.path()).adopt(RUSH, CASH, &file).expect("it is good");
}

#[test]
fn a_good_file_in_the_wrong_place_is_not_adopted() {
    let (dir, codes) = new();
    let (one, two) = (import(&codes, CASH, &["a"]), import(&codes, CASH, &["b"]));
    let codes = open(dir.path());
    let other = |adopted: Result<(), AdoptError>, expected: Damage| {
        assert!(matches!(adopted, Err(AdoptError::Damaged { damage, .. }) if damage == expected), "{adopted:?}");
    };
    other(codes.adopt(RUSH, GIFT, &one), Damage::Other);
    other(codes.adopt(OTHER, CASH, &one), Damage::Other);
    other(codes.adopt(RUSH, CASH, &CodeFile { id: one.id, ..two }), Damage::Other);
    other(codes.adopt(RUSH, CASH, &CodeFile { count: 2, ..one }), Damage::Other);
    codes.adopt(RUSH, CASH, &one).expect("adopted");
    other(codes.adopt(RUSH, CASH, &one), Damage::Duplicate { position: 0 });
    assert_eq!(code(&codes, CASH, 0).as_deref(), Some("a"));
}

#[test]
fn files_are_written_as_ever() {
    let (dir, codes) = new();
    let mut upload = codes.upload(OTHER, TypeIndex(3)).expect("begun");
    for code in ["SPRING-1", "a,\"b\"", "\u{1f337}", &"x".repeat(128)] {
        upload.push(code).expect("taken");
    }
    upload.finish().expect("staged").commit();
    let written = fs::read(only_file(dir.path())).expect("read");
    assert_eq!(written, GOLDEN, "written now: {}", String::from_utf8_lossy(&written));
}

#[test]
fn files_of_every_released_format_are_read() {
    let (dir, codes) = new();
    fs::write(dir.path().join(ImportedCodes::DIRECTORY).join("0000000000000000.codes"), GOLDEN).expect("written");
    let hash = *GOLDEN[..GOLDEN.len() - 4].last_chunk().expect("it is longer");
    let file = CodeFile { id: CodeFileId(0), count: 4, hash };
    codes.adopt(OTHER, TypeIndex(3), &file).expect("adopted");
    assert_eq!(codes.find("\u{1f337}"), Some((OTHER, TypeIndex(3), 2)));
    assert_eq!(codes.code(OTHER, TypeIndex(3), 3).as_deref(), Some(&*"x".repeat(128)));
}

/// What a test does with an upload.
#[derive(Debug, Clone, Copy)]
enum End {
    Drop,
    DropStaged,
    Commit,
}

proptest! {
    #![proptest_config(seeded(64))]

    /// Against a list of what was committed: uploads that overlap, with ends of all kinds, and a restart after each.
    #[test]
    fn uploads_and_restarts_agree_with_a_plain_list(
        uploads in prop::collection::vec(
            (prop::collection::vec("[a-c\u{e9} ]{1,3}", 1..40), prop::sample::select(vec![End::Drop, End::DropStaged, End::Commit])),
            1..8,
        ),
    ) {
        let dir = tempfile::tempdir().expect("a directory");
        let mut expected: Vec<String> = Vec::new();
        let mut events: Vec<CodeFile> = Vec::new();
        for (texts, end) in uploads {
            let codes = open(dir.path());
            events.iter().for_each(|file| codes.adopt(RUSH, CASH, file).expect("adopted"));
            codes.retire_unadopted().expect("retired");
            let mut upload = begin(&codes, CASH);
            let mut mine: Vec<String> = Vec::new();
            for text in texts {
                let is_new = !expected.contains(&text) && !mine.contains(&text);
                prop_assert_eq!(upload.push(&text).is_ok(), is_new);
                if is_new {
                    mine.push(text);
                }
            }
            match end {
                End::Drop => drop(upload),
                End::DropStaged | End::Commit if mine.is_empty() => {
                    prop_assert!(matches!(upload.finish(), Err(FinishError::Empty)));
                }
                End::DropStaged => drop(upload.finish().expect("staged")),
                End::Commit => {
                    let staged = upload.finish().expect("staged");
                    prop_assert_eq!(staged.first() as usize, expected.len());
                    events.push(staged.file());
                    staged.commit();
                    expected.append(&mut mine);
                }
            }
            for (position, text) in (0..).zip(&expected) {
                prop_assert_eq!(code(&codes, CASH, position), Some(text.clone()));
                prop_assert_eq!(codes.find(text), Some((RUSH, CASH, position)));
            }
            prop_assert!(mine.iter().all(|text| codes.find(text).is_none()));
            prop_assert_eq!(files(dir.path()).len(), events.len());
        }
    }
}
