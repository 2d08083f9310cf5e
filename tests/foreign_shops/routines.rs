//! Functions and procedures of another program that use names which become others.

use crate::support::foreign::{assert_taken_over, hints, made_by_others, sequelize};
use crate::support::{Backend, Shop};

/// Refused with these statements, which make room; the shop is taken over then.
fn assert_named_first(made: &Shop, removals: &[&str]) {
    let before = made.schema();
    for arguments in [["adopt", "--dry-run"], ["adopt", "--sql"], ["adopt", "--yes"]] {
        let run = made.run(&arguments).exits_with(6);
        let found: Vec<String> = hints(&run.stderr)
            .iter()
            .filter_map(|hint| Some(hint[hint.rfind(": ").filter(|_| hint.contains("recreate it"))? + 2..].to_owned()))
            .collect();
        assert_eq!(found, removals, "{run}");
        assert!(made.schema() == before, "nothing was changed");
    }
    removals.iter().for_each(|statement| made.sql(statement));
    made.run(&["adopt", "--yes"]).success();
    assert_taken_over(made);
}

#[test]
fn triggers_on_postgres_whose_function_uses_old_names_are_named_first() {
    for (objects, removals) in [
        // The columns of the trigger's own table, without the table.
        (
            &[
                "CREATE FUNCTION greet() RETURNS trigger LANGUAGE plpgsql AS \
               'BEGIN NEW.\"firstName\" := initcap(NEW.\"firstName\"); RETURN NEW; END'",
                "CREATE TRIGGER greeted BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION greet()",
            ][..],
            &["DROP TRIGGER \"greeted\" ON \"users\""][..],
        ),
        // One function for several triggers, also one of a table that the shop does not know, in a text that is put together.
        (
            &[
                "CREATE TABLE seen (x integer)",
                "CREATE FUNCTION take() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
               EXECUTE format('UPDATE %I SET %I = 0', 'products', 'stockQuantity'); RETURN NULL; END $$",
                "CREATE TRIGGER t1 AFTER INSERT ON seen EXECUTE FUNCTION take()",
                "CREATE TRIGGER t2 AFTER DELETE ON orders EXECUTE FUNCTION take()",
            ],
            &["DROP TRIGGER \"t2\" ON \"orders\"", "DROP TRIGGER \"t1\" ON \"seen\""],
        ),
        // By way of another function, for a table with another name.
        (
            &[
                "CREATE FUNCTION lines() RETURNS bigint LANGUAGE sql AS 'SELECT COUNT(*) FROM \"OrderItems\"'",
                "CREATE FUNCTION counted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM lines(); RETURN NEW; END'",
                "CREATE TRIGGER counted AFTER INSERT ON products EXECUTE FUNCTION counted()",
                "CREATE VIEW line_count AS SELECT lines() AS n",
            ],
            &["DROP VIEW \"line_count\"", "DROP TRIGGER \"counted\" ON \"products\""],
        ),
        // A view's own trigger.
        (
            &[
                "CREATE VIEW people AS SELECT id, email FROM users",
                "CREATE FUNCTION added() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
               UPDATE users SET \"lastName\" = 'x' WHERE id = NEW.id; RETURN NEW; END $$",
                "CREATE TRIGGER added INSTEAD OF UPDATE ON people FOR EACH ROW EXECUTE FUNCTION added()",
            ],
            &["DROP TRIGGER \"added\" ON \"people\"", "DROP VIEW \"people\""],
        ),
    ] {
        let Some(shop) = Shop::empty(Backend::Postgres) else { return };
        let made = made_by_others(&shop, &sequelize(Backend::Postgres));
        objects.iter().for_each(|statement| made.sql(statement));
        assert_named_first(&made, removals);
    }
}

#[test]
fn triggers_on_postgres_whose_function_uses_no_old_names_stay() {
    let Some(shop) = Shop::empty(Backend::Postgres) else { return };
    let made = made_by_others(&shop, &sequelize(Backend::Postgres));
    for statement in [
        "CREATE TABLE seen (\"firstName\" text)",
        // An own table with such a column, a comment, and longer words.
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN\n-- users.\"firstName\" isn't used\n\
         INSERT INTO seen (\"firstName\") VALUES ('firstNames'); RETURN NEW; END $$",
        "CREATE TRIGGER noted AFTER INSERT ON products EXECUTE FUNCTION note()",
        // A text that is parsed follows the new names.
        "CREATE FUNCTION made_at(uuid) RETURNS timestamptz BEGIN ATOMIC SELECT \"createdAt\" FROM users WHERE id = $1; END",
        // Nothing in the database calls it.
        "CREATE FUNCTION lines() RETURNS bigint LANGUAGE sql AS 'SELECT COUNT(*) FROM \"OrderItems\"'",
    ] {
        made.sql(statement);
    }
    made.run(&["adopt", "--yes"]).success();
    assert_taken_over(&made);
    assert_eq!(made.number("SELECT COUNT(*) FROM users WHERE made_at(id) = created_at"), 2);
    made.product("PEN", "1.00", 0);
    assert_eq!(made.number("SELECT COUNT(*) FROM seen"), 1);
}

#[test]
fn triggers_on_mariadb_that_call_a_procedure_with_old_names_are_named_first() {
    let Some(shop) = Shop::empty(Backend::MariaDb) else { return };
    let made = made_by_others(&shop, &sequelize(Backend::MariaDb));
    for statement in [
        "CREATE TABLE seen (x integer)",
        "CREATE PROCEDURE take() UPDATE products SET stockQuantity = 0",
        "CREATE TRIGGER taken AFTER INSERT ON seen FOR EACH ROW CALL take()",
    ] {
        made.sql(statement);
    }
    assert_named_first(&made, &["DROP TRIGGER `taken`"]);
}
