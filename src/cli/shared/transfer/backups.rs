//! Backups: made, opened and restored.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use sea_orm::ConnectionTrait;

use super::{prepare, reporting};
use crate::cli::shared::import::open_input;
use crate::cli::shared::migrations::whole_plan;
use crate::config::Config;
use crate::context::Context;
use crate::db::target::Target;
use crate::db::write::WriteHandle;
use crate::db::{Database, Expected, changed_meanwhile};
use crate::domain::moment;
use crate::entity::tables::Table;
use crate::error::{Cause, CommandLine, Error, Hint, Kind, Result, printable};
use crate::file::{OutputFile, create_private_folder, input_name, is_standard_stream, remove_older};
use crate::migrate::{self, Catalog, Job, Plan, RunKind, State};
use crate::repository::audit_seal;
use crate::service::committing::Pending;
use crate::transfer::Origin;
use crate::transfer::backup::{self, BackupReader, Header, Manifest, TableHeader};
use crate::transfer::compare::fingerprint;
use crate::transfer::fill::{Filled, fill};
use crate::transfer::snapshot::{LockedShop, ShopSnapshot};

/// The extension of a backup.
pub const ENDING: &str = "backup";

/// How many of the backups of a shop are kept that were made before its rows were removed.
const KEPT: usize = 3;

/// The file of a new backup in the folder of backups, which is made where it is missing.
///
/// Errors: exit 4 where the folder cannot be made.
pub fn new_path(context: &Context, config: &Config) -> Result<PathBuf> {
    let folder = backup_folder(config)?;
    Ok(folder.join(format!("{}-{}.{ENDING}", file_name(&config.target), time(context))))
}

/// Backs up a shop before its rows are removed, and keeps the newest of such backups.
///
/// Errors: those of [`back_up`]; nothing may be removed then.
pub async fn back_up_before(context: &Context, config: &Config, database: &Database, why: &str) -> Result<Manifest> {
    let (folder, beginning) = (backup_folder(config)?, format!("{}-before-", file_name(&config.target)));
    let path = folder.join(format!("{beginning}{why}-{}.{ENDING}", time(context)));
    let manifest = back_up(context, database, &path).await?;
    context.output.note(&format!("{} backed up to {}", database.target(), path.display()));
    remove_older(&folder, &beginning, &format!(".{ENDING}"), KEPT);
    Ok(manifest)
}

fn backup_folder(config: &Config) -> Result<PathBuf> {
    let folder = config.backup_folder();
    let made = create_private_folder(&folder);
    made.map_err(|error| error.hint("set another folder with SHOPCTL_BACKUP_DIR or backup_dir in shopctl.toml"))?;
    Ok(folder)
}

/// The time in the name of a backup, by which they are sorted.
fn time(context: &Context) -> impl Display {
    context.clock.now().format("%Y%m%d-%H%M%S%.3f")
}

/// The name of a database as that of a file, different from that of the same name on another server.
fn file_name(target: &Target) -> String {
    let name = match target {
        Target::Sqlite(_) => target.name(),
        Target::Server(server) => format!("{}-{}-{}", server.host, server.port, server.database),
    };
    let plain = |letter: char| if letter.is_alphanumeric() || "-_.".contains(letter) { letter } else { '_' };
    name.chars().map(plain).collect()
}

/// Writes a shop to a file, which is complete or not there.
///
/// Errors: exit 4 where there is no shop, or that of another program; exit 6 for a file that is there, which may be the
/// only backup; those of reading and writing.
pub async fn back_up(context: &Context, database: &Database, path: &Path) -> Result<Manifest> {
    migrate::refuse_foreign_shop(database.connection(), &Catalog::embedded()).await?;
    let mut shop = ShopSnapshot::begin(database).await?;
    let has = |name: &str| shop.tables().iter().any(|table| table.name == name);
    if shop.tables().is_empty() {
        return Err(Error::from_cause(Cause::NoSchema, format!("there is no shop in {}", database.target())));
    }
    let head = match has("audit_seals") {
        true => audit_seal::find_last(shop.connection()).await?.map(|seal| seal.hash.to_string()),
        false => None,
    };
    let header = header(context, &shop).await?;
    let mut out = OutputFile::open(path).await?.for_owner_only()?;
    if out.replaces_another() {
        let message = format!("{} already exists", printable(&path.to_string_lossy()));
        return Err(Error::conflict("backup.exists", message)
            .hint("name another file, or leave out --out for a new one in the backup folder"));
    }
    let manifest = backup::write(&mut shop, &header, head, &mut out, &mut reporting(context, header.rows)).await?;
    shop.end().await;
    context.committing.begin(Pending::File);
    let completed = out.complete();
    context.committing.end();
    completed?;
    Ok(manifest)
}

