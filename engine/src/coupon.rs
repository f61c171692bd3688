//! What a coupon is: the code that its owner holds, and the claim's public name. Pure.

mod base32;
mod code;
mod permutation;
mod sip;

pub use code::{ClaimId, Code, Codes};

/// The same cases in each run unless `PROPTEST_RNG_SEED` says others.
#[cfg(test)]
fn seeded() -> proptest::test_runner::Config {
    use proptest::test_runner::{Config, RngSeed};
    let mut config = Config { failure_persistence: None, ..Config::default() };
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(0x1a2d_2054);
    }
    config
}
