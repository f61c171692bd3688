//! The few concurrent parts that this crate is built from, behind one name each, so that a model checker can stand in for
//! them (`--cfg loom`).

#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

#[cfg(not(loom))]
pub(crate) use crossbeam::queue::{ArrayQueue, SegQueue};

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering};

#[cfg(loom)]
pub(crate) use checked::{ArrayQueue, SegQueue};

/// Queues that a model checker understands. They order like crossbeam's: what was written before a push is seen after
/// the pop that takes it.
#[cfg(loom)]
mod checked {
    use std::collections::VecDeque;

    use loom::sync::Mutex;

    pub(crate) struct SegQueue<T>(Mutex<VecDeque<T>>);

    impl<T> SegQueue<T> {
        pub(crate) fn new() -> Self {
            Self(Mutex::new(VecDeque::new()))
        }

        pub(crate) fn push(&self, value: T) {
            self.0.lock().expect("no holder panics").push_back(value);
        }

        pub(crate) fn pop(&self) -> Option<T> {
            self.0.lock().expect("no holder panics").pop_front()
        }
    }

    pub(crate) struct ArrayQueue<T> {
        values: Mutex<VecDeque<T>>,
        capacity: usize,
    }

    impl<T> ArrayQueue<T> {
        pub(crate) fn new(capacity: usize) -> Self {
            Self { values: Mutex::new(VecDeque::new()), capacity }
        }

        pub(crate) fn push(&self, value: T) -> Result<(), T> {
            let mut values = self.values.lock().expect("no holder panics");
            if values.len() == self.capacity {
                return Err(value);
            }
            values.push_back(value);
            Ok(())
        }

        pub(crate) fn pop(&self) -> Option<T> {
            self.values.lock().expect("no holder panics").pop_front()
        }

        pub(crate) fn is_full(&self) -> bool {
            self.values.lock().expect("no holder panics").len() == self.capacity
        }

        pub(crate) fn len(&self) -> usize {
            self.values.lock().expect("no holder panics").len()
        }

        pub(crate) fn capacity(&self) -> usize {
            self.capacity
        }
    }
}
