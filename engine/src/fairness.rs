//! What makes draws and lotteries fair, and open to anybody's check: pure functions of a campaign's seed and of facts that
//! its customers know. Owns the seed and its commitment, the odds, what a draw samples, and the ranks of a lottery. Leaves
//! who may draw, what is still there and what is published when to [`crate::shard`].
//!
//! A campaign's seed is 32 random bytes. Its [`Commitment`] is shown from the campaign's creation on, the seed itself when
//! the campaign is over: from then on everybody can see that the seed was fixed beforehand, and compute every result again.
//! What this does not prove: that the operator, who knows the seed all along, did not make up user ids that win, or a last
//! entry that puts a friend first. That is left to those who watch the ids.
//!
//! # To compute it again
//!
//! `SHA` is SHA-256, `||` joins bytes, texts are UTF-8 as the contract spells them, and all integers are little-endian. A few
//! lines with any SHA-256 and any ChaCha will do.
//!
//! ```text
//! commitment = SHA(seed)
//! ```
//!
//! **A draw** ([`DrawPlace`], [`Odds`]). `period` is one of the texts that [`DrawPlace::period`] lists, `n` the decimal number
//! of the person's draw in that period, from 1:
//!
//! ```text
//! stream = first 8 bytes of SHA(campaign || 0x00 || user || 0x00 || period || 0x00 || n)
//! x      = first 8 bytes of the ChaCha8 key stream: key = seed, 64-bit nonce = stream, 64-bit block counter = 0
//! point  = floor(x * 1_000_000_000 / 2^64)
//! ```
//!
//! The coupon types lie on the points in listed order, each on as many as its probability has billionths, from 0 on without
//! gaps. The draw samples the type that the point lies in, and nothing if it lies behind the last one. Identifiers hold no
//! zero byte, so no two draws share a stream but by a collision of 64 bits, which no draw notices.
//!
//! `floor` makes some points more likely than others by one part in 2^64: the probability of each type, and of nothing, is
//! within 2^-64 of what was asked for. To see so little takes far more draws than mankind will ever make, and it spares
//! everybody who checks a loop.
//!
//! **A lottery** ([`EntriesHash`], [`LotteryKey`], [`rank`], [`Ranks`]). Entries are numbered from 1 in the order in which they
//! were taken; `length` is a user id's length in bytes, as 4 bytes:
//!
//! ```text
//! entries = SHA(length of user 1 || user 1 || length of user 2 || user 2 || …)
//! key     = SHA(seed || entries)
//! rank    = 1 + shuffled(number - 1)
//! ```
//!
//! `shuffled` is the swap-or-not shuffle of Hoang, Morris and Rogaway, exactly as `compute_shuffled_index` in Ethereum's
//! consensus specification has it, so that code which many have read will do: `index_count` is the number of entries,
//! `seed` the key, `SHUFFLE_ROUND_COUNT` is 90. Each round, `round` being one byte and `position / 256` four:
//!
//! ```text
//! pivot    = first 8 bytes of SHA(key || round) mod count
//! mirrored = (pivot + count - index) mod count
//! position = max(index, mirrored)
//! bit      = bit number position mod 256 of SHA(key || round || position / 256), lowest bit of each byte first
//! index    = mirrored if the bit is set, else index
//! ```
//!
//! The key covers the entries, so that nobody's rank is settled, even for the operator, before the last entry is in.

mod draw;
mod entries;
pub mod hex;
mod odds;
mod probability;
mod ranks;
mod seed;

pub use draw::DrawPlace;
pub use entries::{EntriesHash, LotteryKey};
pub use odds::{InvalidOdds, Odds};
pub use probability::{InvalidProbability, Probability};
pub use ranks::{ENTRIES_MAX, Ranks, rank};
pub use seed::{Commitment, Seed};
