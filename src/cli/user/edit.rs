//! `shopctl user edit`

use clap::Args;

use super::update::UpdateArguments;
use super::{WhoArguments, find_user};
use crate::cli::shared::arguments::WriteArguments;
use crate::cli::shared::confirm::Prompter;
use crate::cli::shared::editor::edit_row;
use crate::cli::shared::effect::Effect;
use crate::cli::shared::mutation;
use crate::cli::shared::values::FieldValue;
use crate::context::Context;
use crate::error::Result;
use crate::service::operation::Operations;
use crate::service::user::{self as service, Model};

#[derive(Debug, Args)]
pub struct EditArguments {
    #[command(flatten)]
    who: WhoArguments,
    #[command(flatten)]
    write: WriteArguments,
}

pub async fn run(context: &Context, prompter: &Prompter, arguments: &EditArguments) -> Result<Effect> {
    let shown = find_user(context, &arguments.who.who).await?;
    let fields = mutation::updated_fields::<UpdateArguments, Model>();
    let save = async |operations: &Operations, values: &[FieldValue<Model>]| {
        let change = |user: &mut Model| values.iter().for_each(|value| value.put(user));
        service::update_as_shown(operations, (&shown, &fields), change).await
    };
    edit_row(context, prompter, &arguments.write, (&shown, &fields), save).await
}
