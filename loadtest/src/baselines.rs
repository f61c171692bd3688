//! What the server is measured against.

pub(crate) mod floor;
