//! Seed files: their format, validated as strictly as typed input.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::domain::order_status::{self, Verb};
use crate::domain::text::{hexadecimal, position};
use crate::domain::{
    Email, Money, OrderStatus, Password, PersonName, Quantity, Reference, Sku, UserStatus, Violations, moment,
    text::multi_line,
};
use crate::entity::product;
use crate::error::{Error, Kind, Result, io_reason, printable};
use crate::service::order_lifecycle::RefundScope;
use crate::service::place_order::{NewLine, NewOrder};

use super::raw_product::RawProduct;

/// A validated seed.
#[derive(Debug, Clone)]
pub struct Seed {
    /// File name without extension: `20260101000001_catalogue`.
    pub name: String,
    pub description: String,
    pub environments: Vec<String>,
    /// SHA-256 of the file, hexadecimal.
    pub checksum: String,
    pub users: Vec<SeedUser>,
    pub products: Vec<product::Model>,
    pub orders: Vec<SeedOrder>,
}

/// An order of a seed and its final status.
#[derive(Debug, Clone)]
pub struct SeedOrder {
    pub new: NewOrder,
    pub reference: Reference,
    pub status: OrderStatus,
    /// Refunds in part, oldest first; a refunded order gets the rest besides.
    pub refunds: Vec<SeedRefund>,
}

/// A refund of an order of a seed.
#[derive(Debug, Clone)]
pub struct SeedRefund {
    pub scope: RefundScope,
    pub reason: Option<String>,
}

