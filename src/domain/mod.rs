//! The shop's values: parsing, validation, computation. Pure: no I/O, no async, no clock.
//!
//! Strict when written: each `parse` rejects invalid values with the reason. Values stored by other
//! programs are read unchanged and do not pass through here.

#[macro_use]
mod named;

pub(crate) mod amount;
pub(crate) mod clock;
pub(crate) mod currency;
pub(crate) mod email;
pub(crate) mod event;
pub(crate) mod id;
pub(crate) mod idempotency_key;
pub(crate) mod moment;
pub(crate) mod money;
pub(crate) mod movement_reason;
pub(crate) mod name;
pub(crate) mod number_parser;
pub mod order_status;
pub(crate) mod page;
pub(crate) mod password;
pub(crate) mod period;
pub mod personal;
pub(crate) mod price_change;
pub(crate) mod price_history;
pub(crate) mod quantity;
pub(crate) mod reference;
pub(crate) mod search_text;
pub(crate) mod share;
pub(crate) mod similar;
pub(crate) mod sku;
pub(crate) mod spreadsheet;
pub mod text;
pub(crate) mod time_parser;
pub(crate) mod tracking;
pub(crate) mod typed_time;
pub(crate) mod user_status;
pub(crate) mod violations;
pub(crate) mod words;
pub(crate) mod zone;

pub use amount::Amount;
pub use clock::{Clock, IdSource};
pub use email::{EMAIL_PATTERN, Email};
pub use event::{EntityKind, EventName, Outcome};
pub use id::{Form, Id, OddId};
pub use idempotency_key::IdempotencyKey;
pub use money::Money;
pub use movement_reason::MovementReason;
pub use name::{PersonName, ProductName};
pub(crate) use named::named_enum;
pub use order_status::OrderStatus;
pub use page::{Cursor, Page};
pub use password::Password;
pub use quantity::Quantity;
pub use reference::Reference;
pub use search_text::SearchText;
pub use share::Share;
pub use sku::Sku;
pub use time_parser::{DateOrder, ParsedTime};
pub use typed_time::TypedTime;
pub use user_status::UserStatus;
pub use violations::{Violation, Violations};
pub use zone::Zone;
