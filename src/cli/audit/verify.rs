//! `shopctl audit verify`

use clap::Args;
use serde_json::json;

use crate::cli::shared::list::FieldNames;
use crate::cli::shared::values::checked;
use crate::context::Context;
use crate::db::Access;
use crate::domain::text::{counted, has_have};
use crate::domain::{EntityKind, Id};
use crate::error::{CommandLine, Error, Hint, Kind, Result};
use crate::service::explain::{Finding, FindingKind};
use crate::service::verification::Verification;

/// Maximum number of statements in hints.
const REPAIRS_SHOWN: usize = 5;

#[derive(Debug, Args)]
#[command(add = FieldNames::of::<Finding>())]
pub struct VerifyArguments {
    /// Hash that an earlier audit seal printed; its seal must still exist
    #[arg(long, value_name = "HASH", value_parser = checked(parse_hash))]
    head: Option<String>,
}

pub async fn run(context: &Context, arguments: &VerifyArguments) -> Result<()> {
    context.output.check_fields::<Finding>(&[])?;
    let database = context.database(Access::Read).await?;
    let verification = Verification::of(&database, arguments.head.as_deref()).await?;
    let found = verification.found();
    let Verification { chain, explanation, compares_hashes } = verification;
    let of_seals = chain.problems.into_iter().map(|problem| {
        if let Some((id, operation)) = problem.event {
            return wrong(EntityKind::Event, Some(id), operation, problem.what);
        }
        let name = problem.seal.map(|number| number.to_string()).unwrap_or_default();
        wrong(EntityKind::Seal, None, name, problem.what)
    });
    let findings: Vec<_> = of_seals.chain(explanation.findings).collect();
    let shown = findings.len() as u64;
    context.output.list(&findings)?;
    let (rows, sealed, seals) = (explanation.rows, chain.sealed_events, chain.seals);
    context.output.note(&format!("rows compared: {rows}; events sealed: {sealed}, seals: {seals}"));
    if !compares_hashes {
        context.output.note("password hashes were not compared: this role may not read them");
    }
    if chain.waiting_events > 0 {
        let count = chain.waiting_events;
        context.output.suggest(
            Hint::from(format!("unsealed events, not covered by a seal: {count} ("))
                .and(CommandLine::new("audit seal"))
                .and(")"),
        );
    }
    if found == 0 {
        return Ok(());
    }
    let foreign = explanation.foreign;
    let more = if found > shown { format!(" ({shown} shown)") } else { String::new() };
    let by_others = format!("{} by another program{more}", counted(foreign, "change"));
    let (code, message) = match found - foreign {
        0 => {
            let has = has_have(foreign);
            ("audit.foreign", format!("{by_others} {has} not been adopted yet; nothing else is wrong"))
        }
        wrong if foreign == 0 => ("audit.unexplained", format!("{}{more}", counted(wrong, "finding"))),
        wrong => ("audit.unexplained", format!("{}, and {by_others}", counted(wrong, "finding"))),
    };
    let mut hints = if chain.orphaned > 0 { without_seals() } else { Vec::new() };
    hints.extend(repairs(&findings));
    // Adopting would write over what shows who changed what.
    if found == foreign {
        hints.push(Hint::from("to adopt what another program wrote: ").and(CommandLine::new("adopt")));
    }
    let details = json!({ "wrong": found - foreign, "foreign": foreign });
    Err(Error::new(Kind::CheckFailed, code, message).details(details).hints_of(hints))
}

/// Edited movements, which `adopt` leaves: each is written back as its event says.
fn repairs(findings: &[Finding]) -> Vec<Hint> {
    let repairs: Vec<&str> = findings.iter().filter_map(|finding| finding.repair.as_deref()).collect();
    let shown = repairs.iter().take(REPAIRS_SHOWN);
    let mut hints: Vec<Hint> =
        shown.map(|repair| format!("to write it back, in the database's own client: {repair}").into()).collect();
    if repairs.len() > REPAIRS_SHOWN {
        let all = CommandLine::again().option("--output", "json");
        hints.push(Hint::from("all statements: ").and(all));
    }
    hints
}

fn wrong(entity: EntityKind, id: Option<Id>, name: String, what: String) -> Finding {
    Finding { kind: FindingKind::Wrong, entity, id, name, what, repair: None }
}

/// The hint for events whose seals are missing.
fn without_seals() -> Vec<Hint> {
    let anew = "or start over, in the database's own client: UPDATE audit_events SET seal_id = NULL \
                WHERE seal_id NOT IN (SELECT id FROM audit_seals); then ";
    vec![
        "restore the rows of audit_seals from a backup".into(),
        Hint::from(anew).and(CommandLine::new("audit seal")).and(": earlier edits can then no longer be detected"),
    ]
}

fn parse_hash(text: &str) -> Result<String, String> {
    let hash = text.trim().to_ascii_lowercase();
    let is_hash = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash { Ok(hash) } else { Err("must be a hash printed by audit seal (64 hexadecimal digits)".to_owned()) }
}
