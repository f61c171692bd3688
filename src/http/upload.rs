//! Owns how the body of an upload reaches a thread that may wait for the disk: piece by piece, so that nothing of it is held whole, and
//! with an end, so that a body that breaks off is told from one that is over.

use tokio::sync::mpsc::{Receiver, channel};

use super::body::Pieces;
use super::problem::{Code, Problem};

/// Pieces of a body that wait for the thread that reads them.
const PIECES_WAITING_MAX: usize = 16;

/// What comes from the body.
enum Piece {
    Data(bytes::Bytes),
    /// Nothing follows. Without it the client has gone, and nothing is kept.
    End,
}

/// The body, as the other thread sees it.
pub(super) struct Arriving(Receiver<Piece>);

impl Arriving {
    /// The next piece; `None`: that was all. Waits for it.
    ///
    /// # Errors
    /// 400, if the body broke off.
    pub(super) fn next(&mut self) -> Result<Option<bytes::Bytes>, Problem> {
        match self.0.blocking_recv() {
            Some(Piece::Data(data)) => Ok(Some(data)),
            Some(Piece::End) => Ok(None),
            None => Err(Problem { close: true, ..Problem::new(Code::InvalidRequest, "the body broke off") }),
        }
    }
}

/// Runs `work` on a thread of its own while the body comes in.
///
/// # Errors
/// What `work` says, or that the body cannot be read.
pub(super) async fn off_thread<T: Send + 'static>(
    pieces: &mut Pieces,
    work: impl FnOnce(Arriving) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let (to_thread, from_body) = channel(PIECES_WAITING_MAX);
    let working = tokio::task::spawn_blocking(move || work(Arriving(from_body)));
    let read = async {
        while let Some(data) = pieces.next().await? {
            // Whoever works has ended early: the reason comes from there.
            if to_thread.send(Piece::Data(data)).await.is_err() {
                return Ok(());
            }
        }
        drop(to_thread.send(Piece::End).await);
        Ok::<(), Problem>(())
    };
    let read = read.await;
    drop(to_thread);
    let worked = working.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
    read?;
    worked.map_err(|problem| Problem { close: !pieces.is_end(), ..problem })
}
