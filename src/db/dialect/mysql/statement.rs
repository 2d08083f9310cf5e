//! Statements in the form that the driver requires.

use sea_orm::{Statement, Value};

use crate::db::dialect::connect::adapted;

/// The driver sends a time with a zone as a TIMESTAMP, whose range is 1970 to 2038: the server silently stores
/// NULL for others. Without a zone it is a DATETIME, exact from the year 1000 to 9999; the session's zone is
/// UTC.
pub fn adapt(statement: Statement) -> Statement {
    adapted(statement, None, |time| Value::ChronoDateTime(time.map(|time| time.naive_utc())))
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use sea_orm::DbBackend;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn no_time_is_sent_as_a_timestamp_where_that_ends_in_2038_and_no_id_as_bytes() {
        let time: DateTime<Utc> = "2099-12-31T00:00:00Z".parse().unwrap();
        let (zoned, missing) = (Value::from(time), Value::ChronoDateTimeUtc(None));
        let id = Uuid::from_u128(0xab);
        let values = [zoned, missing, "text".into(), id.into(), Value::Uuid(None)];
        let statement = Statement::from_sql_and_values(DbBackend::MySql, "SELECT ?, ?, ?, ?, ?", values);
        let naive = Value::ChronoDateTime(Some(time.naive_utc()));
        let adapted = adapt(statement).values.unwrap().0;
        let [id, none] = [Value::from(id.to_string()), Value::String(None)];
        assert_eq!(adapted, [naive, Value::ChronoDateTime(None), Value::from("text"), id, none]);
    }
}