/// A user of a seed; the password is hashed when the seed is applied.
#[derive(Debug, Clone)]
pub struct SeedUser {
    pub email: Email,
    pub first_name: PersonName,
    pub last_name: PersonName,
    pub password: Password,
    pub status: Option<UserStatus>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSeed {
    pub(super) description: String,
    pub(super) environments: Vec<String>,
    #[serde(default, rename = "user", skip_serializing_if = "Vec::is_empty")]
    pub(super) users: Vec<RawUser>,
    #[serde(default, rename = "product", skip_serializing_if = "Vec::is_empty")]
    pub(super) products: Vec<RawProduct>,
    #[serde(default, rename = "order", skip_serializing_if = "Vec::is_empty")]
    pub(super) orders: Vec<RawOrder>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawUser {
    pub(super) email: String,
    pub(super) first_name: String,
    pub(super) last_name: String,
    pub(super) password: String,
    /// active or disabled; active when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawOrder {
    pub(super) reference: String,
    pub(super) user: String,
    #[serde(default = "pending")]
    pub(super) status: String,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) placed_at: Option<String>,
    pub(super) items: Vec<RawItem>,
    #[serde(default, rename = "refund", skip_serializing_if = "Vec::is_empty")]
    pub(super) refunds: Vec<RawRefund>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRefund {
    pub(super) amount: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    /// The refunded pieces; none for money alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) items: Vec<RawRefundItem>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRefundItem {
    pub(super) sku: String,
    pub(super) quantity: i64,
}

fn pending() -> String {
    OrderStatus::Pending.as_str().to_owned()
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawItem {
    pub(super) sku: String,
    pub(super) quantity: i64,
    /// The product's price if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unit_price: Option<String>,
}

/// The maximum size of a seed file, in bytes.
const MAX_BYTES: u64 = 10 * 1024 * 1024;

impl Seed {
    /// Reads every `.toml` file of a folder, by name.
    ///
    /// Errors: exit 4 for a folder or file that cannot be read; those of [`Seed::parse`].
    pub fn read_folder(folder: &Path) -> Result<Vec<Seed>> {
        let unreadable = |path: &Path, what: &dyn std::fmt::Display| {
            let message = format!("{}: {what}", path.display());
            Error::new(Kind::Configuration, "seed.unreadable", message)
        };
        let entries = std::fs::read_dir(folder).map_err(|error| unreadable(folder, &io_reason(&error)))?;
        let mut paths: Vec<_> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
            .collect();
        paths.sort();
        let read = |path: &std::path::PathBuf| {
            let length = path.metadata().map_err(|error| unreadable(path, &io_reason(&error)))?.len();
            if length > MAX_BYTES {
                return Err(unreadable(path, &format!("the file has {length} bytes, more than {MAX_BYTES}")));
            }
            let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &io_reason(&error)))?;
            let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            Seed::parse(&name, &text)
        };
        paths.iter().map(read).collect()
    }

    pub fn is_meant_for(&self, environment: &str) -> bool {
        self.environments.iter().any(|allowed| allowed == environment)
    }

    /// Errors: exit 11 if the seed is not intended for the environment.
    pub fn check_environment(&self, environment: &str) -> Result<()> {
        if self.is_meant_for(environment) {
            return Ok(());
        }
        let meant = self.environments.join(", ");
        let message = format!("seed {} is for {meant}, but this database is for {environment}", self.name);
        Err(Error::new(Kind::ConfirmationNeeded, "seed.environment", message))
    }

    /// Parses and validates a seed file.
    ///
    /// Errors: exit 7 naming file, line and column, or every invalid value.
    pub fn parse(name: &str, text: &str) -> Result<Seed> {
        let raw: RawSeed = toml::from_str(text).map_err(|error| syntax_error(name, text, &error))?;
        let mut violations = Violations::new();
        let users =
            raw.users.iter().zip(1..).filter_map(|(user, row)| check_user(&mut violations, user, row)).collect();
        let products =
            raw.products.iter().zip(1..).filter_map(|(product, row)| product.check(&mut violations, row)).collect();
        let orders =
            raw.orders.iter().zip(1..).filter_map(|(order, row)| check_order(&mut violations, order, row)).collect();
        violations
            .into_result()
            .map_err(|error| Error::new(Kind::Invalid, "seed.invalid", format!("seed {name}: {}", error.message())))?;
        let checksum = hexadecimal(&Sha256::digest(text.replace("\r\n", "\n")));
        let (description, environments) = (raw.description, raw.environments);
        Ok(Seed { name: name.to_owned(), description, environments, checksum, users, products, orders })
    }
}

fn syntax_error(name: &str, text: &str, error: &toml::de::Error) -> Error {
    let (line, column) = position(text, error.span().map_or(0, |span| span.start));
    let message = format!("{name}.toml:{line}:{column}: {}", printable(error.message().trim()));
    Error::new(Kind::Invalid, "seed.syntax", message)
}

fn check_user(violations: &mut Violations, raw: &RawUser, row: u32) -> Option<SeedUser> {
    let field = |name: &str| format!("user {row} {name}");
    let email = violations.parse(&field("email"), &raw.email, Email::parse);
    let first_name = violations.parse(&field("first_name"), &raw.first_name, PersonName::parse);
    let last_name = violations.parse(&field("last_name"), &raw.last_name, PersonName::parse);
    let password = Password::parse(&raw.password).map_err(|problem| violations.add(&field("password"), problem)).ok();
    let status = raw.status.as_deref().map(|text| {
        violations.parse(&field("status"), text, |text| match UserStatus::from_stored(text) {
            Some(status @ (UserStatus::Active | UserStatus::Disabled)) => Ok(status),
            _ => Err("must be active or disabled".to_owned()),
        })
    });
    let status = status.flatten();
    Some(SeedUser { email: email?, first_name: first_name?, last_name: last_name?, password: password?, status })
}

fn check_order(violations: &mut Violations, raw: &RawOrder, row: u32) -> Option<SeedOrder> {
    let field = |name: &str| format!("order {row} {name}");
    let reference = violations.parse(&field("reference"), &raw.reference, Reference::parse);
    let user = violations.parse(&field("user"), &raw.user, Email::parse);
    let status = violations.parse(&field("status"), &raw.status, |text| {
        OrderStatus::from_stored(text)
            .ok_or_else(|| format!("must be one of {}", OrderStatus::ALL.map(OrderStatus::as_str).join(", ")))
    });
    let placed_at = raw.placed_at.as_deref().map(|text| violations.parse(&field("placed_at"), text, moment::parse));
    let mut lines = Vec::new();
    for item in &raw.items {
        let sku = violations.parse(&field("sku"), &item.sku, Sku::parse);
        let quantity = violations.parse(&field("quantity"), &item.quantity.to_string(), Quantity::parse);
        let price = |text: &String| violations.parse(&field("unit_price"), text, Money::parse_price);
        let unit_price = item.unit_price.as_ref().map(price);
        if let (Some(sku), Some(quantity)) = (sku, quantity) {
            lines.push(NewLine { product: sku.as_str().to_owned(), quantity, unit_price: unit_price.flatten() });
        }
    }
    if raw.items.is_empty() {
        violations.add(&field("items"), "must have at least one");
    }
    let refunds = check_refunds(violations, raw, row, status);
    let reference = reference?;
    let new = NewOrder {
        reference: Some(reference.clone()),
        placed_at: placed_at.flatten(),
        ..NewOrder::new(user?.as_str().to_owned(), lines)
    };
    Some(SeedOrder { new, reference, status: status?, refunds })
}

fn check_refunds(
    violations: &mut Violations,
    raw: &RawOrder,
    row: u32,
    status: Option<OrderStatus>,
) -> Vec<SeedRefund> {
    let field = |name: &str| format!("order {row} refund {name}");
    let has_money =
        |status| status == OrderStatus::Refunded || order_status::allowed(status).any(|verb| verb == Verb::Refund);
    if let Some(status) = status.filter(|status| !raw.refunds.is_empty() && !has_money(*status)) {
        violations.add(&field("amount"), format!("nothing can be given back of a {} order", status.as_str()));
    }
    let mut refunds = Vec::new();
    for RawRefund { amount, reason, items } in &raw.refunds {
        let mut lines = Vec::new();
        for item in items {
            let sku = violations.parse(&field("sku"), &item.sku, Sku::parse);
            let quantity = violations.parse(&field("quantity"), &item.quantity.to_string(), Quantity::parse);
            lines.extend(sku.zip(quantity).map(|(sku, quantity)| (sku.as_str().to_owned(), Some(quantity))));
        }
        let amount = violations.parse(&field("amount"), amount, Money::parse_total);
        let reason = reason.as_deref().and_then(|text| violations.parse(&field("reason"), text, multi_line));
        refunds.push(SeedRefund { scope: RefundScope { lines, amount }, reason });
    }
    refunds
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entity::field::Editable;

    #[test]
    fn errors_name_line_and_column() {
        let error = Seed::parse("x", "description = \"d\"\nenvironments = [\"test\"]\nnonsense = 1\n").unwrap_err();
        assert!(error.message().starts_with("x.toml:3:1: "), "{}", error.message());
        assert_eq!(error.kind(), Kind::Invalid);
    }

    #[test]
    fn a_product_has_the_fields_of_its_entity_and_needs_some() {
        let error = |fields: &str| {
            let text = format!("description = \"d\"\nenvironments = []\n[[product]]\n{fields}\n");
            Seed::parse("x", &text).unwrap_err().message().to_owned()
        };
        let unknown = error("sku = \"MUG\"\nnonsense = 1");
        assert!(unknown.starts_with("x.toml:3:1: unknown field `nonsense`, expected one of `sku`, "), "{unknown}");
        for field in product::Model::FIELDS {
            let name = field.name.trim_end_matches("_quantity");
            assert!(unknown.contains(&format!("`{name}`")), "{name} is missing in {unknown}");
        }
        assert_eq!(error("sku = \"MUG\"\nname = \"Mug\""), "x.toml:3:1: missing field `price`");
        assert!(error("sku = \"MUG\"\nname = \"Mug\"\nprice = 1.5").starts_with("x.toml:6:9: "));
    }

    #[test]
    fn all_violations_are_reported_together_without_passwords() {
        let text = "description = \"d\"\nenvironments = []\n[[user]]\nemail = \"nobody\"\nfirst_name = \"\"\nlast_name = \"L\"\npassword = \"hunter2\"\n[[product]]\nsku = \"A\"\nname = \"N\"\nprice = \"1.005\"\n";
        let error = Seed::parse("x", text).unwrap_err();
        for field in ["user 1 email", "user 1 first_name", "user 1 password", "product 1 price"] {
            assert!(error.message().contains(field), "{field} is missing in {}", error.message());
        }
        assert!(!error.message().contains("hunter2"));
    }
}
