//! `shopctl product edit`

use clap::Args;

use super::ProductArguments;
use super::update::UpdateArguments;
use crate::cli::shared::arguments::WriteArguments;
use crate::cli::shared::confirm::Prompter;
use crate::cli::shared::editor::edit_row;
use crate::cli::shared::effect::Effect;
use crate::cli::shared::mutation;
use crate::cli::shared::values::FieldValue;
use crate::context::Context;
use crate::db::Access;
use crate::error::Result;
use crate::service::operation::Operations;
use crate::service::product::{self as service, Model};

#[derive(Debug, Args)]
pub struct EditArguments {
    #[command(flatten)]
    product: ProductArguments,
    #[command(flatten)]
    write: WriteArguments,
}

pub async fn run(context: &Context, prompter: &Prompter, arguments: &EditArguments) -> Result<Effect> {
    let database = context.database(Access::Read).await?;
    let shown = service::find(database.connection(), &arguments.product.product).await?;
    let fields = mutation::updated_fields::<UpdateArguments, Model>();
    let save = async |operations: &Operations, values: &[FieldValue<Model>]| {
        let change = |product: &mut Model| values.iter().for_each(|value| value.put(product));
        service::update_as_shown(operations, (&shown, &fields), change).await
    };
    edit_row(context, prompter, &arguments.write, (&shown, &fields), save).await
}