async fn header(context: &Context, shop: &ShopSnapshot) -> Result<Header> {
    let connection = shop.connection();
    let tables = shop.tables().into_iter().map(|table| TableHeader {
        columns: table.columns.into_iter().map(|column| column.name).collect(),
        name: table.name,
    });
    Ok(Header {
        program: env!("CARGO_PKG_VERSION").to_owned(),
        engine: shop.engine().as_str().to_owned(),
        time: moment::rfc3339(context.clock.now()),
        environment: migrate::setting(connection, migrate::ENVIRONMENT).await?,
        migrations: applied(connection).await?,
        rows: shop.count().await?,
        tables: tables.collect(),
    })
}

/// The migrations that a database has, oldest first.
async fn applied(connection: &impl ConnectionTrait) -> Result<Vec<String>> {
    let all = migrate::status(connection, &Catalog::embedded()).await?.into_iter();
    let is_applied = |state: State| matches!(state, State::Applied | State::Edited);
    Ok(all.filter(|migration| is_applied(migration.state)).map(|migration| migration.name).collect())
}

/// A backup as messages name it.
pub fn name(path: &Path) -> String {
    input_name(Some(path).filter(|path| !is_standard_stream(path)))
}

/// Opens a backup of which every byte is as it was written.
///
/// Errors: exit 4 if it cannot be read; exit 7 if it is no backup, is damaged or needs a newer program.
pub async fn open(context: &Context, path: &Path) -> Result<BackupReader> {
    let reader = BackupReader::open(Path::new(&name(path)), open_input(context, path).await?)?;
    let catalog = Catalog::embedded();
    let unknown = reader.header().migrations.iter().find(|name| catalog.find(name).is_none());
    match unknown {
        None => Ok(reader),
        Some(name) => Err(reader.newer(&format!("the migration {}", printable(name)))),
    }
}

/// Writes a backup to an empty database, with the schema that it had, and reads everything back.
///
/// Errors: exit 9 where the shop is not what the backup says; those of the database.
pub async fn restore(context: &Context, mut reader: BackupReader, database: &Database) -> Result<Vec<Filled>> {
    let header = reader.header().clone();
    // The rows fit the schema that they were in; newer migrations are applied afterwards.
    let plan = Plan { to: header.migrations.last().cloned(), ..whole_plan(context) };
    let here = applied(database.connection()).await?;
    if here.iter().any(|name| !header.migrations.contains(name)) {
        migrate::run(Job::silent(database, &plan), RunKind::Reset).await?;
    }
    prepare(database, &plan, header.environment.as_deref()).await?;
    let remedy = Hint::from("to check, and to complete it: ").and(CommandLine::again());
    let mut report = reporting(context, header.rows);
    let loaded = fill(&mut reader, database, &context.committing, remedy, &mut report, &|_| None).await?;
    drop(report);
    verify(context, database, &loaded, &reader.manifest()?).await?;
    Ok(loaded)
}

/// Whether a shop has every row of a backup already.
pub async fn has_all(database: &Database, reader: &mut BackupReader) -> Result<bool> {
    let mut shop = ShopSnapshot::begin(database).await?;
    let mut is_same = shop.count().await? == reader.header().rows;
    for table in reader.tables() {
        is_same = is_same
            && shop.has_columns_of(&table)
            && fingerprint(&table, reader).await? == fingerprint(&table, &mut shop).await?;
    }
    shop.end().await;
    Ok(is_same)
}

/// Reads everything back.
async fn verify(context: &Context, database: &Database, loaded: &[Filled], manifest: &Manifest) -> Result<()> {
    context.output.note("comparing every row");
    let mut shop = ShopSnapshot::begin(database).await?;
    let mut different = Vec::new();
    for (table, of_file) in loaded {
        let there = fingerprint(table, &mut shop).await?;
        let is_said = manifest.tables.get(&table.name).is_some_and(|sum| sum.digest == there.digest());
        if there != *of_file || !is_said {
            different.push(table.name.as_str());
        }
    }
    shop.end().await;
    if different.is_empty() {
        return Ok(());
    }
    let message = format!("{} differs from the backup: {}", database.target(), different.join(", "));
    Err(Error::new(Kind::CheckFailed, "restore.different", message))
}

/// Removes every row of a shop, each of which its backup must have, in one transaction.
///
/// Errors: exit 6 if the shop has changed since it was backed up; those of [`Database::clear`].
pub async fn clear(database: &Database, backup: &Manifest) -> Result<()> {
    let shop = ShopSnapshot::begin(database).await?;
    let tables = shop.tables();
    shop.end().await;
    let saved = |table: &Table| backup.tables.get(&table.name);
    let expected: Vec<Expected> =
        tables.iter().map(|table| (table.name.clone(), saved(table).map_or(0, |saved| saved.rows))).collect();
    let check = async |handle: &WriteHandle| {
        let mut shop = LockedShop { handle, tables: tables.clone() };
        for table in &tables {
            let there = fingerprint(table, &mut shop).await?;
            if saved(table).map_or(there.rows > 0, |saved| saved.digest != there.digest()) {
                let table = &table.name;
                let message = format!("another program is at work: {table} has changed since it was backed up");
                return Err(changed_meanwhile(message));
            }
        }
        Ok(())
    };
    database.clear(&expected, Hint::from("to continue: ").and(CommandLine::again()), check).await
}
