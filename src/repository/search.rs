//! Searches: the same rows on each engine, whoever wrote them, without a column of their own.
//!
//! The engines fold letter case differently beyond ASCII, and none removes accents. So a search first reads the texts
//! beyond ASCII, as they come, and notes in which spellings each of its words occurs there: José, JOSÉ. The rows
//! are then those that have the word in ASCII, whose case every engine folds alike, or one of the spellings.

use std::collections::BTreeSet;

use futures_util::TryStreamExt;
use sea_orm::sea_query::{Expr, ExprTrait, Func, LikeExpr, Query, SelectStatement};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, Select};
use serde_json::Value as Json;

use super::said::{LastSaid, NOTE, TRACKING};
use super::{ROWS_PER_STATEMENT, among};
use crate::db::guarded::Connection;
use crate::db::stream;
use crate::db::target::Engine;
use crate::domain::search_text::{FoldedText, SearchText};
use crate::domain::{EntityKind, Id, Violations};
use crate::entity::{Stored, audit_event, order, order_item, product, user};
use crate::error::{Error, Result, printable};

/// The search mode for a partially typed name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// Prefix of the key: uses an index, independent of the table size.
    Start,
    /// Contains each of its words: may scan every row.
    Anywhere,
}

/// The first rows whose `key` begins with `text`, sorted by it; its index compares bytes.
pub fn starting_with<E: EntityTrait>(select: Select<E>, key: E::Column, text: &str) -> Select<E> {
    select.filter(is_start_of(key, text)).order_by_asc(key)
}

/// Whether `key` begins with `text`.
pub fn is_start_of<K: ColumnTrait>(key: K, text: &str) -> Condition {
    let end = format!("{text}{}", char::MAX);
    Condition::all().add(key.gte(text)).add(key.lt(end))
}

/// The searched columns of a user.
const USER: [user::Column; 3] = [user::Column::Email, user::Column::FirstName, user::Column::LastName];
/// The searched columns of a product.
const PRODUCT: [product::Column; 2] = [product::Column::Sku, product::Column::Name];
/// The searched columns of an order itself.
const ORDER: [order::Column; 1] = [order::Column::Reference];

/// Most spellings of one word: SQLite limits the depth of an expression to 1000.
const MAX_SPELLINGS: usize = 200;

/// Most orders that have words in their notes and tracking numbers: SQLite limits the values of a statement to 32 766.
const MAX_ORDERS: usize = 30_000;

/// What is searched for, as it is spelled in this shop; by default nothing, which finds everything.
#[derive(Debug, Clone, Default)]
pub struct Search(Vec<Word>);

/// A word, folded, and its spellings beyond ASCII.
#[derive(Debug, Clone)]
struct Word {
    folded: String,
    spellings: BTreeSet<String>,
    /// The orders that have it in their note or tracking number.
    orders: BTreeSet<Id>,
}

impl Search {
    /// A search for users, by e-mail address and name.
    ///
    /// Errors: those of the database; exit 7 for a word in very many spellings.
    pub async fn users(connection: &Connection, text: &SearchText) -> Result<Search> {
        let mut search = Search::new(text);
        search.add_spellings(connection, &USER).await?;
        Ok(search)
    }

    /// A search for products, by SKU and name. Errors: as of [`Search::users`].
    pub async fn products(connection: &Connection, text: &SearchText) -> Result<Search> {
        let mut search = Search::new(text);
        search.add_spellings(connection, &PRODUCT).await?;
        Ok(search)
    }

    /// A search for orders, by reference, customer, products, note and tracking number.
    ///
    /// Errors: as of [`Search::users`]; exit 7 for a word in the notes of very many orders.
    pub async fn orders(connection: &Connection, text: &SearchText) -> Result<Search> {
        let mut search = Search::new(text);
        search.add_spellings(connection, &ORDER).await?;
        search.add_spellings(connection, &USER).await?;
        search.add_spellings(connection, &PRODUCT).await?;
        search.add_orders(connection).await?;
        Ok(search)
    }

