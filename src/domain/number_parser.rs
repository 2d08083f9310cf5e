//! Numbers as other programs write them: `1,234.50`, `12,50 €`, `34.0000`, `.99`. Unambiguous numbers are
//! accepted; those that may be wrong by a factor of thousand are rejected.

use super::currency;
use super::quantity::check_unsigned;

/// The decimal separator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DecimalMark {
    #[default]
    Point,
    Comma,
    /// A number of JSON: a point, no group separators, perhaps an exponent.
    OnlyPoint,
}

/// Letters of a code of ISO 4217.
const CODE_LETTERS: usize = 3;
/// Digits per group.
const GROUP: usize = 3;
/// The largest exponent that is read, far beyond any amount.
const MAX_EXPONENT: u32 = 30;

/// Normalizes an amount to the form `-1234.5`: without currency, group separators and redundant zeros.
/// Errors: the problem, without the text.
pub fn amount(text: &str, mark: DecimalMark) -> Result<String, String> {
    plain(without_currency(text.trim()), mark).map_err(|problem| match problem {
        Problem::NoNumber => "must be an amount such as 12.50".to_owned(),
        other => other.describe(mark),
    })
}

/// Normalizes a quantity to the form `-1234`. Errors: as [`amount`]; for a fraction, and for a plus sign, with which it
/// would be a change.
pub fn whole(text: &str, mark: DecimalMark) -> Result<String, String> {
    check_unsigned(text)?;
    let number = plain(text.trim(), mark).map_err(|problem| match problem {
        Problem::NoNumber => "must be a whole number".to_owned(),
        Problem::Ambiguous => "may mean thousands or a fraction: write it without a separator".to_owned(),
        other => other.describe(mark),
    })?;
    if number.contains('.') { Err("must be a whole number".to_owned()) } else { Ok(number) }
}

enum Problem {
    NoNumber,
    /// The other separator is used where this one is expected.
    OtherMark,
    /// One separator before three digits: a group or a fraction.
    Ambiguous,
}

impl Problem {
    fn describe(self, mark: DecimalMark) -> String {
        match (self, mark) {
            (Problem::Ambiguous, DecimalMark::Point | DecimalMark::OnlyPoint) => {
                "may mean thousands or a fraction: write it without a separator or with two decimal places".to_owned()
            }
            (Problem::Ambiguous, DecimalMark::Comma) => {
                "may mean thousands or a fraction: write it without a separator or with ,00".to_owned()
            }
            (Problem::OtherMark, DecimalMark::Point) => "has a decimal comma (--decimal-comma)".to_owned(),
            (Problem::OtherMark | Problem::NoNumber, _) => "is not a number".to_owned(),
        }
    }
}

/// The currency beside an amount.
pub fn currency(text: &str) -> Option<&str> {
    split_currency(text.trim()).0
}

/// An amount without its currency.
fn without_currency(text: &str) -> &str {
    split_currency(text).1
}

/// Currency notations that are neither a code nor a sign.
const WORDS: [&str; 6] = ["kr.", "kr", "Kr", "Kč", "zł", "Ft"];

/// Splits a currency before or after an amount from it.
fn split_currency(text: &str) -> (Option<&str>, &str) {
    let without = |word: &'static str| Some((word, text.strip_prefix(word).or_else(|| text.strip_suffix(word))?));
    if let Some((word, rest)) = WORDS.into_iter().find_map(without) {
        return (Some(word), rest.trim());
    }
    let is_number = |character: char| character.is_ascii_digit() || ".,+-'\u{2019}".contains(character);
    let (front, rest) = text.split_at(text.find(is_number).unwrap_or(0));
    let number = rest.trim_end_matches(|character| !is_number(character));
    match (front.trim_end(), rest[number.len()..].trim_start()) {
        (currency, "") | ("", currency) if is_currency(currency) => (Some(currency), number),
        _ => (None, text),
    }
}

/// A code such as EUR, a sign such as `$`, or one with the letters of a country before it: `CA$`.
fn is_currency(text: &str) -> bool {
    let is_sign = |character: char| !character.is_alphanumeric();
    let is_written_alike = match text.strip_suffix(is_sign) {
        Some(country) => country.len() <= 2 && country.bytes().all(|byte| byte.is_ascii_uppercase()),
        None => text.len() == CODE_LETTERS && text.bytes().all(|byte| byte.is_ascii_alphabetic()),
    };
    is_written_alike && currency::is_currency(text)
}

