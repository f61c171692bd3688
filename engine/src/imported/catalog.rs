//! Owns which lists belong to which coupon type, in which order, and whose turn it is to add one.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex, RwLock};

use super::Owner;
use super::lists::List;
use crate::id::{CampaignNumber, TypeIndex};

/// The lists of all coupon types.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    types: RwLock<BTreeMap<Owner, TypeLists>>,
    /// The types that have a staged list, or are about to.
    busy: Mutex<BTreeSet<Owner>>,
    free: Condvar,
}

#[derive(Debug, Default)]
struct TypeLists {
    /// In the order of their positions.
    committed: Vec<Arc<List>>,
    /// Already shown: who asks for one of its positions has seen the event that names it.
    staged: Option<Arc<List>>,
}

impl Catalog {
    /// Waits until nobody else has the turn of this type, and takes it.
    pub(super) fn turn(self: &Arc<Self>, owner: Owner) -> Turn {
        let mut busy = self.busy.lock();
        self.free.wait_while(&mut busy, |busy| busy.contains(&owner));
        busy.insert(owner);
        Turn { catalog: Arc::clone(self), owner }
    }

    /// The list that holds a position.
    pub(super) fn at(&self, owner: Owner, position: u32) -> Option<Arc<List>> {
        let types = self.types.read();
        let lists = types.get(&owner)?;
        if let Some(staged) = lists.staged.as_ref().filter(|staged| staged.first <= position) {
            return (position < staged.end()).then(|| Arc::clone(staged));
        }
        let before = lists.committed.partition_point(|list| list.first <= position).checked_sub(1)?;
        lists.committed.get(before).filter(|list| position < list.end()).map(Arc::clone)
    }

    /// Takes a campaign's committed lists out.
    pub(super) fn remove(&self, campaign: CampaignNumber) -> Vec<Arc<List>> {
        let range =
            Owner { campaign, coupon_type: TypeIndex(0) }..=Owner { campaign, coupon_type: TypeIndex(u16::MAX) };
        let mut types = self.types.write();
        types.range_mut(range).flat_map(|(_, lists)| mem::take(&mut lists.committed)).collect()
    }
}

/// The right to add a list to a coupon type; only one at a time has it, so that positions are in the order of the log.
#[derive(Debug)]
pub(super) struct Turn {
    catalog: Arc<Catalog>,
    owner: Owner,
}

impl Turn {
    /// The position that the next list begins at.
    pub(super) fn next(&self) -> u32 {
        let types = self.catalog.types.read();
        types.get(&self.owner).and_then(|lists| lists.committed.last()).map_or(0, |last| last.end())
    }

    /// Shows a list that is not committed yet.
    pub(super) fn stage(&self, list: Arc<List>) {
        let former = self.catalog.types.write().entry(self.owner).or_default().staged.replace(list);
        assert!(former.is_none(), "a turn stages one list");
    }

    /// Keeps the staged list for good.
    pub(super) fn commit(&self) {
        let mut types = self.catalog.types.write();
        let lists = types.get_mut(&self.owner).expect("it has a staged list");
        let staged = lists.staged.take().expect("it has a staged list");
        lists.committed.push(staged);
    }

    /// Takes the staged list back.
    pub(super) fn withdraw(&self) {
        if let Some(lists) = self.catalog.types.write().get_mut(&self.owner) {
            lists.staged = None;
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.catalog.busy.lock().remove(&self.owner);
        self.catalog.free.notify_all();
    }
}
