//! The shops' own codes: whole or not at all, none twice, found again after a restart, over every crash in between.

mod files;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;

use landrush_engine::command::CodeFile;
use landrush_engine::id::{CampaignNumber, InvalidId, TypeIndex};
use landrush_engine::imported::{FinishError, ImportedCodes, PushError, StagedFile, UPLOAD_CODES_MAX, Upload};
use tempfile::TempDir;

use crate::shop::RUSH;

const OTHER: CampaignNumber = CampaignNumber(258);
const CASH: TypeIndex = TypeIndex(0);
const GIFT: TypeIndex = TypeIndex(1);

fn open(dir: &Path) -> ImportedCodes {
    ImportedCodes::open(&dir.join(ImportedCodes::DIRECTORY), &[7; 16]).expect("opened")
}

fn new() -> (TempDir, ImportedCodes) {
    let dir = tempfile::tempdir().expect("a directory");
    let codes = open(dir.path());
    (dir, codes)
}

fn begin(codes: &ImportedCodes, coupon_type: TypeIndex) -> Upload {
    codes.upload(RUSH, coupon_type).expect("begun")
}

fn stage(codes: &ImportedCodes, coupon_type: TypeIndex, texts: &[&str]) -> StagedFile {
    let mut upload = begin(codes, coupon_type);
    texts.iter().for_each(|text| upload.push(text).expect("taken"));
    upload.finish().expect("staged")
}

fn import(codes: &ImportedCodes, coupon_type: TypeIndex, texts: &[&str]) -> CodeFile {
    let mut staged = stage(codes, coupon_type, texts);
    let file = staged.file();
    staged.submitted();
    staged.commit();
    file
}

fn is_duplicate(pushed: Result<(), PushError>, expected: &str) {
    assert!(matches!(&pushed, Err(PushError::Duplicate { code }) if **code == *expected), "{pushed:?}");
}

fn code(codes: &ImportedCodes, coupon_type: TypeIndex, position: u32) -> Option<String> {
    codes.code(RUSH, coupon_type, position).map(|code| code.as_str().to_owned())
}

/// What lies in the directory of the codes, in order.
fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir.join(ImportedCodes::DIRECTORY)).expect("there");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    paths.sort();
    paths
}

