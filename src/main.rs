//! Runs shopctl and turns how it ended into the exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(shopctl::cli::main())
}
