//! Word lists for generated shops. Frozen: changing them changes the shops of existing seeds.

/// The lists of single words.
#[derive(Debug, Clone)]
pub struct Words {
    pub first_names: Vec<&'static str>,
    pub last_names: Vec<&'static str>,
    pub qualities: Vec<&'static str>,
    pub materials: Vec<&'static str>,
}

impl Words {
    pub fn new() -> Words {
        let [first_names, last_names, qualities, materials] =
            [FIRST_NAMES, LAST_NAMES, QUALITIES, MATERIALS].map(|words| words.split(' ').collect());
        Words { first_names, last_names, qualities, materials }
    }
}

const FIRST_NAMES: &str = "\
    Ada Aisha Alan Alba Amina Anders Anton Aoife Barbara Björn Carlos Chen Chloé Clara Dennis Diego Donald \
    Edsger Elena Elif Emeka Emma Erik Fatima Felix Frances Giulia Grace Hana Hedy Hiroshi Ibrahim Ines Ingrid \
    Isabel Jana Jean John José Jürgen Katherine Kenji Kofi Lars Leila Leslie Linus Lucía Luca Magnus Mai \
    Margaret Maria Marta Mateo Mei Mina Mohammed Nadia Niklaus Noor Olga Omar Paolo Priya Radia Raj René Rosa \
    Samira Sofia Søren Sven Tarek Tim Tomás Wanjiru Yuki Yusuf Zoë";

const LAST_NAMES: &str = "\
    Adeyemi Almeida Andersson Backus Bauer Becker Bianchi Carter Castillo Chowdhury Clarke Costa Cruz Dahl Demir \
    Diaz Dijkstra Dubois Eriksen Fernández Fischer Fontaine Fraser Gallagher García Haddad Hamilton Hansen \
    Hoffmann Hopper Horvat Ibarra Ito Jensen Johansson Kaya Keller Khan Kim Kovács Kowalski Larsen Laurent \
    Lehtinen Lindqvist Liskov López Lovelace Martin Mensah Meyer Moreau Müller Mwangi Nakamura Nguyen Novak \
    O'Brien Okafor Olsen Petrov Popescu Ritchie Rossi Sánchez Sato Schmidt Schäfer Silva Singh Smith Suzuki \
    Tanaka Turing Virtanen Wagner Walsh Wang Wirth Yılmaz";

const QUALITIES: &str = "\
    Adjustable Classic Compact Double Everyday Folding Handmade Heavy Insulated Large Light Little Modern Nordic \
    Oiled Padded Plain Polished Portable Round Rustic Slim Stackable Vintage";

const MATERIALS: &str = "\
    Aluminium Ash Bamboo Beech Brass Canvas Ceramic Copper Cork Cotton Enamel Felt Glass Leather Linen Oak Steel \
    Stoneware Walnut Wool";

/// Goods with their lowest and highest price in cents.
pub const NOUNS: [(&str, u64, u64); 40] = [
    ("Apron", 1_500, 5_900),
    ("Backpack", 3_900, 14_900),
    ("Basket", 1_200, 6_500),
    ("Bench", 8_900, 39_900),
    ("Blanket", 2_900, 12_900),
    ("Board", 1_400, 7_900),
    ("Bookcase", 7_900, 49_900),
    ("Bottle", 900, 3_900),
    ("Bowl", 700, 4_500),
    ("Box", 600, 4_900),
    ("Candle", 400, 2_900),
    ("Carafe", 1_500, 5_900),
    ("Chair", 4_900, 34_900),
    ("Clock", 1_900, 11_900),
    ("Coaster", 200, 1_200),
    ("Cushion", 1_200, 5_900),
    ("Desk", 12_900, 79_900),
    ("Doormat", 1_500, 5_500),
    ("Easel", 3_900, 15_900),
    ("Frame", 900, 6_900),
    ("Grinder", 1_900, 8_900),
    ("Hook", 300, 1_900),
    ("Jar", 500, 2_900),
    ("Kettle", 2_900, 13_900),
    ("Lamp", 2_500, 19_900),
    ("Mirror", 2_900, 24_900),
    ("Mug", 500, 2_400),
    ("Notebook", 400, 2_900),
    ("Pan", 2_400, 16_900),
    ("Pencil Case", 700, 3_500),
    ("Pitcher", 1_400, 5_900),
    ("Plate", 600, 3_900),
    ("Rug", 4_900, 59_900),
    ("Shelf", 2_900, 17_900),
    ("Stool", 3_900, 18_900),
    ("Teapot", 1_900, 8_900),
    ("Towel", 900, 4_900),
    ("Tray", 1_200, 6_900),
    ("Vase", 1_100, 9_900),
    ("Wallet", 1_900, 8_900),
];

/// Endings of descriptions.
pub const PHRASES: [&str; 8] = [
    "made to be repaired",
    "wipe clean with a damp cloth",
    "comes flat, with all screws",
    "each piece is a little different",
    "safe for the dishwasher",
    "made in small numbers",
    "two years of guarantee",
    "packed without plastic",
];

/// Letters without diacritics, for e-mail addresses.
pub fn plain(name: &str) -> String {
    name.chars()
        .filter_map(|letter| match letter {
            'á' | 'ä' => Some('a'),
            'é' | 'ë' => Some('e'),
            'í' | 'ı' => Some('i'),
            'ó' | 'ö' | 'ø' => Some('o'),
            'ü' => Some('u'),
            letter if letter.is_ascii_alphabetic() => Some(letter.to_ascii_lowercase()),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_keeps_all_its_letters() {
        for name in FIRST_NAMES.split(' ').chain(LAST_NAMES.split(' ')) {
            let letters = name.chars().filter(|letter| letter.is_alphabetic()).count();
            assert_eq!(plain(name).len(), letters, "{name}");
        }
    }
}
