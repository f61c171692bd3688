//! Owns what a management key may be for. Which calls take which scope is the route's to say.

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Seeing what is there: claims, users, metrics.
    Read,
    /// Making and changing campaigns, and what they have issued.
    CampaignsWrite,
    /// The shop's checkout: coupons and redemptions.
    Redemptions,
}

impl Scope {
    /// All there are.
    pub const ALL: [Scope; 3] = [Scope::Read, Scope::CampaignsWrite, Scope::Redemptions];

    /// Its name.
    pub const fn word(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::CampaignsWrite => "campaigns:write",
            Scope::Redemptions => "redemptions",
        }
    }

    /// The scope of that name.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.word() == word)
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Some scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    /// All scopes: what the admin key has.
    pub const ALL: Scopes = Scopes::of(&Scope::ALL);

    /// These scopes.
    pub const fn of(scopes: &[Scope]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < scopes.len() {
            bits |= scopes[at].bit();
            at += 1;
        }
        Self(bits)
    }

    /// Whether `scope` is among them.
    pub const fn has(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Whether any scope is in both.
    pub const fn meets(self, other: Scopes) -> bool {
        self.0 & other.0 != 0
    }

    /// The names of those that are here, for people.
    pub fn words(self) -> String {
        let words: Vec<_> = Scope::ALL.into_iter().filter(|scope| self.has(*scope)).map(Scope::word).collect();
        words.join(" or ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_have_names_and_meet() {
        for scope in Scope::ALL {
            assert_eq!(Scope::from_word(scope.word()), Some(scope));
            assert!(Scopes::ALL.has(scope));
        }
        assert_eq!(Scope::from_word("write"), None);
        let both = Scopes::of(&[Scope::Read, Scope::Redemptions]);
        assert!(both.meets(Scopes::of(&[Scope::Read])) && !both.meets(Scopes::of(&[Scope::CampaignsWrite])));
        assert_eq!(both.words(), "read or redemptions");
    }
}
