//! Everything that a person reads, in snapshots: the help of every command, and frequent messages. A change of wording
//! shows in review.

mod help;
mod messages;
mod vocabulary;
