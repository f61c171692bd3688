//! What landrush is measured against: the bare HTTP server, and what people use for such campaigns today. Each is started here
//! and tells what it has remembered; how it is loaded and judged is the comparison's matter.

pub(crate) mod floor;
pub(crate) mod package;
pub(crate) mod postgres;
pub(crate) mod redis;
