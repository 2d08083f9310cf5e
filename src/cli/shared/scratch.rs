//! The empty database in which migrations are tried.

use clap::Args;

use crate::context::Context;
use crate::db::scratch::remove_abandoned;
use crate::db::target::Target;
use crate::db::{Access, Database, schema};
use crate::error::{Error, Kind, Result};
use crate::migrate::verify::clear;

// Flags of commands that run migrations for comparison.
#[derive(Debug, Args)]
pub struct ScratchArguments {
    /// Try the migrations in this empty database, if the role cannot create one
    #[arg(long, value_name = "URL")]
    scratch_url: Option<String>,
}

impl ScratchArguments {
    /// An empty database: the named one, a new one beside this one, or a new file.
    ///
    /// Errors: exit 11 if the named one is not empty, exit 4 if none can be made.
    pub async fn database(&self, context: &Context, beside: Option<&Database>) -> Result<Database> {
        let Some(url) = &self.scratch_url else {
            return match beside {
                Some(database) => {
                    let now = context.clock.now();
                    for name in remove_abandoned(database, now).await {
                        context.output.note(&format!("removed the scratch database {name} of a run that was killed"));
                    }
                    context.connections.scratch(database, now).await
                }
                None => context.connections.scratch_file().await,
            };
        };
        let target = Target::parse_url(url)?;
        if target.engine() != context.config.target.engine() {
            return Err(Error::usage("the scratch database has a different engine than the shop"));
        }
        let scratch = context.other_database(&target, Access::Create).await?;
        let found = schema::read(scratch.connection(), scratch.engine()).await?;
        if let Some(object) = found.objects.keys().next() {
            let message = format!("the scratch database {} is not empty: it contains the {object}", scratch.target());
            return Err(Error::new(Kind::ConfirmationNeeded, "migrate.scratch", message)
                .hint("give an empty database: everything in it will be dropped"));
        }
        Ok(scratch)
    }

    /// Empties a scratch database that the user named, whatever the work in it came to, which is passed on; others are
    /// dropped at the end.
    pub async fn leave_empty<T>(&self, scratch: &Database, worked: Result<T>) -> Result<T> {
        if self.scratch_url.is_some() {
            clear(scratch).await?;
        }
        worked
    }
}
