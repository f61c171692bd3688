//! What the engine promises, checked from outside.

mod audit;
mod codec;
mod draws;
mod expiry;
mod fairness;
mod holds;
mod hostile;
mod imported;
mod imports;
mod loans;
mod lottery;
mod model;
mod naive;
mod people;
mod phones;
mod power;
mod redemptions;
mod refusals;
mod registrations;
mod shop;
mod voids;
mod waiting_room;
mod warming;
mod windows;
