//! Each kind of broken history is recognized, named, and has a working remedy; with custom migration
//! lists on every engine.

use std::cell::RefCell;

use migration::Migration;
use shopctl::error::{Error, Kind};
use shopctl::migrate::history::{Direction, RunState, read};
use shopctl::migrate::lock_file::LockFile;
use shopctl::migrate::{Catalog, Job, Plan, Progress, Resolution, RunKind, State, rehearse, resolve, risks, run, up};

use super::{EVERYWHERE, Trial, on, plan};
use crate::support::Backend;

const ALPHA: Migration = Migration {
    name: "m1_alpha",
    up: |_| vec!["CREATE TABLE alpha (id int)".into()],
    down: |_| vec!["DROP TABLE alpha".into()],
};
const BETA: Migration = Migration {
    name: "m2_beta",
    up: |_| vec!["CREATE TABLE beta (id int)".into()],
    down: |_| vec!["DROP TABLE beta".into()],
};
const BETA_EDITED: Migration = Migration { up: |_| vec!["CREATE TABLE beta (id bigint)".into()], ..BETA };
const BETA_RENAMED: Migration = Migration { name: "m2_beta_by_another_name", ..BETA };
const GAMMA: Migration = Migration {
    name: "m3_gamma",
    up: |_| vec!["CREATE TABLE gamma (id int)".into()],
    down: |_| vec!["DROP TABLE gamma".into()],
};

fn of(migrations: &[Migration]) -> Plan {
    Plan { catalog: Catalog::new(migrations.to_vec(), ""), allow_late: false, ..plan() }
}

fn late(migrations: &[Migration]) -> Plan {
    Plan { allow_late: true, ..of(migrations) }
}

#[track_caller]
fn refused(result: Result<usize, Error>, code: &str, names: &str, way_out: &str) {
    let error = result.expect_err("refused");
    assert_eq!((error.kind(), error.code()), (Kind::CheckFailed, code));
    assert!(error.message().contains(names), "{error}");
    assert!(error.hints().iter().any(|hint| hint.to_string().contains(way_out)), "{:?}", error.hints());
}

impl Trial {
    async fn say(&self, plan: &Plan, name: &str, resolution: Resolution) -> bool {
        resolve(Job::silent(&self.database, plan), name, resolution).await.unwrap()
    }
}

#[test]
fn an_edited_migration_is_rejected_until_resolved() {
    on(&EVERYWHERE, async |trial| {
        trial.up(&of(&[ALPHA, BETA])).await.unwrap();
        let edited = of(&[ALPHA, BETA_EDITED, GAMMA]);
        assert_eq!(trial.states_of(&edited.catalog).await, [State::Applied, State::Edited, State::Pending]);
        refused(trial.up(&edited).await, "migrate.edited", BETA.name, "resolve m2_beta --applied");
        // Reverted.
        assert_eq!(trial.states_of(&of(&[ALPHA, BETA]).catalog).await, [State::Applied; 2]);
        // Blessed: the applied version is equivalent.
        let mut file = LockFile::default();
        file.bless(of(&[ALPHA, BETA]).catalog.migrations(), None, None).unwrap();
        file.bless(edited.catalog.migrations(), Some(BETA.name), Some("the same table")).unwrap();
        let blessed = Catalog::new(edited.catalog.migrations().to_vec(), file.to_text().unwrap());
        assert_eq!(trial.states_of(&blessed).await, [State::Applied, State::Applied, State::Pending]);
        // Resolved in this database only.
        assert!(trial.say(&edited, BETA.name, Resolution::Applied).await);
        assert!(!trial.say(&edited, BETA.name, Resolution::Applied).await, "said once is enough");
        assert_eq!(trial.up(&edited).await.unwrap(), 1);
        assert_eq!(trial.states_of(&edited.catalog).await, [State::Applied; 3]);
    });
}

