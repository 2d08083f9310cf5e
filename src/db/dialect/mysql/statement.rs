//! Statements as the drivers have to be given them.

use sea_orm::{DbBackend, Statement, Value};

/// Every statement passes through here on its way to a driver.
///
/// The driver sends a time with a zone to MySQL and MariaDB as a TIMESTAMP, which ends in 1970 and in
/// 2038: beyond them the server takes it for NULL and says nothing. Without a zone it is a DATETIME,
/// exact from the year 1000 to 9999; the session's zone is UTC.
pub fn adapt(mut statement: Statement) -> Statement {
    if statement.db_backend == DbBackend::MySql
        && let Some(values) = &mut statement.values
    {
        for value in &mut values.0 {
            if let Value::ChronoDateTimeUtc(time) = value {
                *value = Value::ChronoDateTime(time.map(|time| time.naive_utc()));
            }
        }
    }
    statement
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;

    #[test]
    fn no_time_is_sent_as_a_timestamp_where_that_ends_in_2038() {
        let time: DateTime<Utc> = "2099-12-31T00:00:00Z".parse().unwrap();
        let (zoned, missing) = (Value::from(time), Value::ChronoDateTimeUtc(None));
        let values = [zoned.clone(), missing.clone(), Value::from("text")];
        let adapted = |backend| {
            let statement = Statement::from_sql_and_values(backend, "SELECT ?, ?, ?", values.clone());
            adapt(statement).values.unwrap().0
        };
        let naive = Value::ChronoDateTime(Some(time.naive_utc()));
        assert_eq!(adapted(DbBackend::MySql), [naive, Value::ChronoDateTime(None), Value::from("text")]);
        for backend in [DbBackend::Sqlite, DbBackend::Postgres] {
            assert_eq!(adapted(backend), values);
        }
    }
}
