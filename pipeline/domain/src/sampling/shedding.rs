//! How much is shed, and whose samples: a loop that keeps a process from falling behind for good.
//!
//! While it is further behind than allowed and does not catch up, samples are shed of those who take most,
//! each measured by their share; once it has kept up for a while, they are given back to those who take least.
//! So tenants end up with equal parts of what there is, and whoever asks for less than their part loses
//! nothing. Never sheds segments: of each, something is looked at. Knows no clock: it is told, at regular
//! intervals, how far behind the process is.

use std::collections::BTreeMap;

use super::plan::Level;
use crate::time::Millis;

/// Work is cut by a quarter at a time, ...
const CUT: (u64, u64) = (3, 4);
/// ... and given back by an eighth, so that giving back does not overshoot.
const GIVEN_BACK: (u64, u64) = (9, 8);
/// Far from the limit means less than this part of it, ...
const FAR: i64 = 4;
/// ... for so many intervals on end.
const INTERVALS_OF_EASE: u32 = 6;
/// Who has no share of their own.
const DEFAULT_SHARE: u32 = 1;

/// Decides how much is shed of each tenant.
#[derive(Debug, Clone, Default)]
pub struct Shedding {
    /// How far behind the process may be.
    allowed: Millis,
    /// Of tenants with a share of their own.
    shares: BTreeMap<String, u32>,
    tenants: BTreeMap<String, Tenant>,
    /// How far behind it was last.
    behind: Millis,
    at_ease: u32,
}

#[derive(Debug, Clone, Copy, Default)]
struct Tenant {
    level: Level,
    /// Media that came since the last interval, in milliseconds.
    coming: u64,
    /// Media that comes in an interval, in milliseconds.
    demand: u64,
}

impl Tenant {
    /// What is looked at of it.
    fn work(&self) -> u64 {
        self.demand / u64::from(self.level.one_of())
    }
}

impl Shedding {
    /// Sheds nothing until the process is further behind than `allowed`.
    pub fn new(allowed: Millis, shares: BTreeMap<String, u32>) -> Self {
        Self { allowed, shares, ..Self::default() }
    }

    /// Media of this length is about to be looked at; answers with how much of it is shed.
    pub fn level_for(&mut self, tenant: &str, length: Millis) -> Level {
        if !self.tenants.contains_key(tenant) {
            self.tenants.insert(tenant.to_owned(), Tenant::default());
        }
        let Some(tenant) = self.tenants.get_mut(tenant) else { return Level::None };
        tenant.coming += length.0.unsigned_abs();
        tenant.level
    }

    /// An interval is over, and the process so far behind. Answers whether anything changed.
    pub fn adjust(&mut self, behind: Millis) -> bool {
        for tenant in self.tenants.values_mut() {
            // Half of it is memory, so that one quiet interval does not hide who asks for most.
            tenant.demand = tenant.demand.midpoint(std::mem::take(&mut tenant.coming));
        }
        self.tenants.retain(|_, tenant| tenant.demand > 0 || tenant.level > Level::None);
        let catches_up = behind < std::mem::replace(&mut self.behind, behind);
        if behind > self.allowed {
            self.at_ease = 0;
            return !catches_up && self.shed();
        }
        self.at_ease = if behind.0 * FAR < self.allowed.0.max(1) { self.at_ease + 1 } else { 0 };
        if self.at_ease < INTERVALS_OF_EASE {
            return false;
        }
        self.at_ease = 0;
        self.give_back()
    }

    /// How many tenants there are on each level.
    pub fn levels(&self) -> BTreeMap<Level, usize> {
        let mut levels: BTreeMap<Level, usize> = Level::ALL.iter().map(|level| (*level, 0)).collect();
        for tenant in self.tenants.values() {
            *levels.entry(tenant.level).or_default() += 1;
        }
        levels
    }

    fn shed(&mut self) -> bool {
        let enough = self.work() * CUT.0 / CUT.1;
        let mut changed = false;
        while self.work() > enough {
            let shares = &self.shares;
            let most = self.tenants.iter_mut().filter(|(_, tenant)| tenant.level.more().is_some());
            let Some((_, tenant)) = most.max_by_key(|(name, tenant)| claim(shares, name, tenant)) else {
                break;
            };
            tenant.level = tenant.level.more().unwrap_or(tenant.level);
            changed = true;
        }
        changed
    }

    fn give_back(&mut self) -> bool {
        let enough = self.work() * GIVEN_BACK.0 / GIVEN_BACK.1;
        let mut changed = false;
        // One at least, however much that is: the loop sheds again if it was too much.
        while !changed || self.work() < enough {
            let shares = &self.shares;
            let shed = self.tenants.iter_mut().filter(|(_, tenant)| tenant.level > Level::None);
            let Some((_, tenant)) = shed.min_by_key(|(name, tenant)| claim(shares, name, tenant)) else {
                break;
            };
            tenant.level = tenant.level.less().unwrap_or(tenant.level);
            changed = true;
        }
        changed
    }

