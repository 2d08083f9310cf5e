//! Currencies: the codes of ISO 4217, and the signs that stand for them.

/// The codes of currencies in use, and of those replaced since 1999, which old files have. Source: ISO 4217, lists one
/// and three.
const CODES: &str = "\
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF \
    CLF CLP CNY COP CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD \
    HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD \
    MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG \
    QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD \
    TWD TZS UAH UGX USD UYI UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG ZWL \
    ATS BEF BYR CYP DEM EEK ESP FIM FRF GRD IEP ITL LTL LUF LVL MRO MTL NLG PTE ROL SIT SKK STD TRL VEF ZMK";

/// Signs, each with the currencies that it may mean. There are none of cents and pence: an amount is in whole units.
const SIGNS: &str = "\
    $ USD CAD AUD NZD HKD SGD TWD BBD BMD BND BSD BZD FJD GYD JMD KYD LRD NAD SBD SRD TTD XCD ARS CLP \
    COP CUP DOP MXN UYU, \
    € EUR, £ GBP, ¥ JPY CNY, US$ USD, C$ CAD, CA$ CAD, A$ AUD, AU$ AUD, NZ$ NZD, HK$ HKD, S$ SGD, \
    NT$ TWD, MX$ MXN, CN¥ CNY, JP¥ JPY, R$ BRL, RD$ DOP, KR SEK NOK DKK ISK, KR. DKK ISK, KČ CZK, ZŁ PLN, FT HUF, \
    RMB CNY, ₡ CRC, ₦ NGN, ₩ KRW KPW, ₪ ILS, ₫ VND, ₭ LAK, ₮ MNT, ₱ PHP, ₲ PYG, ₴ UAH, ₵ GHS, ₸ KZT, ₹ INR, ₺ TRY, \
    ₼ AZN, ₽ RUB BYN, ₾ GEL, ฿ THB";

/// How prices of shares name pence, which are not pounds.
const PENCE: &str = "GBp";

/// The currencies that a text may mean; none for another text.
pub fn codes(text: &str) -> Vec<&'static str> {
    let text = text.trim();
    // The common case, kept fast for files of a million amounts.
    if let Some(code) = CODES.split(' ').find(|code| *code == text) {
        return vec![code];
    }
    if text == PENCE {
        return Vec::new();
    }
    let text = text.to_uppercase();
    let meant_by = |name: &str| {
        let mut signs = SIGNS.split(", ").filter_map(|sign| sign.split_once(' '));
        signs.find(|(sign, _)| *sign == name).map_or("", |(_, codes)| codes).split_whitespace()
    };
    let mut codes: Vec<&'static str> = meant_by(&text).collect();
    if codes.is_empty() {
        // `AR$`: the country before the sign.
        let letters = text.trim_end_matches(|character: char| !character.is_alphabetic());
        codes = meant_by(&text[letters.len()..]).filter(|code| code.starts_with(letters)).collect();
    }
    if codes.is_empty() { CODES.split(' ').filter(|code| *code == text).collect() } else { codes }
}

/// Whether a text means a currency.
pub fn is_currency(text: &str) -> bool {
    !codes(text).is_empty()
}

/// The currency of a command line, as it is written.
///
/// Errors: why it is none, as the predicate of a message.
pub fn parse_currency(text: &str) -> Result<String, String> {
    let text = text.trim();
    is_currency(text).then(|| text.to_owned()).ok_or_else(|| NO_CURRENCY.to_owned())
}

/// The problem of another text.
pub const NO_CURRENCY: &str = "is not a currency of ISO 4217, such as EUR";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn currencies_are_codes_and_signs_and_nothing_else() {
        for text in ["EUR", "eur", " Usd ", "$", "CA$", "AR$", "kr.", "Kč", "RMB", "₹", "DEM"] {
            assert!(is_currency(text), "{text}");
        }
        for text in
            ["", "TSD", "MIO", "PCS", "STK", "VAT", "NET", "GBX", "GBp", "¢", "₥", "c", "ct", "XY$", "EURO", "XXX", "¤"]
        {
            assert!(!is_currency(text), "{text}");
        }
        assert_eq!(parse_currency(" eur "), Ok("eur".to_owned()));
    }
}
