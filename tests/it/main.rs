//! The server from outside: the real program in a process of its own, spoken to over sockets.

mod bad_input;
mod campaign_commands;
mod campaigns;
mod claims;
mod client;
mod crowd;
mod draw_commands;
mod life;
mod operations;
mod refusals;
mod server;
mod slow;
mod wal_commands;
