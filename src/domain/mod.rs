//! The shop's values: parse, check, compute. Pure: no I/O, no async, no clock of its own.
//!
//! Strict when written: each `parse` refuses what the shop does not allow, with the reason. What
//! other programs wrote is read as it stands and never passes through here.

#[macro_use]
mod named;

pub mod amount;
pub mod clock;
pub mod email;
pub mod event;
pub mod id;
pub mod idempotency_key;
pub mod moment;
pub mod money;
pub mod movement_reason;
pub mod name;
pub mod order_status;
pub mod page;
pub mod password;
pub mod period;
pub mod personal;
pub mod price_change;
pub mod price_history;
pub mod quantity;
pub mod reference;
pub mod similar;
pub mod sku;
pub mod spreadsheet;
pub mod text;
pub mod user_status;
pub mod violations;
pub mod written_number;
pub mod written_time;
pub mod zone;

pub use amount::Amount;
pub use clock::{Clock, IdSource};
pub use email::Email;
pub use event::{EntityKind, EventName, Outcome};
pub use id::{Id, OddId};
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
pub use sku::Sku;
pub use user_status::UserStatus;
pub use violations::{Violation, Violations};
pub use written_time::{DateOrder, WrittenTime};
pub use zone::Zone;
