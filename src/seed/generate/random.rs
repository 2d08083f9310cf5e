//! Random draws that depend only on (seed, entity, row, field), so that a new field never changes the
//! others and every engine gets the same values.

use uuid::Uuid;

/// The entity of a row.
#[derive(Debug, Clone, Copy)]
pub enum Entity {
    User = 1,
    Product,
    Order,
    Line,
    Movement,
    Operation,
    Refund,
    RefundLine,
}

/// The drawn field of a row.
#[derive(Debug, Clone, Copy)]
pub enum Field {
    Id = 1,
    Time,
    FirstName,
    LastName,
    Status,
    Quality,
    Material,
    Noun,
    Price,
    Description,
    Stock,
    Customer,
    Product,
    Quantity,
    Lines,
    Delay,
    Restock,
    Refund,
}

/// The low bits of an id that encode the row's number: an order's reference derives from them, so that
/// no two orders share one.
const NUMBER_BITS: u32 = 50;
/// Odd, so that multiplication modulo a power of two is invertible. Source: 2^64 / golden ratio.
const ODD: u64 = 0x9E37_79B9_7F4A_7C15;

/// The random draws of one seed.
#[derive(Debug, Clone, Copy)]
pub struct Draws(pub u64);

impl Draws {
    /// 64 uniformly distributed bits.
    pub fn bits(self, entity: Entity, row: u64, field: Field) -> u64 {
        let key = mix(self.0.wrapping_add(ODD.wrapping_mul(entity as u64)));
        mix(mix(key.wrapping_add(ODD.wrapping_mul(row))).wrapping_add(ODD.wrapping_mul(field as u64)))
    }

    /// From 0 to just under 1.
    pub fn unit(self, entity: Entity, row: u64, field: Field) -> f64 {
        const STEPS: f64 = (1_u64 << 53) as f64;
        (self.bits(entity, row, field) >> 11) as f64 / STEPS
    }

    /// From 0 to `limit` − 1.
    pub fn below(self, limit: u64, entity: Entity, row: u64, field: Field) -> u64 {
        ((u128::from(self.bits(entity, row, field)) * u128::from(limit)) >> 64) as u64
    }

    /// A random element.
    pub fn pick<T>(self, from: &[T], entity: Entity, row: u64, field: Field) -> &T {
        &from[self.below(from.len() as u64, entity, row, field) as usize]
    }

    /// A number of this many bits, unique among the rows of the entity.
    pub fn scatter(self, bits: u32, entity: Entity, row: u64) -> u64 {
        let offset = self.bits(entity, 0, Field::Id);
        row.wrapping_mul(ODD).wrapping_add(offset) & ((1 << bits) - 1)
    }

    /// A version-7 id of this time, in seconds.
    pub fn id(self, entity: Entity, row: u64, seconds: i64) -> Uuid {
        let random = self.bits(entity, row, Field::Id);
        let number = self.scatter(NUMBER_BITS, entity, row);
        let mut tail = [0; 10];
        tail[..2].copy_from_slice(&(random as u16).to_be_bytes());
        tail[2..].copy_from_slice(&((random >> 16 << NUMBER_BITS) | number).to_be_bytes());
        let milliseconds = seconds.unsigned_abs() * 1_000;
        uuid::Builder::from_unix_timestamp_millis(milliseconds, &tail).into_uuid()
    }
}

/// The finalizer of splitmix64. Source: Steele, Lea, Flood: Fast splittable pseudorandom number
/// generators (2014), and <https://prng.di.unimi.it/splitmix64.c>.
fn mix(state: u64) -> u64 {
    let state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_generator_is_splitmix64() {
        // The first values of seed 1234567 from the authors' reference program.
        let mut state = 1_234_567_u64;
        let mut next = || {
            state = state.wrapping_add(ODD);
            mix(state)
        };
        assert_eq!(next(), 6_457_827_717_110_365_317);
        assert_eq!(next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn scattered_numbers_are_unique() {
        let seen: HashSet<u64> = (0..1 << 12).map(|row| Draws(7).scatter(12, Entity::Product, row)).collect();
        assert_eq!(seen.len(), 1 << 12);
    }

    #[test]
    fn ids_are_version_7_with_their_time() {
        let id = Draws(42).id(Entity::Order, 3, 1_700_000_000);
        assert_eq!(id.get_version_num(), 7);
        let (seconds, nanoseconds) = id.get_timestamp().unwrap().to_unix();
        assert_eq!((seconds, nanoseconds), (1_700_000_000, 0));
        assert_ne!(id, Draws(43).id(Entity::Order, 3, 1_700_000_000));
        assert_ne!(id, Draws(42).id(Entity::Line, 3, 1_700_000_000));
    }

    proptest::proptest! {
        #[test]
        fn draws_stay_in_their_range(seed: u64, row: u64, limit in 1_u64..) {
            let unit = Draws(seed).unit(Entity::User, row, Field::Time);
            proptest::prop_assert!((0.0..1.0).contains(&unit));
            proptest::prop_assert!(Draws(seed).below(limit, Entity::User, row, Field::Time) < limit);
        }
    }
}