    fn work(&self) -> u64 {
        self.tenants.values().map(Tenant::work).sum()
    }
}

/// What a tenant takes, per share.
fn claim(shares: &BTreeMap<String, u32>, name: &str, tenant: &Tenant) -> u64 {
    let share = shares.get(name).copied().unwrap_or(DEFAULT_SHARE).max(1);
    tenant.demand * 1000 / (u64::from(tenant.level.one_of()) * u64::from(share))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALLOWED: Millis = Millis(60_000);

    /// A process that can look at so much media in an interval, and what waits for it.
    struct Process {
        shedding: Shedding,
        capacity: u64,
        waiting: u64,
    }

    impl Process {
        fn new(capacity: u64, shares: &[(&str, u32)]) -> Self {
            let shares = shares.iter().map(|(name, share)| ((*name).to_owned(), *share)).collect();
            Self { shedding: Shedding::new(ALLOWED, shares), capacity, waiting: 0 }
        }

        /// An interval of ten seconds in which so much media comes from each tenant.
        fn interval(&mut self, coming: &[(&str, u64)]) {
            for (tenant, length) in coming {
                let level = self.shedding.level_for(tenant, Millis(*length as i64));
                self.waiting += length / u64::from(level.one_of());
            }
            self.waiting = self.waiting.saturating_sub(self.capacity);
            self.shedding.adjust(Millis((self.waiting * 10_000 / self.capacity) as i64));
        }

        fn level(&self, tenant: &str) -> Level {
            self.shedding.tenants.get(tenant).map_or(Level::None, |tenant| tenant.level)
        }
    }

    #[test]
    fn who_keeps_up_sheds_nothing() {
        let mut process = Process::new(1000, &[]);
        (0..100).for_each(|_| process.interval(&[("a", 900), ("b", 100)]));
        assert_eq!((process.level("a"), process.level("b")), (Level::None, Level::None));
    }

    #[test]
    fn who_takes_most_is_cut_and_who_takes_little_is_not() {
        let mut process = Process::new(1000, &[]);
        (0..200).for_each(|_| process.interval(&[("large", 1500), ("small", 300)]));
        assert!(process.level("large") > Level::None);
        assert_eq!(process.level("small"), Level::None);
        assert!(
            process.waiting * 10 <= process.capacity * 60,
            "it does not fall behind: {}",
            process.waiting
        );
    }

    #[test]
    fn a_share_of_their_own_is_respected() {
        let mut process = Process::new(1000, &[("paying", 8)]);
        (0..200).for_each(|_| process.interval(&[("paying", 800), ("other", 700)]));
        assert_eq!(process.level("paying"), Level::None);
        assert!(process.level("other") > Level::None);
    }

    #[test]
    fn everything_is_given_back_when_the_load_is_gone_but_not_at_once() {
        let mut process = Process::new(1000, &[]);
        (0..100).for_each(|_| process.interval(&[("a", 2000), ("b", 2000)]));
        assert!(process.level("a") > Level::None && process.level("b") > Level::None);
        let before = (process.level("a"), process.level("b"));
        process.waiting = 0;
        process.shedding.adjust(ALLOWED);
        (0..INTERVALS_OF_EASE - 1).for_each(|_| process.interval(&[("a", 200), ("b", 200)]));
        assert_eq!((process.level("a"), process.level("b")), before);
        (0..100).for_each(|_| process.interval(&[("a", 200), ("b", 200)]));
        assert_eq!((process.level("a"), process.level("b")), (Level::None, Level::None));
    }

    #[test]
    fn tenants_that_left_are_forgotten() {
        let mut shedding = Shedding::new(ALLOWED, BTreeMap::new());
        for number in 0..1000 {
            shedding.level_for(&number.to_string(), Millis(2000));
        }
        (0..20).for_each(|_| {
            shedding.adjust(Millis::ZERO);
        });
        assert!(shedding.tenants.is_empty());
    }

    proptest! {
        /// Whatever comes, up to what the least look can bear, the process does not fall behind for good; and
        /// nobody who takes less than somebody else is cut more.
        #[test]
        fn it_settles_and_is_fair(demands in prop::collection::vec(1u64..2000, 1..8)) {
            let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
            let total: u64 = demands.iter().sum();
            let coming: Vec<(&str, u64)> = names.iter().copied().zip(demands.iter().copied()).collect();
            let mut process = Process::new((total / 4).max(100), &[]);
            (0..300).for_each(|_| process.interval(&coming));
            let behind = process.waiting * 10_000 / process.capacity;
            prop_assert!(behind as i64 <= 3 * ALLOWED.0, "{behind}");
            for (one, less) in &coming {
                for (other, more) in &coming {
                    prop_assert!(less > more || process.level(one) <= process.level(other) || less == more);
                }
            }
        }
    }
}
