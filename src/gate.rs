//! Who may ask: operators by the admin key, users by a token where the configuration asks for one. Rate limits, challenges and
//! waiting rooms belong here too.

pub mod admin_key;
pub mod ticket;
pub mod user_token;
