//! Owns the names of what the gate refuses by, as they stand in `landrush_gate_refused_total` and, for operators, in the header
//! `x-landrush-refused-by`.

/// What part of the gate has refused a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// No key or token, or one that does not hold.
    Unauthorized,
    /// A key without the scope, or a user who speaks for another.
    Forbidden,
    /// The list of those who are denied.
    Denied,
    /// The limit by address.
    RateLimitedAddress,
    /// The limit by device.
    RateLimitedDevice,
    /// The limit by user.
    RateLimitedUser,
    /// The limit by phone number.
    RateLimitedPhone,
    /// The limit of a management key.
    RateLimitedKey,
    /// The challenge: no pass, or one that does not hold.
    ChallengeRequired,
    /// A challenge's solution that does not hold.
    ChallengeFailed,
    /// The waiting room: no ticket of somebody who is let in.
    TicketRequired,
    /// Who the campaign is for.
    NotEligible,
}

impl Reason {
    /// All there are.
    pub const ALL: [Reason; 12] = [
        Reason::Unauthorized,
        Reason::Forbidden,
        Reason::Denied,
        Reason::RateLimitedAddress,
        Reason::RateLimitedDevice,
        Reason::RateLimitedUser,
        Reason::RateLimitedPhone,
        Reason::RateLimitedKey,
        Reason::ChallengeRequired,
        Reason::ChallengeFailed,
        Reason::TicketRequired,
        Reason::NotEligible,
    ];

    /// The place in [`Reason::ALL`].
    pub const fn place(self) -> usize {
        self as usize
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Reason::Unauthorized => "unauthorized",
            Reason::Forbidden => "forbidden",
            Reason::Denied => "denied",
            Reason::RateLimitedAddress => "rate_limited_address",
            Reason::RateLimitedDevice => "rate_limited_device",
            Reason::RateLimitedUser => "rate_limited_user",
            Reason::RateLimitedPhone => "rate_limited_phone",
            Reason::RateLimitedKey => "rate_limited_key",
            Reason::ChallengeRequired => "challenge_required",
            Reason::ChallengeFailed => "challenge_failed",
            Reason::TicketRequired => "ticket_required",
            Reason::NotEligible => "not_eligible",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_place() {
        for (place, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason.place(), place, "{reason:?}");
        }
    }
}
