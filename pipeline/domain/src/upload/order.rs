//! Chunks in the order of their numbers. Pure.
//!
//! Chunks are sent again when an answer was lost, and overtake each other. One that is missing is waited for
//! until those behind it are too many, or until somebody gives it up; then it is lost, and comes too late
//! should it still come.
//!
//! Whether a chunk is lost depends on what came behind it alone, not on what came before: so whoever begins
//! with a chunk that had its turn, and reads the log from the first record on that has it or one behind it,
//! decides the same.

use std::collections::{BTreeMap, VecDeque};

/// As many chunks are remembered after their turn, to tell repetitions from other chunks.
const REMEMBERED: usize = 32;

/// How much may wait behind a chunk that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of all that wait.
    pub bytes: usize,
    /// How many they are.
    pub chunks: usize,
}

/// What became of a chunk that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// It is there, and gets its turn.
    Taken,
    /// It came before, or too late.
    Repeated,
    /// Another chunk came with its number.
    Contradicted,
}

/// What is next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn<T> {
    /// A chunk, with its number.
    Chunk(u64, T),
    /// So many chunks are lost here.
    Lost(u64),
    /// So many numbers are passed over here: whoever sent the next chunk knows of none that has them.
    Passed(u64),
}

/// The chunks of one upload on their way into order.
#[derive(Debug)]
pub struct ChunkOrder<T> {
    bounds: Bounds,
    next: u64,
    waiting: BTreeMap<u64, Waiting<T>>,
    bytes: usize,
    /// Below this number nothing is waited for.
    given_up: u64,
    /// Number and hash of chunks that had their turn.
    recent: VecDeque<(u64, u64)>,
}

#[derive(Debug)]
struct Waiting<T> {
    hash: u64,
    begins: bool,
    bytes: usize,
    chunk: T,
}

impl<T> ChunkOrder<T> {
    /// Begins with the chunk of a number; lower ones came before.
    pub fn from(next: u64, bounds: Bounds) -> Self {
        let (waiting, recent) = (BTreeMap::new(), VecDeque::new());
        Self { bounds, next, waiting, bytes: 0, given_up: 0, recent }
    }

    /// The number of the chunk that is next.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Bytes of the chunks that wait.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The chunks that wait.
    pub fn waiting(&self) -> impl Iterator<Item = &T> {
        self.waiting.values().map(|waiting| &waiting.chunk)
    }

    /// Takes a chunk of so many bytes, whose hash begins with the digits of a SHA-256. If it begins, nothing is
    /// waited for that is missing before it. Ask for turns afterwards.
    pub fn offer(&mut self, number: u64, sha256: &str, begins: bool, bytes: usize, chunk: T) -> Arrival {
        let hash = sha256.get(..16).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or(0);
        let known = self.recent.iter().find(|(known, _)| *known == number).map(|(_, hash)| *hash);
        let known = known.or_else(|| self.waiting.get(&number).map(|waiting| waiting.hash));
        if known.is_some_and(|known| known != hash) {
            return Arrival::Contradicted;
        }
        if known.is_some() || number < self.next {
            return Arrival::Repeated;
        }
        if begins {
            self.given_up = self.given_up.max(number);
        }
        self.bytes += bytes;
        self.waiting.insert(number, Waiting { hash, begins, bytes, chunk });
        Arrival::Taken
    }

    /// Gives up what is missing before chunks that wait.
    pub fn give_up(&mut self) {
        if let Some((last, _)) = self.waiting.last_key_value() {
            self.given_up = self.given_up.max(*last);
        }
    }

