//! What waits, and whose turn it is: live video before a backlog, sessions in doubt before calm ones, tenants in
//! turn.
//!
//! Within a class each tenant has its turn, however much another one has waiting; within a tenant, what came
//! first goes first. Every now and then the lowest class has its turn, so that nothing waits for ever.
//! Decides about order only: how much may wait is bounded by whoever puts it here.

use std::collections::{BTreeMap, VecDeque};

/// How urgent something is; the first is the most urgent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Live, of a session in which something suspicious was seen shortly before.
    InDoubt,
    /// Live.
    Live,
    /// Late already: a moment more does not matter.
    Backlog,
}

/// One in so many turns is the lowest class's.
const TURN_OF_THE_LOWEST: u32 = 8;

/// What waits for its turn.
#[derive(Debug, Clone)]
pub struct Waiting<T> {
    classes: BTreeMap<Urgency, Class<T>>,
    turn: u32,
}

#[derive(Debug, Clone)]
struct Class<T> {
    /// Tenants with something waiting; the next one first.
    turns: VecDeque<String>,
    items: BTreeMap<String, VecDeque<T>>,
}

impl<T> Default for Class<T> {
    fn default() -> Self {
        Self { turns: VecDeque::new(), items: BTreeMap::new() }
    }
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self { classes: BTreeMap::new(), turn: 0 }
    }
}

impl<T> Waiting<T> {
    /// Takes something of a tenant in.
    pub fn push(&mut self, urgency: Urgency, tenant: &str, item: T) {
        let class = self.classes.entry(urgency).or_default();
        if let Some(items) = class.items.get_mut(tenant) {
            items.push_back(item);
            return;
        }
        class.turns.push_back(tenant.to_owned());
        class.items.insert(tenant.to_owned(), VecDeque::from([item]));
    }

    /// Whose turn it is.
    pub fn pop(&mut self) -> Option<T> {
        self.turn = (self.turn + 1) % TURN_OF_THE_LOWEST;
        let mut class =
            if self.turn == 0 { self.classes.last_entry()? } else { self.classes.first_entry()? };
        let item = class.get_mut().pop();
        if class.get().turns.is_empty() {
            class.remove();
        }
        item
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }
}

impl<T> Class<T> {
    fn pop(&mut self) -> Option<T> {
        let tenant = self.turns.pop_front()?;
        let items = self.items.get_mut(&tenant)?;
        let item = items.pop_front();
        if items.is_empty() {
            self.items.remove(&tenant);
        } else {
            self.turns.push_back(tenant);
        }
        item
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_urgent_first_but_the_others_too() {
        let mut waiting = Waiting::default();
        for number in 0..20 {
            waiting.push(Urgency::Backlog, "t", ("backlog", number));
            waiting.push(Urgency::Live, "t", ("live", number));
        }
        waiting.push(Urgency::InDoubt, "t", ("in doubt", 0));
        let order: Vec<_> = std::iter::from_fn(|| waiting.pop()).collect();
        assert_eq!(order[..3], [("in doubt", 0), ("live", 0), ("live", 1)]);
        assert_eq!(order[7], ("backlog", 0));
        let place = |item| order.iter().position(|popped| *popped == item).unwrap();
        assert!(place(("live", 19)) < place(("backlog", 3)));
    }

    #[test]
    fn a_tenant_with_much_does_not_hold_up_one_with_little() {
        let mut waiting = Waiting::default();
        (0..100).for_each(|number| waiting.push(Urgency::Live, "large", number));
        waiting.push(Urgency::Live, "small", 1000);
        let first: Vec<_> = std::iter::from_fn(|| waiting.pop()).take(3).collect();
        assert_eq!(first, [0, 1000, 1]);
    }

    proptest! {
        /// Everything comes out once, in order within a tenant and a class; nothing waits longer than its
        /// class's turns and all tenants'.
        #[test]
        fn nothing_is_lost_doubled_or_overtaken(
            items in prop::collection::vec((0usize..3, 0usize..4), 0..200),
            pops in prop::collection::vec(any::<bool>(), 0..200),
        ) {
            let classes = [Urgency::InDoubt, Urgency::Live, Urgency::Backlog];
            let names = ["a", "b", "c", "d"];
            let mut waiting = Waiting::default();
            let mut popped = Vec::new();
            let mut pops = pops.into_iter();
            for (number, (class, tenant)) in items.iter().enumerate() {
                waiting.push(classes[*class], names[*tenant], number);
                if pops.next().unwrap_or_default() {
                    popped.extend(waiting.pop());
                }
                prop_assert_eq!(waiting.is_empty(), popped.len() == number + 1);
            }
            popped.extend(std::iter::from_fn(|| waiting.pop()));
            prop_assert!(waiting.is_empty());
            let mut sorted = popped.clone();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, (0..items.len()).collect::<Vec<_>>());
            for kind in 0..12 {
                let of_kind = popped.iter().filter(|number| items[**number] == (kind / 4, kind % 4));
                prop_assert!(of_kind.is_sorted());
            }
        }
    }
}
