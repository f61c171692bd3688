//! Owns the one shard and the log that one thread drives together: what a turn of both is, and the loop of the engine's own thread
//! around it.

use std::sync::Arc;
use std::time::Duration;

use landrush_wal::log::Poisoned;

use super::loan::Rest;
use super::{LOOK, LogDriver, ask_to_be_woken_soon, finish};
use crate::shard::actor::Shard;

/// How often the batch that is about to be written may be waited for while it still grows.
const GATHER_MAX: usize = 4;

/// One shard and the log, for whichever thread has them.
pub(super) struct Pair {
    shard: Shard,
    pub(super) log: LogDriver,
}

impl Pair {
    pub(super) fn new(shard: Shard, log: LogDriver) -> Self {
        Self { shard, log }
    }

    /// Does what can be done without waiting, and says whether there was anything.
    pub(super) fn turn(&mut self) -> Result<bool, Poisoned> {
        self.log.log.awake();
        let progressed = self.log.pump()?;
        let turn = self.shard.turn();
        if self.log.gather() {
            self.log.pump()?;
        }
        Ok(progressed || !turn.idle)
    }

    /// What a thread that polls for itself may do after a turn that found nothing.
    pub(super) fn rest(&mut self) -> Rest {
        match self.log.log.doze() {
            None => Rest::Look,
            Some(due) => Rest::Sleep(due.map_or(LOOK, |due: Duration| due.min(LOOK))),
        }
    }
}

/// Drives both until the engine closes, but while they are lent.
pub(super) fn drive(mut pair: Box<Pair>) {
    ask_to_be_woken_soon();
    let shared = Arc::clone(&pair.log.shared);
    let ended = loop {
        let Pair { shard, log } = &mut *pair;
        let closing = shared.is_closing();
        let mut turn = shard.turn();
        let mut gathered = log.gather();
        // While answers keep bringing new commands, one larger write is cheaper than two; but where more wait than one turn
        // takes, what that turn decided is large enough, and is written while the next one decides.
        for _ in 0..GATHER_MAX {
            if turn.commands == 0 || turn.commands == Shard::TURN_COMMANDS_MAX {
                break;
            }
            std::thread::yield_now();
            turn = shard.turn();
            gathered |= log.gather();
        }
        match log.pump() {
            Err(poisoned) => break Err(poisoned),
            Ok(progressed) => {
                if progressed || gathered || !turn.idle {
                    continue;
                }
            }
        }
        if closing && shard.is_drained() {
            break log.close();
        }
        if let Some(lending) = shared.lending().filter(|lending| lending.is_wanted())
            && !closing
        {
            pair = lending.lend(pair);
            continue;
        }
        log.log.wait(Some(LOOK));
    };
    finish(&shared, ended, || {
        pair.shard.abandon();
        std::thread::park_timeout(LOOK / 100);
    });
    shared.shard_done();
}
