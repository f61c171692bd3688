//! The server from outside: the real program in a process of its own, spoken to over sockets.

mod bad_input;
mod batch;
mod campaign_commands;
mod campaign_preview;
mod campaigns;
mod claims;
mod client;
mod clock;
mod crowd;
mod demo;
mod draw_commands;
mod draws;
mod events;
mod imported_codes;
mod life;
mod lottery;
mod openapi;
mod operations;
mod page;
mod redemptions;
mod refusals;
mod server;
mod slow;
mod tokens;
mod users;
mod wal_commands;
