//! Owns the lists of codes by number, those still growing and those in their place, and the right to a number. Together with
//! the index it answers which code stands where.
//!
//! Locks are taken in this order: a table of the index, the numbers, a growing list; never two of a kind at once.

use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use super::Owner;
use super::index::{CodeHash, Index, LISTS_MAX, ListNumber, Spot};
use super::texts::Texts;
use crate::command::CodeFile;

/// The codes of one upload, which no longer change.
#[derive(Debug)]
pub(super) struct List {
    pub(super) owner: Owner,
    /// The position of its first code among all of its owner's.
    pub(super) first: u32,
    pub(super) file: CodeFile,
    pub(super) texts: Texts,
    number: ListNumber,
}

impl List {
    /// The position behind its last code.
    pub(super) fn end(&self) -> u32 {
        self.first + self.texts.count()
    }
}

#[derive(Debug)]
enum Slot {
    Free,
    Growing(Arc<Mutex<Texts>>),
    Placed(Arc<List>),
}

#[derive(Debug, Default)]
struct Slots {
    slots: Vec<Slot>,
    free: Vec<ListNumber>,
}

/// All lists, and the index over them.
#[derive(Debug)]
pub(super) struct Lists {
    index: Index,
    slots: RwLock<Slots>,
}

impl Lists {
    pub(super) fn new(table_key: &[u8; 16]) -> Self {
        Self { index: Index::new(table_key), slots: RwLock::default() }
    }

    /// Begins a list; `None` if there are as many as there may be.
    pub(super) fn begin(self: &Arc<Self>) -> Option<Growing> {
        let texts = Arc::new(Mutex::new(Texts::default()));
        let slot = Slot::Growing(Arc::clone(&texts));
        let number = self.slots.write().take(slot)?;
        Some(Growing { lists: Arc::clone(self), number, texts, placed: false })
    }

    /// The list in its place that holds `code`, and where in it.
    pub(super) fn find(&self, code: &str) -> Option<(Arc<List>, u32)> {
        // The list is taken hold of under the lock of the code's table: without it, it could leave and its number be another's.
        let mut found = None;
        self.index.find(self.index.hash(code.as_bytes()), |spot| {
            if let Slot::Placed(list) = &self.slots.read().slots[spot.list.0 as usize]
                && list.texts.bytes(spot.place) == code.as_bytes()
            {
                found = Some((Arc::clone(list), spot.place));
            }
            found.is_some()
        });
        found
    }

    /// Takes a list out of the index and frees its number.
    pub(super) fn remove(&self, list: &List) {
        self.forget(list.number, list.texts.count(), |place| self.index.hash(list.texts.bytes(place)));
    }

    /// What numbers, lists and index hold of the heap, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        let slots = self.slots.read();
        let lists = slots.slots.iter().map(|slot| match slot {
            Slot::Free => 0,
            Slot::Growing(texts) => size_of::<Mutex<Texts>>() + texts.lock().heap_bytes(),
            Slot::Placed(list) => size_of::<List>() + list.texts.heap_bytes(),
        });
        let lists = lists.sum::<usize>();
        let numbers = slots.slots.capacity() * size_of::<Slot>() + slots.free.capacity() * size_of::<ListNumber>();
        drop(slots);
        lists + numbers + self.index.heap_bytes()
    }

    fn is_at(&self, spot: Spot, code: &str) -> bool {
        match &self.slots.read().slots[spot.list.0 as usize] {
            Slot::Free => unreachable!("a list is freed after its codes have left the index"),
            Slot::Growing(texts) => texts.lock().bytes(spot.place) == code.as_bytes(),
            Slot::Placed(list) => list.texts.bytes(spot.place) == code.as_bytes(),
        }
    }

    fn forget(&self, number: ListNumber, count: u32, mut hash: impl FnMut(u32) -> CodeHash) {
        for place in 0..count {
            self.index.remove(hash(place), Spot { list: number, place });
        }
        self.index.shrink();
        self.slots.write().give_back(number);
    }
}

impl Slots {
    fn take(&mut self, slot: Slot) -> Option<ListNumber> {
        if let Some(number) = self.free.pop() {
            self.slots[number.0 as usize] = slot;
            return Some(number);
        }
        if self.slots.len() == LISTS_MAX {
            return None;
        }
        self.slots.push(slot);
        Some(ListNumber(u32::try_from(self.slots.len() - 1).expect("lists are bounded")))
    }

    fn give_back(&mut self, number: ListNumber) {
        self.slots[number.0 as usize] = Slot::Free;
        self.free.push(number);
    }
}

/// A list that grows: its codes are reserved in the index, and given back when it is dropped.
#[derive(Debug)]
pub(super) struct Growing {
    lists: Arc<Lists>,
    number: ListNumber,
    /// The same as in the slot. Only this grows it.
    texts: Arc<Mutex<Texts>>,
    placed: bool,
}

/// A code is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taken;

impl Growing {
    /// Reserves a valid code as the next one.
    pub(super) fn push(&mut self, code: &str) -> Result<(), Taken> {
        let Self { lists, number, texts, .. } = self;
        let hash = lists.index.hash(code.as_bytes());
        let put = || Spot { list: *number, place: texts.lock().push(code) };
        lists.index.add(hash, |spot| lists.is_at(spot, code), put).map_err(|_spot| Taken)
    }

    /// How many codes it holds.
    pub(super) fn count(&self) -> u32 {
        self.texts.lock().count()
    }

    /// Ends its growth and puts it in its place.
    pub(super) fn place(mut self, owner: Owner, first: u32, file: CodeFile) -> Arc<List> {
        assert_eq!(self.count(), file.count, "the list and its file hold the same codes");
        assert!(first.checked_add(file.count).is_some(), "positions are counted in 32 bits");
        // Nobody may see the growing list empty: readers look at it under the lock of the numbers.
        let mut slots = self.lists.slots.write();
        let mut texts = std::mem::take(&mut *self.texts.lock());
        texts.shrink();
        let list = Arc::new(List { owner, first, file, texts, number: self.number });
        slots.slots[self.number.0 as usize] = Slot::Placed(Arc::clone(&list));
        drop(slots);
        self.placed = true;
        list
    }
}

impl Drop for Growing {
    fn drop(&mut self) {
        if !self.placed {
            let hash = |place| self.lists.index.hash(self.texts.lock().bytes(place));
            self.lists.forget(self.number, self.count(), hash);
        }
    }
}
