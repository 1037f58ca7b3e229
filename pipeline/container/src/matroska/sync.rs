//! Where reading can go on after damage: at the beginning of a cluster.
//!
//! Four bytes that look like a cluster also occur by chance. One is believed if a time stamp stands at its
//! beginning, as it does in every cluster that muxers write, and if that makes sense to the caller.

use super::element::*;

/// A search through what has come of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Search {
    /// A cluster begins after this many bytes.
    Found(usize),
    /// None begins within this many bytes; what follows has to be seen with more of the stream.
    NotWithin(usize),
}

/// Finds the first cluster whose time stamp, in ticks, is `plausible`.
pub(super) fn find_cluster(bytes: &[u8], plausible: impl Fn(u64) -> bool) -> Search {
    for (index, window) in bytes.windows(4).enumerate() {
        if window != CLUSTER.to_be_bytes() {
            continue;
        }
        match timestamp(&bytes[index..]) {
            Read::Whole(ticks) if plausible(ticks) => return Search::Found(index),
            Read::Incomplete => return Search::NotWithin(index),
            Read::Whole(_) | Read::Invalid => {}
        }
    }
    Search::NotWithin(bytes.len().saturating_sub(3))
}

/// The time stamp of the cluster that may begin here.
fn timestamp(bytes: &[u8]) -> Read<u64> {
    let mut at = match header(bytes) {
        Read::Whole(cluster) => cluster.length,
        Read::Incomplete => return Read::Incomplete,
        Read::Invalid => return Read::Invalid,
    };
    loop {
        let child = match header(&bytes[at..]) {
            Read::Whole(child) => child,
            Read::Incomplete => return Read::Incomplete,
            Read::Invalid => return Read::Invalid,
        };
        let Some(size @ 0..=8) = child.size else { return Read::Invalid };
        let start = at + child.length;
        let Some(body) = bytes.get(start..start + size as usize) else { return Read::Incomplete };
        match child.id {
            TIMESTAMP => return Read::Whole(unsigned(body)),
            // Required to come first where there is one.
            CRC_32 if size == 4 => at = start + size as usize,
            _ => return Read::Invalid,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: [u8; 8] = [0x1f, 0x43, 0xb6, 0x75, 0xff, 0xe7, 0x81, 9];

    #[test]
    fn a_cluster_is_found_wherever_the_stream_is_cut() {
        let stream = [&[0x1f, 0x43, 0xb6][..], &START, &[0xa3]].concat();
        for cut in 0..stream.len() {
            let found = find_cluster(&stream[..cut], |ticks| ticks == 9);
            match found {
                Search::Found(index) => assert!(index == 3 && cut >= 11, "{cut}"),
                Search::NotWithin(done) => assert!(done <= 3 && cut < 11, "{cut}: {done}"),
            }
        }
    }

    #[test]
    fn what_only_looks_like_a_cluster_is_passed_over() {
        let without_time = [0x1f, 0x43, 0xb6, 0x75, 0xff, 0xa3, 0x81, 9];
        let stream = [without_time, START, START].concat();
        assert_eq!(find_cluster(&stream, |_| true), Search::Found(8));
        assert_eq!(find_cluster(&stream, |ticks| ticks > 9), Search::NotWithin(stream.len() - 3));
    }
}