#[test]
fn a_missing_migration_blocks_only_new_migrations() {
    on(&EVERYWHERE, async |trial| {
        trial.up(&of(&[ALPHA, BETA])).await.unwrap();
        assert_eq!(trial.states_of(&of(&[ALPHA]).catalog).await, [State::Applied, State::Missing]);
        let (list, notices) = (of(&[ALPHA]), RefCell::new(Vec::new()));
        let listen = |progress: Progress<'_>| {
            if let Progress::Notice(notice) = progress {
                notices.borrow_mut().push(notice.to_owned());
            }
        };
        let job = Job { progress: &listen, ..Job::silent(&trial.database, &list) };
        assert_eq!(up(job).await.unwrap().len(), 0);
        let notices = notices.into_inner();
        assert!(notices[0].contains(BETA.name), "{notices:?}");
        let without = [ALPHA, GAMMA];
        refused(trial.up(&of(&without)).await, "migrate.missing", BETA.name, "resolve m2_beta --reverted");
        assert!(trial.say(&of(&without), BETA.name, Resolution::Reverted).await);
        assert_eq!(trial.up(&of(&without)).await.unwrap(), 1);
        assert_eq!(trial.states_of(&of(&without).catalog).await, [State::Applied; 2]);
    });
}

#[test]
fn a_renamed_migration_is_recognized_by_its_checksum() {
    on(&EVERYWHERE, async |trial| {
        trial.up(&of(&[ALPHA, BETA])).await.unwrap();
        let renamed = of(&[ALPHA, BETA_RENAMED]);
        assert_eq!(trial.states_of(&renamed.catalog).await, [State::Applied, State::Renamed, State::Missing]);
        refused(trial.up(&renamed).await, "migrate.renamed", "applied as m2_beta", "resolve m2_beta --reverted");
        trial.say(&renamed, BETA.name, Resolution::Reverted).await;
        trial.say(&renamed, BETA_RENAMED.name, Resolution::Applied).await;
        assert_eq!(trial.states_of(&renamed.catalog).await, [State::Applied; 2]);
        assert_eq!(trial.down(&renamed).await.unwrap(), [BETA_RENAMED.name]);
    });
}

#[test]
fn a_late_migration_keeps_its_position_in_the_order_of_application() {
    on(&EVERYWHERE, async |trial| {
        trial.up(&of(&[ALPHA, GAMMA])).await.unwrap();
        let merged = [ALPHA, BETA, GAMMA];
        assert_eq!(trial.states_of(&of(&merged).catalog).await, [State::Applied, State::Late, State::Applied]);
        refused(trial.up(&of(&merged)).await, "migrate.late", BETA.name, "--allow-late");
        assert_eq!(trial.up(&late(&merged)).await.unwrap(), 1);
        assert_eq!(trial.up(&of(&merged)).await.unwrap(), 0);
        let two = Plan { steps: Some(2), ..of(&merged) };
        assert_eq!(trial.down(&two).await.unwrap(), [BETA.name, GAMMA.name]);
    });
}

#[test]
fn an_inconsistent_migration_list_is_rejected() {
    on(&[Backend::Sqlite], async |trial| {
        for (list, code) in [([BETA, ALPHA], "migrate.unsorted"), ([BETA, BETA_EDITED], "migrate.duplicate")] {
            refused(trial.up(&of(&list)).await, code, BETA.name, "name");
            let status = shopctl::migrate::status(trial.database.connection(), &of(&list).catalog).await;
            assert_eq!(status.unwrap_err().code(), code);
        }
    });
}

const HALF: Migration = Migration {
    name: "m2_half",
    up: |_| vec!["CREATE TABLE half (id int)".into(), "INSERT INTO nowhere VALUES (1)".into()],
    down: |_| vec!["DROP TABLE half".into()],
};

#[test]
fn a_failed_migration_is_rolled_back_and_names_its_statement() {
    on(&[Backend::Sqlite, Backend::Postgres], async |trial| {
        trial.up(&of(&[ALPHA])).await.unwrap();
        let before = trial.schema().await;
        let error = trial.up(&of(&[ALPHA, HALF])).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (Kind::Internal, "migrate.failed"));
        assert!(error.message().contains("m2_half") && error.message().contains("statement 2 of 2"), "{error}");
        assert_eq!(trial.schema().await, before);
        assert_eq!(trial.states_of(&of(&[ALPHA, HALF]).catalog).await, [State::Applied, State::Failed]);
        let history = read(trial.database.connection()).await.unwrap();
        let failed = history.runs.last().unwrap();
        assert_eq!((failed.state, failed.direction, failed.statements_done), (RunState::Failed, Direction::Up, 1));
        assert_eq!(failed.statement.as_deref(), Some("INSERT INTO nowhere VALUES (1)"));
        trial.sql("CREATE TABLE nowhere (id int)").await;
        assert_eq!(trial.up(&of(&[ALPHA, HALF])).await.unwrap(), 1);
        assert_eq!(trial.states_of(&of(&[ALPHA, HALF]).catalog).await, [State::Applied; 2]);
    });
}

