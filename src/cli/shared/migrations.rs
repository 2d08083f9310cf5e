//! Plans of commands that bring a schema up to date.

use std::time::Duration;

use crate::context::Context;
use crate::migrate::{self, Catalog, Plan};

/// How long commands without `--lock-wait` wait for the lock.
const LOCK_WAIT: Duration = Duration::from_mins(1);

/// The plan of a command that applies to all migrations.
pub fn whole_plan(context: &Context) -> Plan {
    plan_with(context, LOCK_WAIT)
}

pub fn plan_with(context: &Context, lock_wait: Duration) -> Plan {
    Plan {
        catalog: Catalog::embedded(),
        steps: None,
        to: None,
        allow_late: false,
        lock_wait: context.budget.stated().into_iter().fold(lock_wait, Duration::min),
        stop: migrate::StopSignal::default(),
        runner: context.runner(),
        settings: Vec::new(),
        clock: context.clock,
        asked: None,
    }
}
