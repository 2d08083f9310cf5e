//! Restricts seeds to databases for development or tests.

use crate::context::Context;
use crate::db::Database;
use crate::error::{CommandLine, Error, Hint, Kind, Result, printable};
use crate::migrate;

/// How to treat a database without a recorded environment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum UnmarkedShop {
    /// An empty shop becomes a development database.
    Claim,
    /// The command is refused.
    Refuse,
}

/// The environment of a database that accepts seeds.
pub struct Purpose {
    pub environment: String,
    /// Whether it is not recorded in the database yet.
    is_new: bool,
}

impl Purpose {
    /// Records the environment in the database and returns it.
    ///
    /// Errors: exit 11 if another process has just recorded a different one.
    pub async fn record_environment(self, context: &Context, database: &Database) -> Result<String> {
        if !self.is_new {
            return Ok(self.environment);
        }
        let target = database.target();
        let recorded = migrate::set_setting_if_absent(database, migrate::ENVIRONMENT, &self.environment).await?;
        let purpose = Purpose::from_environment(recorded, database)?;
        if purpose.environment == self.environment {
            context.output.note(&format!("{target} is empty: it is now for {}", self.environment));
        }
        Ok(purpose.environment)
    }

    /// Accepts a recorded environment. Errors: exit 11 if it is neither development nor test.
    fn from_environment(environment: String, database: &Database) -> Result<Purpose> {
        if environment == migrate::DEVELOPMENT || environment == "test" {
            return Ok(Purpose { environment, is_new: false });
        }
        Err(refused(
            format!("{} is for {}: seeds are refused", database.target(), printable(&environment)),
            Hint::from("seeds are for development and test databases; to see what a database is for: ")
                .and(CommandLine::new("migrate env")),
        ))
    }
}

fn refused(reason: String, hint: impl Into<Hint>) -> Error {
    Error::new(Kind::ConfirmationNeeded, "seed.environment", reason).hint(hint)
}

/// Errors: exit 11 in a protected context, regardless of the database's environment.
pub fn refuse_protected(context: &Context) -> Result<()> {
    if context.config.protected {
        let reason = "this context is protected: seeds are refused".to_owned();
        return Err(refused(reason, "choose another context with --context"));
    }
    Ok(())
}

/// Requires a database for development or tests.
///
/// Errors: exit 11 for any other, and for an empty shop next to another program's tables, which must not be declared a
/// development database implicitly.
pub async fn require_development(
    context: &Context,
    database: &Database,
    unmarked_shop: UnmarkedShop,
) -> Result<Purpose> {
    refuse_protected(context)?;
    let connection = database.connection();
    let unmarked = |but: &str| {
        refused(
            format!("no environment is set for {}{but}: seeds are refused", database.target()),
            Hint::from("if it is for development data: ").and(CommandLine::new("migrate env development")),
        )
    };
    if let Some(environment) = migrate::setting(connection, migrate::ENVIRONMENT).await? {
        return Purpose::from_environment(environment, database);
    }
    if !crate::repository::seed::is_empty_shop(connection).await? || unmarked_shop == UnmarkedShop::Refuse {
        // Another process may have recorded it before filling the shop.
        return match migrate::setting(connection, migrate::ENVIRONMENT).await? {
            Some(environment) => Purpose::from_environment(environment, database),
            None => Err(unmarked("")),
        };
    }
    let others = migrate::foreign_objects(connection, &migrate::Catalog::embedded()).await?;
    if !others.is_empty() {
        return Err(unmarked(&format!(", and {} was not created by shopctl", migrate::object_list(&others))));
    }
    Ok(Purpose { environment: migrate::DEVELOPMENT.to_owned(), is_new: true })
}
