//! The whole suite as one binary: servers are started once and shared, each test has a database of
//! its own, and the same tests run on every backend.

mod support;

mod architecture;
mod commands;
mod concurrency;
mod connection;
mod doctor;
mod foreign_rows;
mod input;
mod interruptions;
mod migrations;
mod operations;
mod prompts;
mod runner;
mod secrets;
