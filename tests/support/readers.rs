//! Commands that read a shop, for tests of shops in which something is odd.

/// Every report but the dashboard, which is a page.
pub const REPORTS: [&[&str]; 5] = [
    &["report", "sales", "--by", "month"],
    &["report", "top-products"],
    &["report", "customers"],
    &["report", "orders-by-status"],
    &["report", "stock-value"],
];

/// The commands that examine a whole shop.
pub const CHECKS: [&[&str]; 4] =
    [&["audit", "verify"], &["stock", "verify"], &["doctor", "--deep"], &["adopt", "--dry-run"]];
