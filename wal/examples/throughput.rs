//! Appends small records through one thread, each batch acknowledged only when it is durable, then replays them:
//! `cargo run --release -p landrush-wal --example throughput -- [directory] [records] [batch]`.

use std::error::Error;
use std::time::Instant;

use landrush_wal::log::Log;
use landrush_wal::lsn::Lsn;
use landrush_wal::options::LogOptions;
use landrush_wal::records::Records;
use landrush_wal::recovery::acquire;
use landrush_wal::status::Histogram;
use landrush_wal::storage::file::{Backend, Direct, FileStorage};

const RECORD_BYTES: usize = 40;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let root = arguments.next().unwrap_or_else(|| "throughput-data".to_owned());
    let total: u64 = arguments.next().map_or(Ok(3_000_000), |count| count.parse())?;
    let only: Option<u64> = arguments.next().map(|batch| batch.parse()).transpose()?;
    for (backend, direct) in
        [(Backend::Auto, Direct::Auto), (Backend::Auto, Direct::Off), (Backend::Thread, Direct::Off)]
    {
        for batch in only.map_or(vec![1, 16, 64, 256, 1024, 8192], |batch| vec![batch]) {
            let count = total.min(batch * 20_000);
            let directory = format!("{root}/{backend:?}-{direct:?}-{batch}");
            let storage = FileStorage::new(&directory).with_backend(backend).with_direct(direct);
            append(storage.clone(), batch, count)?;
            replay(storage)?;
            std::fs::remove_dir_all(&directory)?;
        }
    }
    Ok(())
}

fn options() -> LogOptions {
    LogOptions::default()
}

fn append(storage: FileStorage, batch: u64, count: u64) -> Result<(), Box<dyn Error>> {
    // Nothing here is secret: any bytes do.
    let started = acquire(storage, options(), |bytes| bytes.fill(7))?.start()?;
    let (mut log, preparer) = (started.log, started.preparer);
    let preparing = std::thread::spawn(move || preparer.run(|error| eprintln!("no next segment: {error}")));
    let mut records = Records::new();
    for _ in 0..batch {
        records.push(|bytes| bytes.extend_from_slice(&[42; RECORD_BYTES]));
    }
    let status = log.status();
    let (mut appended, mut durable) = (Lsn::ZERO, Lsn::ZERO);
    let start = Instant::now();
    // As many as a busy shard has waiting: two batches being written, one filling.
    while durable < Lsn(count) {
        while appended.0 < count && appended.0 - durable.0 < 3 * batch && status.accepts() {
            appended = log.append(&records);
        }
        let before = durable;
        durable = log.pump()?;
        // A pump may be what finds that there is room again.
        if durable == before && (appended > durable || !status.accepts()) {
            log.wait(None);
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let (sync_us, total_us) = status.counters().sync_us.snapshot();
    let frames: u64 = sync_us.iter().map(|(_, frames)| frames).sum();
    println!(
        "{:45} batch {batch:5}: {:9.0} records/s, {:6.0} frames/s, write p50 < {} us, mean {} us, {:.1} bytes a record",
        log.backend(),
        per_second(count, seconds),
        per_second(frames, seconds),
        median(&sync_us, frames).map_or("?".to_owned(), |bound| bound.to_string()),
        total_us / frames.max(1),
        per_second(status.counters().bytes.load(std::sync::atomic::Ordering::Relaxed), per_second(count, 1.0)),
    );
    log.close()?;
    drop(log);
    preparing.join().map_err(|_| "the preparer panicked")?;
    Ok(())
}

fn replay(storage: FileStorage) -> Result<(), Box<dyn Error>> {
    let mut tenure = acquire(storage, options(), |bytes| bytes.fill(8))?;
    let mut bytes_seen = 0usize;
    let start = Instant::now();
    let recovered = tenure.replay::<std::convert::Infallible>(
        Lsn::ZERO,
        &mut |_, record| {
            bytes_seen += record.len();
            Ok(())
        },
        &mut |_| {},
    )?;
    let seconds = start.elapsed().as_secs_f64();
    println!("{:45} replay: {:12.0} records/s, {bytes_seen} bytes", "", per_second(recovered.records, seconds));
    Ok(())
}

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
fn per_second(count: u64, seconds: f64) -> f64 {
    count as f64 / seconds
}

fn median(buckets: &[(Option<u64>, u64); Histogram::BUCKETS], total: u64) -> Option<u64> {
    let mut seen = 0;
    let half = |count: u64| {
        seen += count;
        seen * 2 >= total
    };
    let mut half = half;
    buckets.iter().find(|(_, count)| half(*count)).and_then(|(bound, _)| *bound)
}
