//! Owns how what guards a campaign is written.

use super::wire::{Wire, fields, tags};
use crate::campaign::{
    Challenge, ChallengeProvider, Eligibility, Protection, RateLimit, RateLimits, TokenClaim, WaitingRoom,
    WhenUnavailable, Who,
};

tags!(ChallengeProvider, "the challenge's provider is unknown", 1u8 = Altcha, 2u8 = Turnstile, 3u8 = HCaptcha);
tags!(WhenUnavailable, "what holds without the provider is unknown", 1u8 = Closed, 2u8 = Open);
tags!(Who, "who is eligible is unknown", 1u8 = Anyone, 2u8 = Registered, 3u8 = Listed);

fields!(RateLimit { requests, per });
fields!(RateLimits { user, address, device, phone });
fields!(Challenge { provider, when_unavailable });
fields!(TokenClaim { name, value });
fields!(Eligibility { who, registration_closes_at, devices_per_user, users_per_device, token_claims });
fields!(WaitingRoom { admit_per_second, opens_before, admitted_for });
fields!(Protection { rate_limits, challenge, eligibility, waiting_room });
