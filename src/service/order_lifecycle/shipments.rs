//! Many orders in one operation, as a file of shipments asks for.

use std::cell::RefCell;

use super::{OrderTransition, TransitionResult, apply};
use crate::domain::order_status::Verb;
use crate::error::{Error, Kind, Result};
use crate::service::operation::{Operation, Operations, Request};

/// Moves orders by one verb and for one reason in one operation: all, or, if it `keeps_others`, those that are not rejected. The result of each has
/// the order of `wanted`; an error in one of them means that it is rejected.
///
/// Errors: those of the database.
pub async fn run_together(
    operations: &Operations,
    verb: Verb,
    wanted: &[OrderTransition],
    keeps_others: bool,
) -> Result<Vec<Result<TransitionResult>>> {
    let rejected = RefCell::new(None);
    let body = async |operation: &mut Operation| {
        let mut results = Vec::with_capacity(wanted.len());
        for one in wanted {
            results.push(operation.savepoint(async |operation| apply(operation, one).await).await?);
        }
        if keeps_others || results.iter().all(Result::is_ok) {
            return Ok(results);
        }
        rejected.replace(Some(results));
        Err(Error::new(Kind::Invalid, "order.rejected", "orders are rejected"))
    };
    let reason = wanted.first().and_then(|one| one.reason.clone());
    let outcome = operations.run(&Request { reason, ..Request::new(verb.operation()) }, body).await;
    match (outcome, rejected.take()) {
        (Err(error), Some(results)) if error.kind() == Kind::Invalid => Ok(results),
        (outcome, _) => outcome?.done(),
    }
}
