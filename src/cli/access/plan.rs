//! `shopctl access plan`

use clap::Args;

use super::view::AccessView;
use super::{Plan, RoleArguments, excess, settle};
use crate::context::Context;
use crate::db::Access;
use crate::db::target::Engine;
use crate::error::Result;

#[derive(Debug, Args)]
pub struct PlanArguments {
    #[command(flatten)]
    roles: RoleArguments,
    /// Print a script for the database's own client
    #[arg(long)]
    sql: bool,
}

pub async fn run(context: &Context, arguments: &PlanArguments) -> Result<()> {
    context.output.check_fields::<AccessView>(&[])?;
    let roles = arguments.roles.parse(&context.config.target)?;
    let database = context.database(Access::Read).await?;
    let plan = Plan::make(&database, &roles).await?;
    if arguments.sql {
        context.output.text(&script(database.engine(), &plan))?;
    } else {
        context.output.list(&plan.rows)?;
    }
    plan.note_nothing_to_change(context);
    settle(&plan.remaining)
}

/// The statements as they would run.
fn script(engine: Engine, plan: &Plan) -> String {
    let frame = engine.script_transaction;
    let mut text = frame.map_or_else(String::new, |(beginning, _)| format!("{beginning};\n"));
    let mut before = None;
    for row in &plan.rows {
        if before.replace(row.role) != Some(row.role) {
            text.push_str(&format!("-- {}\n", row.role.as_str()));
        }
        text.push_str(&format!("{};\n", row.step.sql));
    }
    text.extend(frame.map(|(_, end)| format!("{end};\n")));
    // Those rights may be other people's too: whoever runs the script decides.
    for (name, remaining) in &plan.remaining {
        let way_out = remaining.way_out.as_ref().map_or_else(String::new, |sql| format!("; to end it: {sql}"));
        text.push_str(&format!("-- {}{way_out}\n", excess(name, remaining)));
    }
    text
}