/// `15` for `1.5e1`, exactly; `None` if there is no exponent, or one too large for any amount.
fn without_exponent(text: &str) -> Option<String> {
    let (number, exponent) = text.split_once(['e', 'E'])?;
    let exponent: i32 = exponent.parse().ok().filter(|exponent: &i32| exponent.unsigned_abs() <= MAX_EXPONENT)?;
    let (sign, number) = number.strip_prefix('-').map_or(("", number), |number| ("-", number));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || !format!("{whole}{fraction}").bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let zeros = "0".repeat(MAX_EXPONENT as usize);
    let digits = format!("{zeros}{whole}{fraction}{zeros}");
    let point = usize::try_from(zeros.len() as i32 + whole.len() as i32 + exponent).ok()?;
    let (whole, fraction) = digits.split_at_checked(point)?;
    let whole = whole.trim_start_matches('0');
    Some(format!("{sign}{}.{fraction}", if whole.is_empty() { "0" } else { whole }))
}

fn plain(text: &str, mark: DecimalMark) -> Result<String, Problem> {
    if mark == DecimalMark::OnlyPoint
        && let Some(text) = without_exponent(text)
    {
        return plain(&text, mark);
    }
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (decimal, group) = match mark {
        DecimalMark::Point | DecimalMark::OnlyPoint => ('.', ','),
        DecimalMark::Comma => (',', '.'),
    };
    let (whole, fraction) = match text.rsplit_once(decimal) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if fraction.is_some_and(|fraction| !is_digits(fraction)) {
        // `1.234,50` where a point is expected.
        let is_other = whole.bytes().all(|byte| byte.is_ascii_digit()) && text.contains(group);
        return Err(if is_other { Problem::OtherMark } else { Problem::NoNumber });
    }
    let is_grouped = whole.contains(|character: char| !character.is_ascii_digit());
    // Three digits after one separator may still be thousands.
    let may_be_thousands = !is_grouped && (1..=GROUP).contains(&whole.len()) && !whole.starts_with('0');
    if mark != DecimalMark::OnlyPoint && may_be_thousands && fraction.is_some_and(|digits| digits.len() == GROUP) {
        return Err(Problem::Ambiguous);
    }
    let whole = if is_grouped { ungrouped(whole, group, fraction.is_some())? } else { whole.to_owned() };
    // `.99` is an amount, `.` is not.
    if whole.is_empty() && fraction.is_none() {
        return Err(Problem::NoNumber);
    }
    let fraction = fraction.unwrap_or("").trim_end_matches('0');
    let whole = if whole.is_empty() { "0" } else { &whole };
    Ok(if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}

/// The digits of `1,234,567` with well-formed groups and one separator.
fn ungrouped(text: &str, group: char, has_fraction: bool) -> Result<String, Problem> {
    let is_parting = |character: char| character == group || " \u{a0}\u{202f}'\u{2019}".contains(character);
    let parting = text.chars().find(|character| !character.is_ascii_digit());
    let parting = parting.filter(|parting| is_parting(*parting)).ok_or(Problem::NoNumber)?;
    let parts: Vec<&str> = text.split(parting).collect();
    let is_digits = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !parts.iter().all(is_digits) {
        return Err(Problem::NoNumber);
    }
    let (first, rest) = parts.split_first().ok_or(Problem::NoNumber)?;
    let is_well_formed = (1..=GROUP).contains(&first.len()) && rest.iter().all(|part| part.len() == GROUP);
    if !is_well_formed || first.starts_with('0') {
        // `12,50`, or `12.50` where a comma is expected.
        let is_other = parting == group && rest.len() == 1 && !has_fraction;
        return match (is_other, group) {
            (true, '.') if rest[0].len() != GROUP => Ok(format!("{first}.{}", rest[0])),
            (true, _) => Err(Problem::OtherMark),
            _ => Err(Problem::NoNumber),
        };
    }
    if parting == group && rest.len() == 1 && !has_fraction {
        return Err(Problem::Ambiguous);
    }
    Ok(parts.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_of_other_shops_are_read_exactly() {
        for (text, plain) in [
            ("34.0000", "34"),
            ("20.000000", "20"),
            ("0.000", "0"),
            ("1,234.50", "1234.5"),
            ("1,234,567", "1234567"),
            ("1 234.50", "1234.5"),
            ("1'234.50", "1234.5"),
            ("$12.50", "12.5"),
            ("12.50 €", "12.5"),
            ("EUR 12.50", "12.5"),
            ("12.50USD", "12.5"),
            ("CA$2", "2"),
            ("US$ 5", "5"),
            ("A$3.50", "3.5"),
            ("3.50 NZ$", "3.5"),
            ("R$\u{a0}10", "10"),
            ("CHF 5", "5"),
            ("5 eur", "5"),
            ("Usd 5", "5"),
            ("5 RMB", "5"),
            ("5 kr", "5"),
            ("kr. 5", "5"),
            ("5 kr.", "5"),
            ("Kč 5", "5"),
            (".99", "0.99"),
            ("0.345", "0.345"),
            ("1234.567", "1234.567"),
            ("-1.50", "-1.5"),
            ("007", "007"),
        ] {
            assert_eq!(amount(text, DecimalMark::Point).as_deref(), Ok(plain), "{text}");
        }
        for (text, plain) in [
            ("1.234,50", "1234.5"),
            ("12,50 €", "12.5"),
            ("€ 12,50", "12.5"),
            ("1.234.567", "1234567"),
            ("12,3450", "12.345"),
            ("1234", "1234"),
            ("12.50", "12.50"),
            ("12.5", "12.5"),
        ] {
            assert_eq!(amount(text, DecimalMark::Comma).as_deref(), Ok(plain), "{text}");
        }
    }

    #[test]
    fn ambiguous_thousands_are_not_guessed() {
        for text in [
            "",
            "1,234",
            "20.000",
            "1.500",
            "12.345",
            "12,50",
            "1.234,50",
            "1,23,456",
            "1,2345.00",
            "12,345,67.00",
            "5.",
            ".",
            ",5",
            "1e3",
            "0x10",
            "1_000",
            "٣",
            "$",
            "$$5",
            "12.50 € net",
            "1,234.567,8",
            "NaN",
            "--1",
            "1 2",
            "0,123.00",
            "(12.50)",
            "$5 CA$",
            "5 $CA",
            "CAD$5",
            "ca$5",
            "CA $5",
            "R 5",
            "Fr 5",
            "kr5kr",
            "5\u{2019}",
            "USD 5 EUR",
            "50¢",
            "¢50",
            "GBX 1250",
            "1250 GBp",
            "₥12",
            "50 ct",
            "12 TSD",
            "12 MIO",
            "12 PCS",
            "STK 12",
            "VAT 12",
            "12 NET",
            "¤12",
            "$ -",
        ] {
            assert!(amount(text, DecimalMark::Point).is_err(), "{text} was accepted");
        }
        for text in ["1.234", "1,000", "12.345", "1,234.50", "1.23,45", "12.345.67"] {
            assert!(amount(text, DecimalMark::Comma).is_err(), "{text} was accepted");
        }
        assert_eq!(amount("1.500", DecimalMark::OnlyPoint).as_deref(), Ok("1.5"));
        for (text, plain) in [("1e1", "10"), ("1.25E+1", "12.5"), ("-1250e-2", "-12.5"), ("5e-1", "0.5"), ("0e9", "0")]
        {
            assert_eq!(amount(text, DecimalMark::OnlyPoint).as_deref(), Ok(plain), "{text}");
        }
        for text in ["1e", "e1", "1e1e1", "1e1.5", "1e31", "1,5e1", "1e99999999999", "1ée1"] {
            assert!(amount(text, DecimalMark::OnlyPoint).is_err(), "{text} was accepted");
        }
        assert!(amount("12,50", DecimalMark::Point).unwrap_err().contains("--decimal-comma"));
        assert!(amount("1.234,50", DecimalMark::Point).unwrap_err().contains("--decimal-comma"));
    }

    #[test]
    fn quantities_are_whole_numbers() {
        for (text, plain) in [("100.0000", "100"), ("5", "5"), ("-3", "-3"), ("1,234,567", "1234567")] {
            assert_eq!(whole(text, DecimalMark::Point).as_deref(), Ok(plain), "{text}");
        }
        assert_eq!(whole("1e1", DecimalMark::OnlyPoint).as_deref(), Ok("10"));
        for text in ["1.5", "100.000", "1,234", "two", "", "0x10", "+7"] {
            assert!(whole(text, DecimalMark::Point).is_err(), "{text} was accepted");
            assert!(!whole(text, DecimalMark::Point).unwrap_err().contains("decimal places"), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn accepted_numbers_keep_their_digits(text in "[-+$€ ]{0,2}[0-9.,' ]{0,14}[€ ]{0,2}") {
            if let Ok(plain) = amount(&text, DecimalMark::Point) {
                let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
                proptest::prop_assert!(digits(&text).trim_end_matches('0').ends_with(digits(&plain).trim_end_matches('0').trim_start_matches('0')));
            }
        }
    }
}
