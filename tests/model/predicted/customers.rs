//! Orders that go to another customer.

use shopctl::domain::UserStatus;

use super::{Answer, Model, done};

impl Model {
    /// The status of the user with this birth; `None` if they were deleted.
    pub(super) fn status_of(&self, birth: usize) -> Option<UserStatus> {
        let known = self.users.values().find(|(other, _)| *other == birth).map(|(_, status)| *status);
        known.or_else(|| self.anonymized.contains(&birth).then_some(UserStatus::Anonymized))
    }

    pub(super) fn may_order(&self, birth: usize) -> bool {
        self.status_of(birth) == Some(UserStatus::Active)
    }

    /// What a customer is called at the end.
    pub(super) fn customer(&self, birth: usize) -> String {
        let known = self.users.iter().find(|(_, (other, _))| *other == birth);
        known.map_or_else(|| "anonymized".to_owned(), |(user, _)| format!("u{user}"))
    }

    pub(super) fn reassign(&mut self, order: usize, user: usize) -> Answer {
        let found = self.orders.get_mut(order).ok_or("order.not_found")?;
        let (birth, _) = *self.users.get(&user).ok_or("user.not_found")?;
        done(std::mem::replace(&mut found.user_birth, birth) != birth)
    }

    pub(super) fn merge(&mut self, from: usize, into: usize) -> Answer {
        let (into_birth, _) = *self.users.get(&into).ok_or("user.not_found")?;
        let (birth, _) = *self.users.get(&from).ok_or("user.not_found")?;
        if from == into {
            return Err("user.same");
        }
        self.orders
            .iter_mut()
            .filter(|order| order.user_birth == birth)
            .for_each(|order| order.user_birth = into_birth);
        self.users.remove(&from);
        self.anonymized.insert(birth);
        done(true)
    }
}