    /// What is next, if it is known.
    pub fn turn(&mut self) -> Option<Turn<T>> {
        let (first, begins) =
            self.waiting.first_key_value().map(|(first, waiting)| (*first, waiting.begins))?;
        if first > self.next {
            let is_too_much = self.bytes > self.bounds.bytes || self.waiting.len() > self.bounds.chunks;
            if !is_too_much && self.next >= self.given_up {
                return None;
            }
            let missing = first - std::mem::replace(&mut self.next, first);
            return Some(if begins { Turn::Passed(missing) } else { Turn::Lost(missing) });
        }
        let (number, Waiting { hash, bytes, chunk, .. }) = self.waiting.pop_first()?;
        self.bytes -= bytes;
        self.next = number + 1;
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back((number, hash));
        Some(Turn::Chunk(number, chunk))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOUNDS: Bounds = Bounds { bytes: 60, chunks: 5 };

    /// A record of a log: a chunk, or a silence.
    #[derive(Debug, Clone, Copy)]
    enum Entry {
        Chunk(u64),
        /// One that begins.
        Begins(u64),
        Silent,
    }

    fn digits(number: u64) -> String {
        format!("{number:064x}").chars().rev().collect()
    }

    fn turns(from: u64, log: &[Entry]) -> Vec<Turn<u64>> {
        run(from, log).0
    }

    /// The turns that a log leads to, and the number that is next then.
    fn run(from: u64, log: &[Entry]) -> (Vec<Turn<u64>>, u64) {
        let mut order = ChunkOrder::from(from, BOUNDS);
        let mut turns = Vec::new();
        for entry in log {
            match entry {
                Entry::Chunk(number) | Entry::Begins(number) => {
                    let (begins, bytes) = (matches!(entry, Entry::Begins(_)), 10 + *number as usize % 7);
                    order.offer(*number, &digits(*number), begins, bytes, *number);
                }
                Entry::Silent => order.give_up(),
            }
            turns.extend(std::iter::from_fn(|| order.turn()));
            assert!(order.bytes() <= BOUNDS.bytes && order.waiting().count() <= BOUNDS.chunks);
        }
        (turns, order.next())
    }

    #[test]
    fn repetitions_are_told_from_contradictions() {
        let mut order = ChunkOrder::from(0, BOUNDS);
        assert_eq!(order.offer(1, &digits(1), false, 10, ()), Arrival::Taken);
        assert_eq!(order.offer(1, &digits(1), false, 10, ()), Arrival::Repeated);
        assert_eq!(order.offer(1, &digits(9), false, 10, ()), Arrival::Contradicted);
        assert_eq!(order.turn(), None);
        assert_eq!(order.offer(0, &digits(0), false, 10, ()), Arrival::Taken);
        assert_eq!([order.turn(), order.turn()], [Some(Turn::Chunk(0, ())), Some(Turn::Chunk(1, ()))]);
        assert_eq!(order.offer(0, &digits(0), false, 10, ()), Arrival::Repeated);
        assert_eq!(order.offer(0, &digits(9), false, 10, ()), Arrival::Contradicted);
        assert_eq!((order.next(), order.bytes()), (2, 0));
    }

    #[test]
    fn what_is_missing_is_lost_when_too_much_waits_or_nothing_comes() {
        let chunks = |numbers: &[u64]| numbers.iter().copied().map(Entry::Chunk).collect::<Vec<_>>();
        let chunk = |number| Turn::Chunk(number, number);
        assert_eq!(turns(0, &chunks(&[0, 2, 3, 1])), [chunk(0), chunk(1), chunk(2), chunk(3)]);
        let too_many = turns(0, &chunks(&[0, 2, 4, 5, 6, 7, 8, 1, 3]));
        assert_eq!(too_many[..3], [chunk(0), Turn::Lost(1), chunk(2)]);
        let silent = [&chunks(&[3, 5])[..], &[Entry::Silent], &chunks(&[4, 6])].concat();
        assert_eq!(turns(0, &silent), [Turn::Lost(3), chunk(3), Turn::Lost(1), chunk(5), chunk(6)]);
    }

    #[test]
    fn nothing_is_waited_for_before_a_chunk_that_begins() {
        let chunk = |number| Turn::Chunk(number, number);
        assert_eq!(turns(0, &[Entry::Begins(7), Entry::Chunk(8)]), [Turn::Passed(7), chunk(7), chunk(8)]);
        let log =
            [0, 2].map(Entry::Chunk).into_iter().chain([Entry::Begins(9), Entry::Chunk(1), Entry::Begins(3)]);
        let expected = [chunk(0), Turn::Lost(1), chunk(2), Turn::Passed(6), chunk(9)];
        assert_eq!(turns(0, &log.collect::<Vec<_>>()), expected);
    }

    fn log() -> impl Strategy<Value = Vec<Entry>> {
        let entry = prop_oneof![
            12 => (0..30u64).prop_map(Entry::Chunk), 1 => (0..30u64).prop_map(Entry::Begins),
            1 => Just(Entry::Silent),
        ];
        let disorder = prop::collection::vec(entry, 0..60);
        let delays = prop::collection::vec((0..6u64, 0..20u8), 30);
        let delayed = delays.prop_map(|delays| {
            let mut log: Vec<(u64, Entry)> = Vec::new();
            for (number, (delay, kind)) in (0..).zip(delays) {
                match kind {
                    0 => {}
                    1 => log.extend([0, 2].map(|again| (number + delay + again, Entry::Chunk(number)))),
                    2 => log.extend([(number, Entry::Chunk(number)), (number, Entry::Silent)]),
                    3 => log.push((number + delay, Entry::Begins(number))),
                    _ => log.push((number + delay, Entry::Chunk(number))),
                }
            }
            log.sort_by_key(|(at, _)| *at);
            log.into_iter().map(|(_, entry)| entry).collect()
        });
        prop_oneof![disorder, delayed]
    }

    proptest! {
        #[test]
        fn chunks_come_in_order_and_once(log in log()) {
            let mut next = 0;
            for turn in turns(0, &log) {
                match turn {
                    Turn::Chunk(number, _) => {
                        prop_assert_eq!(number, next);
                        next += 1;
                    }
                    Turn::Lost(count) | Turn::Passed(count) => {
                        prop_assert!(count > 0);
                        next += count;
                    }
                }
            }
        }

        /// Whoever begins with a chunk that had its turn reads from the first record on that has it or one
        /// behind it.
        #[test]
        fn whoever_begins_later_decides_the_same(
            log in log(),
            crash in any::<prop::sample::Index>(),
            back in 0..8u64,
        ) {
            let begin = run(0, &log[..crash.index(log.len() + 1)]).1.saturating_sub(back);
            let all = turns(0, &log);
            let from = log.iter().position(|entry| matches!(entry, Entry::Chunk(number) | Entry::Begins(number) if *number >= begin));
            let later = from.map_or(Vec::new(), |from| turns(begin, &log[from..]));
            let mut next = 0;
            let expected: Vec<_> = all
                .into_iter()
                .filter_map(|turn| {
                    let before = next;
                    next += if let Turn::Lost(count) | Turn::Passed(count) = turn { count } else { 1 };
                    match turn {
                        // The part of a hole that lies before the beginning is none of our business.
                        Turn::Lost(_) => (next > begin).then(|| Turn::Lost(next - before.max(begin))),
                        Turn::Passed(_) => (next > begin).then(|| Turn::Passed(next - before.max(begin))),
                        Turn::Chunk(..) => (before >= begin).then_some(turn),
                    }
                })
                .collect();
            prop_assert_eq!(later, expected);
        }
    }
}
