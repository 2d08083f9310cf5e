//! Word lists for generated and masked shops. Frozen: changing them changes the shops of existing seeds.

/// The lists of words.
#[derive(Debug, Clone)]
pub struct Words {
    pub first_names: Vec<&'static str>,
    pub last_names: Vec<&'static str>,
    pub qualities: Vec<&'static str>,
    pub materials: Vec<&'static str>,
    /// Goods with their lowest and highest price in cents.
    pub nouns: Vec<(&'static str, u64, u64)>,
}

impl Words {
    pub fn new() -> Words {
        let [first_names, last_names, qualities, materials] =
            [FIRST_NAMES, LAST_NAMES, QUALITIES, MATERIALS].map(|words| words.split(' ').collect());
        let noun = |noun: &'static str| {
            let (rest, high) = noun.rsplit_once(' ')?;
            let (name, low) = rest.rsplit_once(' ')?;
            Some((name, low.parse().ok()?, high.parse().ok()?))
        };
        let nouns = NOUNS.split(", ").filter_map(noun).collect();
        Words { first_names, last_names, qualities, materials, nouns }
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
const NOUNS: &str = "\
    Apron 1500 5900, Backpack 3900 14900, Basket 1200 6500, Bench 8900 39900, Blanket 2900 12900, \
    Board 1400 7900, Bookcase 7900 49900, Bottle 900 3900, Bowl 700 4500, Box 600 4900, Candle 400 2900, \
    Carafe 1500 5900, Chair 4900 34900, Clock 1900 11900, Coaster 200 1200, Cushion 1200 5900, Desk 12900 79900, \
    Doormat 1500 5500, Easel 3900 15900, Frame 900 6900, Grinder 1900 8900, Hook 300 1900, Jar 500 2900, \
    Kettle 2900 13900, Lamp 2500 19900, Mirror 2900 24900, Mug 500 2400, Notebook 400 2900, Pan 2400 16900, \
    Pencil Case 700 3500, Pitcher 1400 5900, Plate 600 3900, Rug 4900 59900, Shelf 2900 17900, Stool 3900 18900, \
    Teapot 1900 8900, Towel 900 4900, Tray 1200 6900, Vase 1100 9900, Wallet 1900 8900";

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
