//! Owns what the body of an answer is made of: bytes that are there, as nearly always, a stream that is written as the
//! client takes it, or events.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::mpsc::Receiver;

use crate::live::Watcher;

/// The body of an answer.
#[derive(Debug)]
pub enum ReplyBody {
    /// All of it; `None` once it has been taken.
    Whole(Option<Bytes>),
    /// Pieces as they come. An error breaks the answer off, so that nobody takes half of it for the whole.
    Stream(Receiver<io::Result<Bytes>>),
    /// What is new whenever there is room for more. Boxed, since most answers have none.
    Events(Box<Watcher>),
}

impl ReplyBody {
    /// A body that is there.
    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self::Whole(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }

    /// Whether it is still being written.
    pub(crate) fn is_stream(&self) -> bool {
        match self {
            Self::Whole(_) => false,
            Self::Stream(_) | Self::Events(_) => true,
        }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Stream(pieces) => pieces.poll_recv(context).map(|piece| piece.map(|piece| piece.map(Frame::data))),
            Self::Events(watcher) => {
                watcher.poll_next(context).map(|piece| piece.map(|piece| Ok(Frame::data(piece.text()))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Stream(_) | Self::Events(_) => SizeHint::default(),
        }
    }
}
