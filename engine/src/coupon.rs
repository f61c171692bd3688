//! What a coupon is: the code that its owner holds, and the claim's public name. Pure.

mod base32;
mod code;
mod permutation;

pub use code::{ClaimId, Code, Codes};
