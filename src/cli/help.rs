//! `shopctl help TOPIC`, and errors for invalid arguments.

mod json;
mod usage;

use clap::{Args, CommandFactory};

pub use self::usage::report_invalid_arguments;
use super::Cli;
use super::shared::after_help::exit_code_lines;
use super::shared::topics::TOPICS;
use crate::bulk::{ProductRow, Row, UserRow};
use crate::domain::order_status::{LIFECYCLE, StockEffect};
use crate::domain::similar::closest;
use crate::error::{Error, Result, printable};
use crate::output::{Format, Output};

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  shopctl help exit-codes\n  shopctl help order create\n  shopctl help --json")]
pub struct Arguments {
    /// Topic (configuration, environment, exit-codes, formatting, …) or command
    #[arg(value_name = "TOPIC")]
    topic: Vec<String>,
}

const ENVIRONMENT: &str = "\
Order of precedence: flag, environment, .env, shopctl.toml, the embedded shop.

  DATABASE_URL       postgres://USER:PASSWORD@HOST:PORT/DATABASE, mysql://…,
                     mariadb://… or sqlite:PATH; several hosts (HOST1,HOST2) are
                     tried in order, for writes until one accepts them
  DB_DIALECT, DB_HOST, DB_PORT, DB_NAME, DB_USER, DB_PASSWORD, DB_SSL
                     the same in parts
  DB_PASSWORD_FILE   file whose first line is the password
  DB_SSL, sslmode    true (verify-full), false (disable), prefer, require,
                     verify-ca or verify-full; the default is verify-full unless
                     the host is this machine; require with an authority is
                     verify-ca
  DB_SSL_ROOT_CERT   PEM file with the authority that signed the server's
                     certificate; in the URL sslrootcert=FILE (MySQL: ssl-ca)
  DB_SSL_CERT, DB_SSL_KEY
                     PEM files with a client certificate and its key; in the URL
                     sslcert=FILE and sslkey=FILE
  PGPASSWORD, PGPASSFILE, ~/.pgpass, PGSSLROOTCERT, PGSSLCERT, PGSSLKEY,
  PGOPTIONS          for PostgreSQL, unless set elsewhere; PGHOST, PGSSLMODE and
                     others are not read
  DB_POOL_MAX        maximum number of connections (20)
  DB_POOL_MIN        minimum number of connections (0)
  DB_POOL_ACQUIRE    maximum wait for a connection (30s)
  DB_POOL_IDLE       time after which idle connections are closed (10s)
  SHOPCTL_CONTEXT    name of a database in shopctl.toml, as --context
  SHOPCTL_TIMEOUT    as --timeout (30s)
  SHOPCTL_CONNECT_TIMEOUT
                     as --connect-timeout (5s)
  SHOPCTL_ACTOR      who makes the change, for the audit trail, as --actor
  SHOPCTL_BACKUP_DIR folder for backups (backups beside the embedded shop)
  TZ                 time zone of times typed and shown, as --tz (UTC)
  TZDIR              folder of the time zone files, if not in the usual place
  CI                 if set, never prompt and never start a pager
  SHOPCTL_PAGER, PAGER
                     program for output that is longer than the screen (less);
                     cat or nothing: none
  NO_COLOR, FORCE_COLOR, CLICOLOR_FORCE, TERM=dumb, RUST_LOG
                     as in other programs

shopctl config show prints every setting with its origin.
";

const CONFIGURATION: &str = "\
Order of precedence: flag, environment, .env, shopctl.toml, the embedded shop.

shopctl.toml is read from the working directory and from the user's
configuration folder (shopctl config path). Every setting is optional:

  database_url = \"postgres://admin@db.example.com/shop\"
  timezone = \"Europe/Berlin\"   # as --tz
  timeout = \"30s\"              # as --timeout; also connect_timeout
  backup_dir = \"~/backups\"

  [context.live]                # for --context live
  protected = true              # ask for the database's name before anything
                                # is destroyed
  [context.live.database]       # or database_url = \"…\" in [context.live]
  dialect = \"mysql\"
  host = \"db.example.com\"
  port = 3306
  name = \"shop\"
  user = \"admin\"
  password_file = \"~/shop-password\"   # or password, password_command
  ssl = \"verify-full\"         # also ssl_root_cert, ssl_cert, ssl_key

  [context.reports]
  database_url = \"sqlite:reports.db\"
  read_only = true              # refuse everything that writes

  [pool]                        # max, min, acquire, idle

shopctl config show prints every setting with its origin.
";

