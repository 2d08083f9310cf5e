//! Runs shopctl and exits with its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(shopctl::cli::main())
}
