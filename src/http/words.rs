//! Owns the words of the contract for what a definition chooses from, read and written.

use landrush_engine::campaign::{
    AvailabilityDisplay, ChallengeProvider, CodeSource, LimitBy, Mode, Period, Return, WhenUnavailable, Who,
};

macro_rules! words {
    ($(#[$doc:meta])* $all:ident, $word:ident, $type:ident { $($text:literal = $variant:ident),+ }) => {
        $(#[$doc])*
        pub(crate) const $all: &[(&str, $type)] = &[$(($text, $type::$variant)),+];

        /// The word for it.
        pub(crate) fn $word(value: $type) -> &'static str {
            match value {
                $($type::$variant => $text,)+
            }
        }
    };
}

words!(
    /// How coupons are handed out.
    MODES, mode, Mode { "first_come" = FirstCome, "draw" = Draw, "lottery" = Lottery }
);
words!(
    /// The span in which a limit counts.
    PERIODS, period, Period { "campaign" = Campaign, "day" = Day, "window" = Window }
);
words!(
    /// Whom a limit counts for.
    LIMIT_BYS, limit_by, LimitBy { "user" = User, "phone" = Phone }
);
words!(
    /// How counts are shown to the public.
    DISPLAYS, display, AvailabilityDisplay { "exact" = Exact, "bucketed" = Bucketed }
);
words!(
    /// What becomes of a unit whose coupon is gone.
    RETURNS, returned, Return { "restock" = Restock, "burn" = Burn }
);
words!(
    /// Where codes come from.
    CODE_SOURCES, codes, CodeSource { "generated" = Generated, "imported" = Imported }
);
words!(
    /// Who sets a challenge.
    PROVIDERS, provider, ChallengeProvider { "altcha" = Altcha, "turnstile" = Turnstile, "hcaptcha" = HCaptcha }
);
words!(
    /// What holds while the provider of challenges is away.
    WHEN_UNAVAILABLES, when_unavailable, WhenUnavailable { "closed" = Closed, "open" = Open }
);
words!(
    /// Of whom claims are heard.
    WHOS, who, Who { "anyone" = Anyone, "registered" = Registered, "list" = Listed }
);
