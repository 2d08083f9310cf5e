//! `shopctl user update`

use clap::Args;

use super::WhoArguments;
use crate::cli::shared::arguments::WriteArguments;
use crate::cli::shared::effect::Effect;
use crate::cli::shared::mutation;
use crate::cli::shared::values::{FieldValue, field_value};
use crate::context::Context;
use crate::error::Result;
use crate::service::user::{self as service, Model};

#[derive(Debug, Args)]
pub struct UpdateArguments {
    #[command(flatten)]
    who: WhoArguments,
    /// New e-mail address
    #[arg(long, value_name = "EMAIL", value_parser = field_value::<Model>("email"))]
    email: Option<FieldValue<Model>>,
    /// New first name
    #[arg(long, value_name = "NAME", value_parser = field_value::<Model>("first_name"))]
    first_name: Option<FieldValue<Model>>,
    /// New last name
    #[arg(long, value_name = "NAME", value_parser = field_value::<Model>("last_name"))]
    last_name: Option<FieldValue<Model>>,
    #[command(flatten)]
    write: WriteArguments,
}

pub async fn run(context: &Context, arguments: &UpdateArguments) -> Result<Effect> {
    let UpdateArguments { email, first_name, last_name, .. } = arguments;
    let values: Vec<_> = [email, first_name, last_name].into_iter().flatten().collect();
    if values.is_empty() {
        return Err(mutation::nothing_to_change::<UpdateArguments, Model>());
    }
    let change = |user: &mut Model| values.iter().for_each(|value| value.put(user));
    mutation::run(context, &arguments.write, async |operations| {
        let changed = service::update(operations, &arguments.who.who, change).await?;
        Ok(mutation::updated(operations, &changed, "updated"))
    })
    .await
}
