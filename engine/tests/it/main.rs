//! What the engine promises, checked from outside.

mod codec;
mod hostile;
mod model;
mod refusals;
mod shop;
mod voids;