const FORMATTING: &str = "\
Data goes to standard output, everything else to standard error.

  --output table       for people, fitted to the terminal; default on a terminal
  --output tsv         tab-separated, without a header; the default in a pipe;
                       tabs, line breaks and backslashes are escaped; exports
                       are quoted like CSV, so that import can read them
  --output csv         with a header; cells that a spreadsheet would execute get
                       a leading '
  --output json        one value; its shape depends on the command only:
                       lists are {\"items\": […], \"next\": cursor or null};
                       show, create and changes of one object are the object;
                       changes of any number of objects, even of one, are
                       {\"changed\": …, \"items\": […]}
  --output jsonl       one object per line
  --output id          only ids, one per line
  --output mongo-json  one MongoDB Extended JSON v2 document per line
  --fields a,b         only these fields, in this order
  --no-headers         no header in table and csv

Amounts are text (\"12.50\"); times are RFC 3339 in UTC with microseconds.
Only tables show times in the zone of --tz, TZ or timezone in shopctl.toml.
Commands that change something have no csv, tsv and mongo-json.

A table is never wider than the terminal: what does not fit is shown below its
row, and less important columns and columns without values are left out.

Times are typed as 2026-03-01, 2026-03-01 12:30, 2026-03, 2026-W09, 2026, today,
yesterday, this-week, last-week, this-month, last-month, this-year, last-year,
now, an age such as 12h, 7d or 2w, or as RFC 3339. --until includes the day,
week, month, year or minute that it names.
";

const IMPORT: &str = "\
user, product, order and stock import read CSV, JSON lines or JSON, depending on
the file's extension or --format; - is standard input. --format mongo-json reads
what mongoexport writes: lines, a list or --pretty.

  user      USER_COLUMNS
  product   PRODUCT_COLUMNS
  order     reference, user, sku, quantity, unit_price, status, created_at,
            total_amount; one row per line, the lines of an order together;
            in JSON the lines may be nested as \"items\"
  stock     sku, received (a delivery) or sku, counted, expected (a stock-take);
            the whole file is one transaction

Other columns of an export are ignored. Column names may differ in case, spaces,
_ and -. Rename columns with --map THEIRS=OURS, ignore some with
--ignore-columns A,B or all others with --only-mapped. In JSON a name may be a
path: --map customer.email=user.

CSV is read strictly according to RFC 4180: an unclosed quote, or text next to
one, rejects the file. The delimiter is detected from the header (--delimiter).
Text is UTF-8, or UTF-16 with a byte order mark (--encoding windows-1252).
Empty rows and columns are ignored. A JSON file is a list, or an object with one
list; a syntax error rejects the file.

All rows are checked first, then written in transactions of --batch lines.
Invalid rows reject the file (exit 7) or, with --on-error reject-rows, only
themselves (exit 8). --errors FILE lists them with their reasons.

Existing rows are found by their key. Users and products are updated where they
differ; an existing order must match the file or is rejected. --on-conflict skip
leaves existing rows unchanged, error rejects them. Repeating an import changes
nothing, and a delivery whose file was already received is refused; --resume
continues where the last run of the same file stopped, or at the first row it
rejected.

A new row gets the _id of its document: a UUID as it is, an ObjectId as a UUID
of version 7 with its time and bytes, a text or whole number as one made of its
hash. A _id that another row has already is refused; --ignore-columns _id gives
rows new ids. Dates of MongoDB have milliseconds: a stored time that differs
only in microseconds counts as the same.

Amounts in two currencies reject the file: --currency EUR imports the rows in
one of them. --skip-lines N skips lines above the CSV header.

To copy a shop into an empty one, import its user, product and order exports in
this order, the orders with --stock skip, or use copy, which keeps everything.
Passwords, the times of users and products, and the history of stock and changes
are not in exports; ids are taken from mongo-json only. Anonymized users stay
anonymized. Rows of other programs that this shop would not write are
rejected with a reason.
";

pub fn run(output: &Output, arguments: &Arguments) -> Result<()> {
    let is_json = output.requested_format() == Some(Format::Json);
    match arguments.topic.first().map(String::as_str) {
        None if is_json => output.document(&json::program(&Cli::whole(), &TOPICS)),
        None => output.text(&render(&mut Cli::command())),
        Some("configuration") => output.prose(CONFIGURATION),
        Some("environment") => output.prose(ENVIRONMENT),
        Some("formatting") => output.prose(FORMATTING),
        Some("import") => output.prose(&import()),
        Some("exit-codes") => output.prose(&exit_code_lines()),
        Some("lifecycle") => output.prose(&lifecycle()),
        Some(_) => command_help(output, &arguments.topic, is_json),
    }
}

fn render(command: &mut clap::Command) -> String {
    command.render_long_help().to_string()
}

fn command_help(output: &Output, words: &[String], is_json: bool) -> Result<()> {
    let mut command = Cli::whole();
    let mut above = Vec::new();
    for word in words {
        let Some(next) = command.find_subcommand(word).cloned() else {
            let names: Vec<&str> =
                TOPICS.into_iter().chain(command.get_subcommands().map(clap::Command::get_name)).collect();
            return Err(Error::usage(format!("there is no help on {}", printable(word)))
                .hints_of(closest(word, names).map(|close| format!("did you mean {close}?")))
                .hint(format!("topics: {}; or a command", TOPICS.join(", "))));
        };
        above.push(command.get_name().to_owned());
        command = next;
    }
    if is_json {
        let above: Vec<&str> = above.iter().map(String::as_str).collect();
        return output.document(&json::describe(&command, &above));
    }
    output.text(&render(&mut command))
}

/// The import topic with the columns of users and products filled in.
fn import() -> String {
    let columns = |names: &[&str]| names.join(", ");
    IMPORT
        .replace("USER_COLUMNS", &columns(UserRow::COLUMNS.known))
        .replace("PRODUCT_COLUMNS", &columns(ProductRow::COLUMNS.known))
}

/// The order lifecycle, from the table that defines it.
fn lifecycle() -> String {
    let mut text = String::from("from       verb      to         stock\n-          create    pending    taken\n");
    for row in LIFECYCLE {
        let stock = match row.stock {
            StockEffect::None => "",
            StockEffect::Restored => "restocked (not with --no-restock)",
            StockEffect::OnRequest => "restocked with --restock or --restock-all",
        };
        let (from, verb, to) = (row.from.as_str(), row.verb.as_str(), row.verb.leads_to().as_str());
        let line = format!("{from:<10} {verb:<9} {to:<10} {stock}");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push_str("\nA verb that leads to the current status changes nothing; all others are refused.\n");
    text.push_str("A partial refund keeps the status until the whole total is refunded; for units\n");
    text.push_str("returned later, there is order restock.\n");
    text
}
