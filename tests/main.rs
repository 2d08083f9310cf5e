//! The whole suite as one binary: servers are started once and shared, each test has a database of
//! its own, and the same tests run on every backend.

mod support;
mod tls;

mod access;
mod architecture;
mod audit;
mod audit_tampering;
mod commands;
mod concurrency;
mod configuration;
mod connection;
mod dates;
mod doctor;
mod exports;
mod files;
mod foreign_rows;
mod full_disk;
mod generated;
mod hints;
mod import_files;
mod import_law;
mod import_told;
mod import_values;
mod imports;
mod input;
mod interruptions;
mod lifecycle;
mod migrate;
mod model;
mod operations;
mod order_imports;
mod people;
mod prices;
mod prompts;
mod recipes;
mod reports;
mod schema;
mod secrets;
mod seeds;
mod settling;
mod stock;
mod waits;
mod wizards;
