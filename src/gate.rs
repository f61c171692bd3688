//! Who may ask, how often, and from where: operators by the admin key or by keys with scopes, users by a token where the
//! configuration asks for one, all of them by lists and rates, by challenges and by the tickets of waiting rooms.

pub mod address;
pub mod admin_key;
pub mod admission_token;
mod campaign_files;
pub mod challenge;
pub mod cidr;
pub mod companions;
pub mod eligible;
pub mod lists;
pub mod management_keys;
pub mod proxy_v2;
pub mod rate_limit;
pub mod reason;
pub mod seal;
pub mod ticket;
pub mod user_token;