    fn new(text: &SearchText) -> Search {
        let word =
            |folded: &String| Word { folded: folded.clone(), spellings: BTreeSet::new(), orders: BTreeSet::new() };
        Search(text.words().iter().map(word).collect())
    }

    /// Notes how the words are spelled in texts beyond ASCII of these columns.
    async fn add_spellings<K: ColumnTrait>(&mut self, connection: &Connection, columns: &[K]) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let engine = Engine::of(connection);
        let is_beyond_ascii = |column: &K| engine.is_beyond_ascii(column.into_expr());
        let any = columns.iter().map(is_beyond_ascii).fold(Condition::any(), Condition::add);
        let mut texts = Query::select();
        texts.exprs(columns.iter().map(|column| column.into_expr())).from(K::EntityName::default()).cond_where(any);
        let mut rows = stream::rows(connection, connection.get_database_backend().build(&texts)).await?;
        while let Some(mut row) = rows.try_next().await? {
            for _ in columns {
                // The engines fold the case of ASCII.
                if let Some(text) = row.value::<Stored<String>>()?.filter(|text| !text.is_ascii()) {
                    let text = FoldedText::new(&text);
                    self.0.iter_mut().try_for_each(|word| word.add_spelling(&text))?;
                }
            }
        }
        Ok(())
    }

    /// Notes which orders have the words in their note or tracking number.
    async fn add_orders(&mut self, connection: &Connection) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut said = BTreeSet::new();
        let events = self.events_that_may_say(Engine::of(connection));
        let mut rows = stream::rows(connection, connection.get_database_backend().build(&events)).await?;
        while let Some(mut row) = rows.try_next().await? {
            let (order, document) = (row.id()?, row.text()?);
            let document: Option<Json> = document.and_then(|document| serde_json::from_str(&document).ok());
            let document = document.unwrap_or_default();
            let texts = [NOTE, TRACKING].map(|name| document[name].as_str().unwrap_or_default());
            let texts = texts.map(FoldedText::new);
            if self.0.iter().any(|word| word.is_said(&texts)) {
                said.insert(order);
            }
        }
        drop(rows);
        // A later event may say otherwise.
        let said: Vec<Id> = said.into_iter().collect();
        for orders in said.chunks(ROWS_PER_STATEMENT) {
            for (order, said) in LastSaid::find(connection, orders).await? {
                let texts = folded(&said);
                for word in self.0.iter_mut().filter(|word| word.is_said(&texts)) {
                    word.orders.insert(order);
                }
            }
            self.check_orders()?;
        }
        Ok(())
    }

    fn check_orders(&self) -> Result<()> {
        let Some(word) = self.0.iter().max_by_key(|word| word.orders.len()) else { return Ok(()) };
        if self.0.iter().map(|word| word.orders.len()).sum::<usize>() <= MAX_ORDERS {
            return Ok(());
        }
        Err(word.too_common(&format!("in the notes and tracking numbers of more than {MAX_ORDERS} orders")))
    }

    /// Events of orders whose document may say one of the words. Beyond ASCII the engines fold nothing.
    fn events_that_may_say(&self, engine: Engine) -> SelectStatement {
        use audit_event::Column;
        let document = || Column::After.into_expr();
        let mut may_say = Condition::any();
        for member in [NOTE, TRACKING].map(|name| format!("\"{name}\":")) {
            let mut has_word = Condition::any().add(engine.is_beyond_ascii(document()));
            for word in self.0.iter().map(Word::in_json) {
                has_word = has_word.add(Func::lower(document()).like(pattern(&[&member, &word])));
            }
            may_say = may_say.add(Condition::all().add(document().like(pattern(&[&member]))).add(has_word));
        }
        Query::select()
            .columns([Column::EntityId, Column::After])
            .from(audit_event::Entity)
            .and_where(Column::EntityType.eq(EntityKind::Order.as_str()))
            .cond_where(may_say)
            .take()
    }

    /// Whether a user has each of the words.
    pub fn finds_user(&self) -> Condition {
        self.all_words(|word| word.is_in(&USER))
    }

    /// Whether a product has each of the words.
    pub fn finds_product(&self) -> Condition {
        self.all_words(|word| word.is_in(&PRODUCT))
    }

    /// Whether each of the words is in an order, its customer, its products, or what is said about it.
    pub fn finds_order(&self, connection: &impl ConnectionTrait) -> Condition {
        self.all_words(|word| {
            let is_said = || among(connection, order::Column::Id, word.orders.iter().copied());
            word.is_in(&ORDER)
                .add_option((!word.orders.is_empty()).then(is_said))
                .add(order::Column::UserId.in_subquery(word.users()))
                .add(order::Column::Id.in_subquery(word.orders_of_products()))
        })
    }

    fn all_words(&self, condition: impl FnMut(&Word) -> Condition) -> Condition {
        self.0.iter().map(condition).fold(Condition::all(), Condition::add)
    }
}

