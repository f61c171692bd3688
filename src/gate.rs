//! Who may ask. Today the admin key alone; rate limits, challenges and waiting rooms belong here too.

pub mod admin_key;
