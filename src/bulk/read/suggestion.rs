//! The flags by which a rejected file is imported: which of its columns is which of ours.

use super::invalid;
use super::meaning::{Meaning, is_qualified};
use super::naming::{Naming, SIMILAR_ENOUGH, by_end, folded, ignore_flag, is_pasteable, joined, map_flag, similarity};
use crate::domain::text::has_have;
use crate::error::Result;

/// Two columns whose likelihoods differ by less are equally likely.
const CLEARLY_MORE: f64 = 0.02;
/// The likelihood of a column one of whose words is a word for ours.
const HAS_WORD: f64 = 0.9;
/// A shorter word may end another one by chance.
const MIN_SUFFIX: usize = 4;
/// Maximum number of columns listed in a suggestion; beyond, `--only-mapped` is shorter.
const MAX_LISTED: usize = 8;

/// What other programs call our columns, in English, German, French and Spanish, [`folded`].
const WORDS: [(&str, &[&str]); 13] = [
    ("sku", &["artikelnummer", "artikelnr", "artnr", "itemnumber", "productcode", "codearticle"]),
    ("name", &["title", "titel", "bezeichnung", "désignation", "designation", "nom", "nombre", "denominación"]),
    ("description", &["beschreibung", "descripción"]),
    ("price", &["preis", "prix", "precio", "vk"]),
    ("stock_quantity", &["bestand", "lager", "stock", "inventory", "quantity", "qty", "existencias"]),
    ("first_name", &["vorname", "prénom", "prenom", "nombre", "givenname"]),
    ("last_name", &["nachname", "familienname", "nom", "nomdefamille", "apellido", "apellidos", "surname"]),
    ("email", &["mail", "emailadresse", "courriel", "correo"]),
    ("reference", &["orderid", "ordernumber", "orderno", "bestellnummer", "auftragsnummer", "numérodecommande"]),
    ("user", &["email", "mail"]),
    ("created_at", &["orderdate", "purchasedate", "bestelldatum", "date", "datum", "fecha"]),
    ("quantity", &["qty", "menge", "anzahl", "stückzahl", "quantité", "cantidad", "quantitypurchased"]),
    ("unit_price", &["einzelpreis", "stückpreis", "prixunitaire", "preciounitario"]),
];

/// Columns that may have the price of all pieces of a line, as in Amazon's reports, [`folded`].
const LINE_PRICES: &str =
    "itemprice itemtotal lineprice linetotal linesubtotal rowtotal gesamtpreis prixtotal preciototal";

/// A column of the file that is most likely one of ours.
struct SuggestedMap<'n> {
    theirs: &'n str,
    ours: &'static str,
}

/// Several columns of the file that are equally likely one of ours.
struct Doubt<'n> {
    theirs: Vec<&'n str>,
    ours: &'static str,
}