/// The only file there is.
fn only_file(dir: &Path) -> PathBuf {
    let files = files(dir);
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

#[test]
fn codes_are_counted_over_all_uploads_of_their_type() {
    let (_dir, codes) = new();
    import(&codes, CASH, &["a", "b"]);
    import(&codes, GIFT, &["x"]);
    import(&codes, CASH, &["c"]);
    let cash: Vec<_> = (0..4).map(|position| code(&codes, CASH, position)).collect();
    assert_eq!(cash, [Some("a".into()), Some("b".into()), Some("c".into()), None]);
    assert_eq!((code(&codes, GIFT, 0).as_deref(), code(&codes, TypeIndex(2), 0)), (Some("x"), None));
    assert_eq!(codes.find("c"), Some((RUSH, CASH, 2)));
    assert_eq!(codes.find("x"), Some((RUSH, GIFT, 0)));
    assert_eq!((codes.find("C"), codes.find("c "), codes.find("")), (None, None, None));
}

#[test]
fn what_is_no_code_is_refused_and_the_upload_goes_on() {
    let (_dir, codes) = new();
    let mut upload = begin(&codes, CASH);
    for bad in ["", &"x".repeat(129), &"é".repeat(65)] {
        let length = matches!(upload.push(bad), Err(PushError::Invalid(InvalidId::Length { bytes_max: 128 })));
        assert!(length, "{bad}");
    }
    for bad in ["a\n", "\0", "a\u{85}b"] {
        assert!(matches!(upload.push(bad), Err(PushError::Invalid(InvalidId::Character { .. }))), "{bad:?}");
    }
    upload.push(&"x".repeat(128)).expect("taken");
    upload.push("é \u{1f337}").expect("taken");
    upload.finish().expect("staged").commit();
    assert_eq!(code(&codes, CASH, 1).as_deref(), Some("é \u{1f337}"));
}

#[test]
fn an_upload_of_nothing_is_refused() {
    let (dir, codes) = new();
    assert!(matches!(begin(&codes, CASH).finish(), Err(FinishError::Empty)));
    assert_eq!(files(dir.path()).len(), 0);
}

#[test]
fn a_code_is_never_taken_twice() {
    let (_dir, codes) = new();
    let mut first = begin(&codes, CASH);
    first.push("a").expect("taken");
    is_duplicate(first.push("a"), "a");

    // Against one under way, one staged, one committed; of the same type, another, another campaign's.
    let mut second = begin(&codes, CASH);
    is_duplicate(second.push("a"), "a");
    second.push("b").expect("taken");
    is_duplicate(first.push("b"), "b");
    let staged = first.finish().expect("staged");
    is_duplicate(second.push("a"), "a");
    staged.commit();
    is_duplicate(second.push("a"), "a");
    is_duplicate(codes.upload(OTHER, GIFT).expect("begun").push("a"), "a");

    // What was refused is not in it.
    second.finish().expect("staged").commit();
    assert_eq!((code(&codes, CASH, 1).as_deref(), code(&codes, CASH, 2)), (Some("b"), None));
}

#[test]
fn what_is_dropped_gives_everything_back() {
    let (dir, codes) = new();
    let mut upload = begin(&codes, CASH);
    upload.push("a").expect("taken");
    assert_eq!((codes.find("a"), code(&codes, CASH, 0)), (None, None), "an upload under way is not seen");
    drop(upload);
    assert_eq!(files(dir.path()).len(), 0);

    let staged = stage(&codes, CASH, &["a", "b"]);
    assert_eq!(codes.find("b"), Some((RUSH, CASH, 1)), "a claim may show it before its uploader hears of the event");
    assert_eq!(code(&codes, CASH, 1).as_deref(), Some("b"));
    drop(staged);
    assert_eq!((codes.find("b"), code(&codes, CASH, 1)), (None, None));
    assert_eq!(files(dir.path()).len(), 0);

    let mut staged = stage(&codes, CASH, &["b", "a"]);
    staged.submitted();
    staged.withdraw();
    assert_eq!(files(dir.path()).len(), 0);

    import(&codes, CASH, &["b"]);
    assert_eq!(codes.find("b"), Some((RUSH, CASH, 0)));
}

/// A caller that hangs up must not take away what an event may name by now.
#[test]
fn what_was_submitted_outlives_its_uploader() {
    let (dir, codes) = new();
    let mut staged = stage(&codes, CASH, &["a"]);
    let file = staged.file();
    staged.submitted();
    drop(staged);
    assert_eq!(code(&codes, CASH, 0).as_deref(), Some("a"));
    drop(codes);
    let codes = open(dir.path());
    codes.adopt(RUSH, CASH, &file).expect("it is there");
}

#[test]
fn uploads_of_one_type_are_staged_one_at_a_time() {
    let (_dir, codes) = new();
    let first = stage(&codes, CASH, &["a", "b"]);
    let mut waiting = begin(&codes, CASH);
    waiting.push("c").expect("taken");
    // Another type does not wait.
    assert_eq!(stage(&codes, GIFT, &["x"]).first(), 0);
    let (sender, staged) = mpsc::channel();
    let uploader = thread::spawn(move || sender.send(waiting.finish().expect("staged")));
    assert!(staged.try_recv().is_err());
    first.commit();
    let second = staged.recv().expect("its turn comes");
    assert_eq!((second.first(), second.file().count, code(&codes, CASH, 2).as_deref()), (2, 1, Some("c")));
    drop(second);
    assert_eq!(stage(&codes, CASH, &["d"]).first(), 2);
    uploader.join().expect("it ended").expect("it was heard");
}

#[test]
fn an_upload_is_bounded() {
    let (_dir, codes) = new();
    let mut upload = begin(&codes, CASH);
    for number in 0..UPLOAD_CODES_MAX {
        upload.push(&number.to_string()).expect("taken");
    }
    assert!(matches!(upload.push("one more"), Err(PushError::TooMany)));
    assert_eq!(upload.finish().expect("staged").file().count, 1_000_000);
}

/// The index and all else beside the texts; the texts of a million codes themselves come to 16 MB here.
#[test]
fn a_code_costs_less_than_24_bytes_beside_its_text() {
    // At their emptiest, just after the index has grown, and full.
    for count in [920_000, 1_000_000_usize] {
        let (_dir, codes) = new();
        let empty = codes.memory_bytes();
        let mut upload = begin(&codes, CASH);
        (0..count).for_each(|number| upload.push(&format!("SPRING-{number:09}")).expect("taken"));
        upload.finish().expect("staged").commit();
        let used = codes.memory_bytes() - count * "SPRING-000000000".len();
        assert!(used < 24 * count, "{} bytes a code, {count} codes", used / count);
        codes.release(RUSH).expect("released");
        assert!(codes.memory_bytes() <= empty + 1_000, "{} bytes are left", codes.memory_bytes());
    }
}

#[test]
fn release_frees_a_campaign_and_no_other() {
    let (dir, codes) = new();
    import(&codes, CASH, &["a"]);
    import(&codes, GIFT, &["b"]);
    let mut other = codes.upload(OTHER, CASH).expect("begun");
    other.push("c").expect("taken");
    other.finish().expect("staged").commit();
    let shown = codes.code(RUSH, CASH, 0).expect("there");
    let staged = stage(&codes, CASH, &["d"]);

    codes.release(RUSH).expect("released");
    assert_eq!((codes.find("a"), codes.find("b"), code(&codes, CASH, 0)), (None, None, None));
    assert_eq!(codes.find("c"), Some((OTHER, CASH, 0)));
    assert_eq!(&*shown, "a", "whoever looks at it keeps it");
    drop(staged);
    assert_eq!(codes.find("d"), None);
    assert!(only_file(dir.path()).ends_with("0000000000000002.codes"));
    import(&codes, CASH, &["a", "d"]);
    assert_eq!(codes.find("d"), Some((RUSH, CASH, 1)));
}

#[test]
fn a_failing_disk_leaves_nothing_behind() {
    let (dir, codes) = new();
    let mut upload = begin(&codes, CASH);
    upload.push("a").expect("taken");
    let directory = dir.path().join(ImportedCodes::DIRECTORY);
    fs::remove_dir_all(&directory).expect("removed");
    let error = upload.finish().expect_err("it cannot be renamed");
    assert!(matches!(&error, FinishError::File(error) if error.path.starts_with(&directory)), "{error:?}");
    assert!(codes.upload(RUSH, CASH).is_err());
    fs::create_dir(&directory).expect("made");
    import(&codes, CASH, &["a"]);
    assert_eq!(codes.find("a"), Some((RUSH, CASH, 0)));
}

/// Two uploads of the same codes at once, and readers beside them: each code goes to exactly one.
#[test]
fn racing_uploads_share_out_the_codes() {
    const CODES: u32 = 20_000;
    let (_dir, codes) = new();
    let spell = |number: u32| format!("code-{number}");
    let taken: Vec<u32> = thread::scope(|scope| {
        let uploader = |coupon_type, step: u32| {
            let codes = &codes;
            move || {
                let mut upload = begin(codes, coupon_type);
                // By steps that share no factor with the count, so that they meet everywhere.
                let taken = (0..CODES).filter(|n| upload.push(&spell(n * step % CODES)).is_ok()).count();
                assert_eq!(taken, upload.count() as usize);
                // The other one may have been through before this one began.
                if taken > 0 {
                    upload.finish().expect("staged").commit();
                }
                u32::try_from(taken).expect("small")
            }
        };
        let uploaders = [scope.spawn(uploader(CASH, 3)), scope.spawn(uploader(GIFT, 7))];
        for number in 0..CODES {
            if let Some((campaign, coupon_type, position)) = codes.find(&spell(number)) {
                let code = codes.code(campaign, coupon_type, position).expect("what is found is there");
                assert_eq!(&*code, spell(number));
            }
        }
        uploaders.into_iter().map(|uploader| uploader.join().expect("it ended")).collect()
    });
    assert_eq!(taken.iter().sum::<u32>(), CODES);
    for number in 0..CODES {
        let (_, coupon_type, position) = codes.find(&spell(number)).expect("one of them has it");
        assert_eq!(code(&codes, coupon_type, position), Some(spell(number)));
    }
}
