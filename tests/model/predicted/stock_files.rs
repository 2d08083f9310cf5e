//! Deliveries and stock-takes.

use std::collections::BTreeMap;

use super::super::Piece;
use super::{Answer, Model, done};

impl Model {
    pub(super) fn receive(&mut self, lines: &BTreeMap<usize, i32>, key: Option<u8>) -> Answer {
        if lines.keys().any(|product| !self.products.contains_key(product)) {
            return Err("product.not_found");
        }
        let request = format!("receive {lines:?}");
        if let Some(answer) = self.replay(key, &request) {
            return answer;
        }
        for (product, pieces) in lines {
            self.products.get_mut(product).expect("checked").stock += pieces;
        }
        self.burn(key, request, None);
        done(true)
    }

    pub(super) fn import(&mut self, lines: &BTreeMap<usize, Piece>, keeps_others: bool, key: Option<u8>) -> Answer {
        if lines.keys().any(|product| !self.products.contains_key(product)) {
            return Err("product.not_found");
        }
        let request = format!("import {lines:?}");
        if let Some(answer) = self.replay(key, &request) {
            return answer;
        }
        let is_other = |(product, piece): &(&usize, &Piece)| matches!(piece, Piece::Counted(_, Some(expected)) if *expected != self.products[*product].stock);
        if !keeps_others && lines.iter().any(|line| is_other(&line)) {
            return Err("stock.changed");
        }
        let accepted: Vec<_> = lines.iter().filter(|line| !is_other(line)).collect();
        let mut changed = false;
        for (product, piece) in accepted {
            let stock = &mut self.products.get_mut(product).expect("checked").stock;
            let level = match piece {
                Piece::Received(pieces) => *stock + pieces,
                Piece::Counted(level, _) => *level,
            };
            changed |= std::mem::replace(stock, level) != level;
        }
        self.burn(key.filter(|_| changed), request, None);
        done(changed)
    }
}
