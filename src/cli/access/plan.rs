//! `shopctl access plan`

use clap::Args;

use super::RoleArguments;
use crate::cli::shared::list::FieldNames;
use crate::context::Context;
use crate::db::Access;
use crate::db::target::Engine;
use crate::error::Result;
use crate::output::{Column, View};
use crate::service::access::{Plan, PlannedStep, check_complete, excess};

#[derive(Debug, Args)]
#[command(add = FieldNames::of::<PlannedStep>())]
pub struct PlanArguments {
    #[command(flatten)]
    roles: RoleArguments,
    /// Print a script for the database's own client
    #[arg(long)]
    sql: bool,
}

pub async fn run(context: &Context, arguments: &PlanArguments) -> Result<()> {
    context.output.check_fields::<PlannedStep>(&[])?;
    let roles = arguments.roles.parse(&context.config.target)?;
    let database = context.database(Access::Read).await?;
    let plan = Plan::build(&database, &roles).await?;
    if arguments.sql {
        context.output.text(&script(database.engine(), &plan))?;
    } else {
        context.output.list(&plan.rows)?;
    }
    note_nothing_to_change(context, &plan);
    if plan.refuse_own_role().is_err() {
        context.output.note("the server's administrator has to run this: it changes the rights of the role that asks");
    }
    check_complete(&plan.remaining)
}

pub fn note_nothing_to_change(context: &Context, plan: &Plan) {
    if plan.rows.is_empty() && plan.remaining.is_empty() {
        context.output.note("nothing to change: the roles have exactly these rights");
    }
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
    // Others may need those rights too: the user of the script decides.
    for (name, remaining) in &plan.remaining {
        let remedy = remaining.remedy.as_ref().map_or_else(String::new, |sql| format!("; to end it: {sql}"));
        text.push_str(&format!("-- {}{remedy}\n", excess(name, remaining)));
    }
    text
}

impl View for PlannedStep {
    const NOUN: &'static str = "changes of rights";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("role", "ROLE", |view| view.role.as_str().into()),
        Column::new("name", "NAME", |view| view.name.as_str().into()),
        Column::new("change", "CHANGE", |view| view.step.change.as_str().into()),
        Column::new("on", "ON", |view| view.step.on.as_str().into()),
        Column::new("privileges", "PRIVILEGES", |view| view.step.privileges.as_str().into()),
        Column::detail("sql", "SQL", |view| view.step.sql.as_str().into()),
    ];

    fn id(&self) -> String {
        self.step.sql.clone()
    }
}