impl Word {
    /// Errors: exit 7 for too many spellings.
    fn add_spelling(&mut self, text: &FoldedText<'_>) -> Result<()> {
        // One in ASCII is found without it.
        if let Some(spelling) = text.spelling_of(&self.folded).filter(|spelling| !spelling.is_ascii()) {
            self.spellings.insert(spelling.to_owned());
        }
        if self.spellings.len() <= MAX_SPELLINGS {
            return Ok(());
        }
        Err(self.too_common(&format!("in more than {MAX_SPELLINGS} spellings")))
    }

    fn too_common(&self, how: &str) -> Error {
        let problem = format!("finds {} {how}", printable(&self.folded));
        Violations::single("--search", problem).into_error().hint("search for more letters of the word")
    }

    /// Whether one of the texts has the word.
    fn is_said(&self, texts: &[FoldedText<'_>]) -> bool {
        texts.iter().any(|text| text.spelling_of(&self.folded).is_some())
    }

    /// The word inside a JSON text.
    fn in_json(&self) -> String {
        let quoted = Json::from(self.folded.as_str()).to_string();
        quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned()
    }

    /// Whether the word is in one of these columns.
    fn is_in<K: ColumnTrait>(&self, columns: &[K]) -> Condition {
        let lowered = self.folded.is_ascii().then(|| pattern(&[&self.folded]));
        let mut any = Condition::any().add_option(lowered.is_none().then(|| Expr::value(1).eq(0)));
        for column in columns {
            let column = || column.into_expr();
            any = any.add_option(lowered.clone().map(|lowered| Func::lower(column()).like(lowered)));
            any = self.spellings.iter().fold(any, |any, spelling| any.add(column().like(pattern(&[spelling]))));
        }
        any
    }

    fn users(&self) -> SelectStatement {
        Query::select().column(user::Column::Id).from(user::Entity).cond_where(self.is_in(&USER)).take()
    }

    /// Not a join, for which SQLite would read all lines.
    fn orders_of_products(&self) -> SelectStatement {
        let products =
            Query::select().column(product::Column::Id).from(product::Entity).cond_where(self.is_in(&PRODUCT)).take();
        Query::select()
            .column(order_item::Column::OrderId)
            .from(order_item::Entity)
            .and_where(order_item::Column::ProductId.in_subquery(products))
            .take()
    }
}

/// The note, the tracking number and the remarks.
fn folded(said: &LastSaid) -> Vec<FoldedText<'_>> {
    said.note.iter().chain(&said.tracking).chain(&said.remarks).map(|text| FoldedText::new(text)).collect()
}

/// `%text%text%`: the texts one after another, with the wildcards inside them taken literally.
fn pattern(texts: &[&str]) -> LikeExpr {
    /// Not a backslash, which MySQL interprets in literals.
    const ESCAPE: char = '!';
    let mut pattern = String::from("%");
    for text in texts {
        for character in text.chars() {
            if matches!(character, '%' | '_' | ESCAPE) {
                pattern.push(ESCAPE);
            }
            pattern.push(character);
        }
        pattern.push('%');
    }
    LikeExpr::new(pattern).escape(ESCAPE)
}