#[test]
fn the_log_lists_every_run() {
    on(&EVERYWHERE, async |trial| {
        let list = of(&[ALPHA, BETA]);
        trial.up(&list).await.unwrap();
        trial.down(&list).await.unwrap();
        run(Job::silent(&trial.database, &list), RunKind::Redo).await.unwrap();
        let history = read(trial.database.connection()).await.unwrap();
        let told: Vec<_> = history.runs.iter().map(|run| (run.name.as_str(), run.direction.as_str())).collect();
        assert_eq!(
            told,
            [("m1_alpha", "up"), ("m2_beta", "up"), ("m2_beta", "down"), ("m1_alpha", "down"), ("m1_alpha", "up")]
        );
        assert!(history.runs.iter().all(|run| run.state == RunState::Done && run.runner.starts_with("tester@here")));
        assert!(
            history
                .runs
                .iter()
                .all(|run| run.duration_milliseconds.is_some() && run.statements_done == run.statements_total)
        );
        assert_eq!(trial.up(&list).await.unwrap(), 1);
    });
}

#[test]
fn reset_refresh_and_fresh() {
    on(&EVERYWHERE, async |trial| {
        let list = of(&[ALPHA, BETA]);
        let names = async |course| {
            let steps = run(Job::silent(&trial.database, &list), course).await.unwrap();
            steps.iter().map(|step| format!("{} {}", step.direction.as_str(), step.name)).collect::<Vec<_>>()
        };
        let (up, down) = (["up m1_alpha", "up m2_beta"], ["down m2_beta", "down m1_alpha"]);
        assert_eq!(names(RunKind::Up).await, up);
        let schema = trial.schema().await;
        assert_eq!(names(RunKind::Reset).await, down);
        assert_eq!(names(RunKind::Refresh).await, up);
        assert_eq!(names(RunKind::Refresh).await, [down, up].concat());
        trial.sql("CREATE TABLE of_others (id int)").await;
        trial.sql("CREATE VIEW seen AS SELECT * FROM of_others").await;
        assert_ne!(trial.schema().await, schema);
        assert_eq!(names(RunKind::Fresh).await, up);
        assert_eq!(trial.schema().await, schema, "what others made is gone too");
    });
}

/// What a runner leaves that is killed while `fresh` removes; only where DDL commits by itself.
#[test]
fn an_interrupted_removal_is_completed_only_by_fresh() {
    on(&[Backend::MariaDb], async |trial| {
        let list = of(&[ALPHA, BETA]);
        trial.up(&list).await.unwrap();
        let schema = trial.schema().await;
        for (name, value) in [("removal", "ann@build-7"), ("removal.1", "alpha"), ("removal.2", "beta")] {
            trial.sql(&format!("INSERT INTO shopctl_settings (name, value) VALUES ('{name}', '{value}')")).await;
        }
        trial.sql("DROP TABLE alpha").await;
        for course in [RunKind::Up, RunKind::Down, RunKind::Redo, RunKind::Reset, RunKind::Refresh] {
            let error = run(Job::silent(&trial.database, &list), course).await.unwrap_err();
            assert_eq!((error.kind(), error.code()), (Kind::Conflict, "migrate.removal"), "{course:?}");
            assert!(error.message().contains("1 dropped (alpha), 1 left (beta)"), "{error}");
        }
        run(Job::silent(&trial.database, &list), RunKind::Fresh).await.unwrap();
        assert_eq!(trial.schema().await, schema);
        assert_eq!(trial.up(&list).await.unwrap(), 0);
    });
}

#[test]
fn a_rehearsal_changes_nothing() {
    on(&[Backend::Sqlite, Backend::Postgres], async |trial| {
        let list = of(&[ALPHA, BETA]);
        let before = trial.schema().await;
        let rehearsed = rehearse(Job::silent(&trial.database, &list)).await.unwrap();
        let told: Vec<_> = rehearsed.iter().map(|one| (one.migration, one.statement.as_str())).collect();
        assert_eq!(told, [(ALPHA.name, "CREATE TABLE alpha (id int)"), (BETA.name, "CREATE TABLE beta (id int)")]);
        assert_eq!(trial.schema().await, before, "not even the history's tables");
        trial.up(&of(&[ALPHA])).await.unwrap();
        let before = trial.schema().await;
        assert_eq!(rehearse(Job::silent(&trial.database, &list)).await.unwrap().len(), 1);
        let error = rehearse(Job::silent(&trial.database, &of(&[ALPHA, HALF]))).await.unwrap_err();
        assert!(error.message().contains("would fail: statement 2"), "{error}");
        assert_eq!(trial.schema().await, before);
        assert_eq!(trial.states_of(&of(&[ALPHA, HALF]).catalog).await, [State::Applied, State::Pending]);
    });
}