impl Naming<'_> {
    /// Suggests `--map` for the missing columns with these names in the file.
    pub fn suggested_map_flags(&self, unknown: &[&str], found: &[&'static str]) -> Vec<String> {
        flags_of(&self.suggested_maps(unknown, found).0)
    }

    /// The flags for a file with unknown columns. None is left out that may be a field without a column.
    pub(super) fn suggestion(&self, unknown: &[&str], found: &[&'static str]) -> String {
        let (maps, doubts) = self.suggested_maps(unknown, found);
        let rest: Vec<&str> =
            unknown.iter().copied().filter(|name| maps.iter().all(|map| map.theirs != *name)).collect();
        let mut flags = flags_of(&maps);
        let is_there = |ours: &str| found.contains(&ours) || maps.iter().any(|map| map.ours == ours);
        if let Some((theirs, question)) = self.question_of_kind(&rest, &is_there) {
            let others: Vec<&str> = rest.iter().copied().filter(|name| *name != theirs).collect();
            let is_told = rest.contains(&theirs) && !others.is_empty();
            flags.extend(ignore_flag(&others).filter(|_| is_told));
            return if flags.is_empty() { question } else { format!("{question}; the others: {}", flags.join(" ")) };
        }
        let mut open: Vec<&'static str> = self.columns.needed.iter().copied().filter(|ours| !is_there(ours)).collect();
        let candidates = match open.is_empty() {
            true => doubts.iter().flat_map(|doubt| doubt.theirs.iter().copied()).collect(),
            false => rest.clone(),
        };
        open.extend(doubts.iter().map(|doubt| doubt.ours));
        open.dedup();
        if !open.is_empty() && !candidates.is_empty() {
            let theirs = match (open.as_slice(), candidates.as_slice()) {
                ([_], [only]) if is_pasteable(only) => only,
                _ => "COLUMN",
            };
            flags.extend(open.iter().map(|ours| map_flag(theirs, ours)));
            let (open, shown, flags) = (open.join(" or "), shown(&candidates), flags.join(" "));
            return format!("there is no column for {open}; possibly {shown}: {flags}");
        }
        if let Some(price) = rest.iter().find(|name| is_price_of_line(name) && self.lacks_unit_price(found)) {
            let why = format!(
                "{} may be the price of the whole line; unit_price is per unit: divide it by the quantity",
                joined(&[price])
            );
            return if flags.is_empty() { why } else { format!("{why}; the others: {}", flags.join(" ")) };
        }
        if let Some(question) = self.question(&rest, &is_there) {
            return if flags.is_empty() { question } else { format!("{question}; the others: {}", flags.join(" ")) };
        }
        match ignore_flag(&rest) {
            _ if rest.is_empty() => {}
            Some(ignore) if rest.len() <= MAX_LISTED => flags.push(ignore),
            _ => flags.push("--only-mapped".to_owned()),
        }
        flags.join(" ")
    }

    /// Errors: exit 7 if a column that is left out, but not by its name, may be a field of a kind that has no column.
    pub fn check_left_out(&self, left_out: &[&str], found: &[&'static str]) -> Result<()> {
        let (mut names, mut fields) = (Vec::new(), Vec::<&str>::new());
        for name in left_out.iter().copied().filter(|name| !self.is_named(name)) {
            let own = self.fields_left_out(name, found);
            if !own.is_empty() {
                names.push(name);
                fields.extend(own.into_iter().filter(|field| !fields.contains(field)).collect::<Vec<_>>());
            }
        }
        if names.is_empty() {
            return Ok(());
        }
        let (columns, them) = if names.len() == 1 { ("column", "it") } else { ("columns", "them") };
        let (names_shown, have) = (shown_all(&names), has_have(fields.len()));
        let message = format!("the {columns} {names_shown} must be mapped, or ignored by name");
        let error = invalid(format!("{message}: {} {have} no column", fields.join(" and ")));
        let maps = match flags_of(&self.suggested_maps(&names, found).0) {
            maps if maps.is_empty() => {
                let theirs = if let [only] = names[..]
                    && is_pasteable(only)
                {
                    only
                } else {
                    "NAME"
                };
                let maps: Vec<String> = fields.iter().map(|field| map_flag(theirs, field)).collect();
                format!("say what this is: {}", maps.join(" or "))
            }
            maps => maps.join(" "),
        };
        Err(error.hint(maps).hints_of(ignore_flag(&names).map(|ignore| format!("to leave {them} out: {ignore}"))))
    }

    /// The fields that a column may be, of kinds of which the file has no column.
    fn fields_left_out(&self, name: &str, found: &[&'static str]) -> Vec<&'static str> {
        let fields_of = |meaning: Meaning| {
            let fields = self.fields(meaning, &|_: &str| false);
            if fields.iter().any(|field| found.contains(field)) { Vec::new() } else { fields }
        };
        Meaning::each(name).flat_map(fields_of).collect()
    }

    /// Asks which of the columns that say what the file is a column is, if the file has none of them.
    fn question_of_kind<'n>(&self, rest: &[&'n str], is_there: &impl Fn(&str) -> bool) -> Option<(&'n str, String)> {
        let kinds = self.columns.one_of;
        if rest.is_empty()
            || kinds.iter().any(|kind| is_there(kind))
            || !self.columns.required.iter().all(|own| is_there(own))
        {
            return None;
        }
        let pasteable: Vec<&'n str> = rest.iter().copied().filter(|name| is_pasteable(name)).collect();
        let pieces = pasteable.iter().find(|name| Meaning::of(name) == Some(Meaning::Stock));
        let theirs = match (pieces, pasteable.as_slice()) {
            (Some(only), _) | (None, [only]) => only,
            _ => "COLUMN",
        };
        let maps: Vec<String> = kinds.iter().map(|kind| map_flag(theirs, kind)).collect();
        let question = format!("say what {} is: {}", joined(&[theirs]), maps.join(" or "));
        (!maps.is_empty()).then_some((theirs, question))
    }

    /// Asks what the columns are whose meaning is that of one of our columns that has none yet.
    fn question(&self, rest: &[&str], is_there: &impl Fn(&str) -> bool) -> Option<String> {
        let (mut names, mut fields) = (Vec::new(), Vec::new());
        for name in rest {
            let free = Meaning::of(name).map_or(Vec::new(), |meaning| self.fields(meaning, is_there));
            if !free.is_empty() {
                names.push(*name);
                fields.extend(free.into_iter().filter(|field| !fields.contains(field)).collect::<Vec<_>>());
            }
        }
        let (what, theirs) = match names.as_slice() {
            [] => return None,
            [only] if is_pasteable(only) => (format!("what {} is", joined(&[only])), *only),
            [only] => (format!("what {} is", joined(&[only])), "NAME"),
            _ => ("what they are".to_owned(), "NAME"),
        };
        let maps: Vec<String> = fields.iter().map(|ours| map_flag(theirs, ours)).collect();
        let ignore = ignore_flag(&[theirs])?;
        let of_many = if names.len() > 1 { format!("{}: ", shown_all(&names)) } else { String::new() };
        Some(format!("{of_many}say {what}: {}, or {ignore}", maps.join(", ")))
    }

    /// Our columns of a meaning that have no column.
    fn fields(&self, meaning: Meaning, is_there: &impl Fn(&str) -> bool) -> Vec<&'static str> {
        let importable = |ours: &&str| self.columns.importable().any(|known| known == *ours);
        meaning.fields().iter().copied().filter(importable).filter(|ours| !is_there(ours)).collect()
    }

    fn lacks_unit_price(&self, found: &[&'static str]) -> bool {
        self.columns.importable().any(|ours| ours == "unit_price") && !found.contains(&"unit_price")
    }

    /// The columns of the file that are most likely those of ours that are missing, and those in doubt.
    fn suggested_maps<'n>(
        &self,
        unknown: &[&'n str],
        found: &[&'static str],
    ) -> (Vec<SuggestedMap<'n>>, Vec<Doubt<'n>>) {
        let (mut maps, mut doubts) = (Vec::<SuggestedMap<'n>>::new(), Vec::new());
        // A column that only checks another one is not guessed.
        let guessed = self.columns.importable().filter(|ours| *ours != "line_total");
        for ours in guessed.filter(|ours| !found.contains(ours)) {
            let is_free = |name: &&&'n str| is_pasteable(name) && maps.iter().all(|map| map.theirs != **name);
            let mut likely: Vec<(f64, &'n str)> = unknown
                .iter()
                .filter(is_free)
                .filter(|name| ours != "unit_price" || !is_price_of_line(name))
                .filter(|name| !is_qualified(name, ours))
                .map(|name| (likelihood(name, ours), *name))
                .filter(|(likelihood, _)| *likelihood >= SIMILAR_ENOUGH)
                .collect();
            likely.sort_by(|(one, _), (other, _)| other.total_cmp(one));
            let Some((best, theirs)) = likely.first().copied() else { continue };
            // Of several prices none is left out unasked, unless one has exactly our name.
            let meaning = Meaning::of(theirs).filter(|_| best < 1.0);
            likely.retain(|(likelihood, name)| {
                best - likelihood < CLEARLY_MORE || (meaning.is_some() && Meaning::of(name) == meaning)
            });
            match likely.len() {
                1 => maps.push(SuggestedMap { theirs, ours }),
                _ => doubts.push(Doubt { theirs: likely.into_iter().map(|(_, name)| name).collect(), ours }),
            }
        }
        let is_free = |name: &&str| maps.iter().all(|map| map.theirs != *name);
        let rest: Vec<&'n str> = unknown.iter().copied().filter(is_free).collect();
        let by_meaning = self.maps_by_meaning(&rest, &|ours: &str| {
            let has_map = maps.iter().any(|map| map.ours == ours);
            has_map || found.contains(&ours) || doubts.iter().any(|doubt| doubt.ours == ours)
        });
        maps.extend(by_meaning);
        for doubt in &mut doubts {
            doubt.theirs.retain(|name| maps.iter().all(|map| map.theirs != *name));
        }
        doubts.retain(|doubt| !doubt.theirs.is_empty());
        (maps, doubts)
    }

    /// The columns whose meaning is that of one of ours, and of no other column of the file.
    fn maps_by_meaning<'n>(&self, names: &[&'n str], is_there: &impl Fn(&str) -> bool) -> Vec<SuggestedMap<'n>> {
        let candidates = names.iter().filter(|name| is_pasteable(name) && !is_price_of_line(name));
        let with_meaning: Vec<(Meaning, &'n str)> =
            candidates.filter_map(|name| Some((Meaning::of(name)?, *name))).collect();
        let is_only = |meaning| with_meaning.iter().filter(|(other, _)| *other == meaning).count() == 1;
        let certain = with_meaning.iter().filter(|(meaning, _)| is_only(*meaning)).filter_map(|(meaning, theirs)| {
            let ours = meaning.field(theirs, &self.fields(*meaning, is_there))?;
            Some(SuggestedMap { theirs, ours })
        });
        certain.collect()
    }
}

/// `A, B and 3 more`
fn shown_all(names: &[&str]) -> String {
    match names.len().checked_sub(MAX_LISTED) {
        Some(more @ 1..) => format!("{} and {more} more", joined(&names[..MAX_LISTED])),
        _ => joined(names),
    }
}

fn flags_of(maps: &[SuggestedMap<'_>]) -> Vec<String> {
    maps.iter().map(|map| map_flag(map.theirs, map.ours)).collect()
}

/// `A, B or 3 others`
fn shown(names: &[&str]) -> String {
    let named: Vec<&str> = names.iter().copied().filter(|name| is_pasteable(name)).take(MAX_LISTED).collect();
    match (names.len() - named.len(), named.split_last()) {
        (0, Some((last, []))) => joined(&[last]),
        (0, Some((last, before))) => format!("{} or {}", joined(before), joined(&[last])),
        (_, None) => "one of its columns".to_owned(),
        (others, _) => format!("{} or one of {others} more", joined(&named)),
    }
}

fn is_price_of_line(name: &str) -> bool {
    let name = folded(name);
    LINE_PRICES.split(' ').any(|price| name == price)
}

/// How likely a name in the file is one of ours, 0 to 1: by its similarity, or by a word for it.
fn likelihood(theirs: &str, ours: &str) -> f64 {
    let words = WORDS.iter().filter(|(column, _)| *column == ours).flat_map(|(_, words)| *words);
    let whole = folded(theirs);
    words.map(|word| by_word(theirs, &whole, word)).fold(similarity(theirs, ours), f64::max)
}

fn by_word(theirs: &str, whole: &str, word: &str) -> f64 {
    let as_end = if word.len() >= MIN_SUFFIX || whole == word { by_end(whole, word) } else { 0.0 };
    let has_word = theirs.split(|character: char| !character.is_alphanumeric()).any(|part| folded(part) == word);
    as_end.max(if has_word { HAS_WORD } else { 0.0 })
}
