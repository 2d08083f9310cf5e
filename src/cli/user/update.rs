//! `shopctl user update`

use clap::Args;

use super::WhoArguments;
use crate::cli::shared::arguments::WriteArguments;
use crate::cli::shared::mutation;
use crate::cli::shared::values::{Said, said};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::service::user::{self as service, Model};

#[derive(Debug, Args)]
pub struct UpdateArguments {
    #[command(flatten)]
    who: WhoArguments,
    #[arg(long, value_name = "EMAIL", value_parser = said::<Model>("email"))]
    email: Option<Said<Model>>,
    #[arg(long, value_name = "NAME", value_parser = said::<Model>("first_name"))]
    first_name: Option<Said<Model>>,
    #[arg(long, value_name = "NAME", value_parser = said::<Model>("last_name"))]
    last_name: Option<Said<Model>>,
    #[command(flatten)]
    write: WriteArguments,
}

pub async fn run(context: &Context, arguments: &UpdateArguments) -> Result<()> {
    let UpdateArguments { email, first_name, last_name, .. } = arguments;
    let said: Vec<_> = [email, first_name, last_name].into_iter().flatten().collect();
    if said.is_empty() {
        return Err(Error::usage("nothing to change").hint("give --email, --first-name or --last-name"));
    }
    let change = |user: &mut Model| said.iter().for_each(|said| said.put(user));
    mutation::run(context, &arguments.write, async |operations| {
        let changed = service::update(operations, &arguments.who.who, change).await?;
        Ok(mutation::updated(operations, &changed, "updated"))
    })
    .await
}
