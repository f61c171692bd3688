//! Owns which shard a campaign lives on: dealt by the hash of its id at every start, stored nowhere.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

use crate::id::CampaignId;

/// The shard of a campaign, for as long as this engine is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route(u16);

impl Route {
    pub(crate) fn as_index(self) -> usize {
        usize::from(self.0)
    }
}

/// Deals campaigns to shards.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Router {
    shards: u16,
}

impl Router {
    pub(crate) fn new(shards: u16) -> Self {
        assert!(shards > 0, "an engine has at least one shard");
        Self { shards }
    }

    pub(crate) fn route(self, id: &CampaignId) -> Route {
        // Operators name campaigns, so that nobody can aim at a shard: a fixed key will do.
        let mut hasher = SipHasher13::new_with_keys(0, 0);
        hasher.write(id.as_str().as_bytes());
        let shard = hasher.finish() % u64::from(self.shards);
        Route(u16::try_from(shard).expect("less than the number of shards"))
    }
}
