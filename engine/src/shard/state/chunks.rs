//! Owns a list that only grows at its end, and never moves what it holds, so that nobody waits for a copy.

/// Items of a chunk.
const CHUNK_ITEMS: usize = 4_096;

/// An append-only list of small items.
#[derive(Debug, Clone)]
pub(super) struct Chunks<T> {
    chunks: Vec<Vec<T>>,
    count: u32,
}

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), count: 0 }
    }
}

impl<T> Chunks<T> {
    /// How many items there are.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// The item at `index`.
    pub(super) fn at(&self, index: u32) -> Option<&T> {
        let index = index as usize;
        self.chunks.get(index / CHUNK_ITEMS)?.get(index % CHUNK_ITEMS)
    }

    /// The item at `index`, to change.
    pub(super) fn at_mut(&mut self, index: u32) -> Option<&mut T> {
        let index = index as usize;
        self.chunks.get_mut(index / CHUNK_ITEMS)?.get_mut(index % CHUNK_ITEMS)
    }

    /// Adds an item.
    pub(super) fn push(&mut self, item: T) {
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK_ITEMS) {
            // The first chunk grows as it fills, so that a small campaign stays small.
            let capacity = if self.chunks.is_empty() { 0 } else { CHUNK_ITEMS };
            self.chunks.push(Vec::with_capacity(capacity));
        }
        self.chunks.last_mut().expect("a chunk with room").push(item);
        self.count += 1;
    }

    /// What it holds of the heap, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        self.chunks.iter().map(Vec::capacity).sum::<usize>() * size_of::<T>()
            + self.chunks.capacity() * size_of::<Vec<T>>()
    }
}

impl<T: Ord> Chunks<T> {
    /// Where `item` lies in a list that is in order.
    pub(super) fn find(&self, item: &T) -> Option<u32> {
        let after = self.chunks.partition_point(|chunk| chunk.first().is_some_and(|first| first <= item));
        let chunk = after.checked_sub(1)?;
        let within = self.chunks[chunk].binary_search(item).ok()?;
        Some(u32::try_from(chunk * CHUNK_ITEMS + within).expect("a list has fewer than 2^32 items"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_stay_where_they_were_put() {
        let mut chunks = Chunks::default();
        for item in 0..10_000u32 {
            chunks.push(item * 2);
        }
        assert_eq!(chunks.count(), 10_000);
        for index in [0, 1, 4_095, 4_096, 9_999] {
            assert_eq!(chunks.at(index), Some(&(index * 2)));
            assert_eq!(chunks.find(&(index * 2)), Some(index));
            assert_eq!(chunks.find(&(index * 2 + 1)), None);
        }
        assert_eq!(chunks.at(10_000), None);
        *chunks.at_mut(5).expect("there") = 7;
        assert_eq!(chunks.at(5), Some(&7));
    }
}
