//! What a load was told, in a form that can be handed to the one oracle, also from another process.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::answer::{Decision, Strange};
use crate::claims::returning::Returned;
use crate::recorder::Recorder;

/// What a user was told, where that matters to the oracle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Told {
    Decided(u64, Decision),
    Refused(u64, Cow<'static, str>),
    /// No answer, or one that says that it may have happened.
    Unknown(u64),
    Strange(u64, Strange),
}

/// Everything that one load, or a part of it, was told.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) recorder: Recorder,
    pub(crate) told: Vec<Told>,
    /// New wins.
    pub(crate) wins: u64,
    /// Who was told to come again and did.
    pub(crate) returned: Returned,
    /// How long after the beginning the last of them was told.
    pub(crate) last_win: Option<Duration>,
    /// Distinct users who have asked by now.
    pub(crate) users: u64,
}