const PARENTS: Migration = Migration {
    name: "m1_parents",
    up: |_| {
        vec![
            "CREATE TABLE parent (id int PRIMARY KEY)".into(),
            "CREATE TABLE child (id int REFERENCES parent (id) ON DELETE RESTRICT)".into(),
            "INSERT INTO parent VALUES (1)".into(),
            "INSERT INTO child VALUES (1)".into(),
        ]
    },
    down: |_| vec![],
};
/// SQLite's way of changing a table: https://www.sqlite.org/lang_altertable.html, section 7.
const REBUILD: Migration = Migration {
    name: "m2_rebuild",
    up: |_| {
        vec![
            "CREATE TABLE new_parent (id int PRIMARY KEY, name text)".into(),
            "INSERT INTO new_parent (id) SELECT id FROM parent".into(),
            "DROP TABLE parent".into(),
            "ALTER TABLE new_parent RENAME TO parent".into(),
        ]
    },
    down: |_| vec![],
};
const ORPHANS: Migration =
    Migration { name: "m3_orphans", up: |_| vec!["DELETE FROM parent".into()], down: |_| vec![] };
const ORPHANS_OF_NOTHING: Migration =
    Migration { name: "m3_orphans_of_nothing", up: |_| vec!["DROP TABLE parent".into()], down: |_| vec![] };

#[test]
fn sqlite_tables_are_rebuilt_but_nothing_refers_to_missing_rows_afterwards() {
    on(&[Backend::Sqlite], async |trial| {
        assert_eq!(trial.up(&of(&[PARENTS, REBUILD])).await.unwrap(), 2);
        for orphans in [ORPHANS, ORPHANS_OF_NOTHING] {
            let error = trial.up(&of(&[PARENTS, REBUILD, orphans])).await.unwrap_err();
            assert!(error.message().contains("child refers to missing rows of parent"), "{error}");
        }
        trial.sql("UPDATE parent SET name = 'still there'").await;
    });
}

#[test]
fn migrations_applied_by_another_tool_keep_their_position() {
    on(&EVERYWHERE, async |trial| {
        trial.up(&of(&[ALPHA, BETA])).await.unwrap();
        trial.sql("CREATE TABLE gamma (id int)").await;
        trial.sql("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m3_gamma', 1767225600)").await;
        let list = of(&[ALPHA, BETA, GAMMA]);
        assert_eq!(trial.states_of(&list.catalog).await, [State::Applied; 3]);
        assert_eq!(trial.up(&list).await.unwrap(), 0);
        let history = read(trial.database.connection()).await.unwrap();
        assert_eq!(history.runs.last().unwrap().direction, Direction::Adopt);
        assert_eq!(trial.down(&Plan { steps: Some(2), ..list }).await.unwrap(), [GAMMA.name, BETA.name]);
    });
}

const RISKY: Migration = Migration {
    name: "m2_risky",
    up: |_| vec!["ALTER TABLE alpha RENAME TO omega".into()],
    down: |_| vec!["ALTER TABLE omega RENAME TO alpha".into()],
};

#[test]
fn risky_steps_on_existing_tables_require_confirmation() {
    on(&EVERYWHERE, async |trial| {
        let list = of(&[ALPHA, RISKY]);
        let count = async || risks(Job::silent(&trial.database, &list)).await.unwrap().len();
        assert_eq!(count().await, 0, "nobody uses a table of the same run");
        trial.up(&of(&[ALPHA])).await.unwrap();
        assert_eq!(count().await, 1);
        trial.up(&list).await.unwrap();
        assert_eq!(count().await, 0);
    });
}

#[test]
fn only_recorded_migrations_can_be_resolved() {
    on(&[Backend::Sqlite], async |trial| {
        for resolution in [Resolution::Applied, Resolution::Reverted] {
            let list = of(&[ALPHA]);
            let error = resolve(Job::silent(&trial.database, &list), "m9_nobodys", resolution).await.unwrap_err();
            assert_eq!(error.kind(), Kind::NotFound);
        }
    });
}
