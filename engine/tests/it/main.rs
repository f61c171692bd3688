//! What the engine promises, checked from outside.

mod audit;
mod codec;
mod fairness;
mod hostile;
mod imported;
mod model;
mod naive;
mod people;
mod power;
mod refusals;
mod shop;
mod voids;
