//! Cuts a stream of packets into segments that can be decoded on their own. Pure.
//!
//! A segment ends at the first keyframe at or after the target length. Browsers may ignore the interval
//! of keyframes that they are asked for: if none comes in time, the segment is closed all the same and
//! the next one begins with a *preroll*, the packets since the last keyframe, which have to be decoded
//! but are shown before the segment's start. Where that would become too much, segments follow that hold
//! no packets: their time is known, but nobody can see it, until the next keyframe.
//!
//! Segments join without seam, and every frame belongs to the one in whose interval it is shown. Frames
//! may be decoded after a later one: such stragglers at a border are given to the segment before,
//! together with the frame they are predicted from. They are lost only at the very start of a stream, or
//! if they are the first of their kind.

use domain::messages::{CutPoint, StreamPoint};
use domain::time::{Interval, MediaMs, Millis};

use crate::packet::Packet;

/// What a packet costs beside its bytes.
const OVERHEAD: usize = size_of::<Packet>();

/// No codec decodes more frames than this before one that is shown earlier.
const MOST_STRAGGLERS: usize = 16;

/// No codec decodes a frame this much later than one that is shown after it.
pub(crate) const LONGEST_DELAY: Millis = Millis::from_secs(30);

/// How a stream is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CutSettings {
    /// A segment ends at the first keyframe from this length on.
    pub target: Millis,
    /// Without a keyframe, a segment ends at the first packet from this length on.
    pub longest: Millis,
    /// Longest preroll.
    pub preroll: Millis,
    /// Most bytes in a segment, at most half of them preroll.
    pub bytes: usize,
}

impl Default for CutSettings {
    fn default() -> Self {
        Self {
            target: Millis::from_secs(2),
            longest: Millis::from_secs(10),
            preroll: Millis::from_secs(60),
            bytes: 64 << 20,
        }
    }
}

/// A stretch of a stream that can be decoded on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Counts from 0.
    pub sequence: u64,
    /// From the end of the segment before to the first instant of the next; the last one ends with its
    /// last frame.
    pub interval: Interval,
    /// In decoding order, the first one a keyframe. Those before the interval are preroll; at its end
    /// may come one that only others refer to. Empty if nothing in the interval can be decoded.
    pub packets: Vec<Packet>,
}

impl Segment {
    /// Whether there is nothing to decode: no keyframe came in time for this stretch, or its frames were
    /// lost.
    pub fn is_undecodable(&self) -> bool {
        self.packets.is_empty()
    }

    /// By how much the first packet lies before the interval.
    pub fn preroll(&self) -> Millis {
        let first = self.packets.first().map_or(self.interval.start, |packet| packet.at);
        (self.interval.start - first).max(Millis::ZERO)
    }

    /// Bytes of all packets.
    pub fn size(&self) -> usize {
        self.packets.iter().map(|packet| packet.bytes.len()).sum()
    }
}

/// A segment that waits for stragglers.
#[derive(Debug)]
struct Closed {
    segment: Segment,
    /// The packet at its border, which stragglers may be predicted from.
    border: Option<Packet>,
    stragglers: usize,
}

impl Closed {
    /// Adds a packet that is shown within the segment; says whether it can be decoded there.
    fn add(&mut self, packet: &Packet, most_bytes: usize) -> bool {
        let border = self.border.as_ref().map_or(0, cost);
        let has_room =
            self.segment.packets.iter().map(cost).sum::<usize>() + border + cost(packet) <= most_bytes;
        if self.segment.is_undecodable() || self.stragglers == MOST_STRAGGLERS || !has_room {
            return false;
        }
        self.segment.packets.extend(self.border.take());
        self.segment.packets.push(packet.clone());
        self.stragglers += 1;
        true
    }
}

/// Where a segment begins in the stream.
#[derive(Debug, Clone, Copy, Default)]
struct Opening {
    from: StreamPoint,
    /// The latest frame that came before.
    latest: Option<MediaMs>,
}

/// Cuts one stream.
#[derive(Debug)]
pub struct Cutter {
    settings: CutSettings,
    sequence: u64,
    start: MediaMs,
    /// Of the open segment, with its preroll. The first one is a keyframe.
    packets: Vec<Packet>,
    bytes: usize,
    /// Index of the last keyframe; `None` if packets that follow it were not kept.
    key: Option<usize>,
    closed: Option<Closed>,
    latest: Option<MediaMs>,
    is_reordered: bool,
    end: MediaMs,
    /// Where the open segment, with its preroll, begins in the stream.
    opening: Option<Opening>,
    /// The same for one that begins with the last keyframe.
    key_opening: Opening,
    dropped: u64,
}

impl Cutter {
    /// A cutter at the start of a stream, whose first frame is shown at 0.
    pub fn new(settings: CutSettings) -> Self {
        Self {
            settings,
            sequence: 0,
            start: MediaMs::ZERO,
            packets: Vec::new(),
            bytes: 0,
            key: None,
            closed: None,
            latest: None,
            is_reordered: false,
            end: MediaMs::ZERO,
            opening: None,
            key_opening: Opening::default(),
            dropped: 0,
        }
    }

    /// A cutter that goes on from a point of a stream. The packets that come next are those from there on.
    pub fn resume(settings: CutSettings, point: &CutPoint) -> Self {
        Self {
            sequence: point.sequence,
            start: point.start_ms,
            is_reordered: point.is_reordered,
            latest: point.latest_ms,
            end: point.end_ms,
            ..Self::new(settings)
        }
    }

    /// From where to go on to get the segments that are not complete yet, in a stream with this header that
    /// was read up to `next`. `None` while a segment waits for stragglers.
    pub(crate) fn point(&self, header: &[u8], origin_ns: Option<i64>, next: StreamPoint) -> Option<CutPoint> {
        let end = Opening { from: next, latest: self.latest };
        let Opening { from, latest } = self.opening.unwrap_or(end);
        self.closed.is_none().then(|| CutPoint {
            header: header.to_vec(),
            origin_ns,
            from,
            sequence: self.sequence,
            start_ms: self.start,
            latest_ms: latest,
            end_ms: self.end,
            is_reordered: self.is_reordered,
        })
    }

    /// Where the last packet ends.
    pub fn end(&self) -> MediaMs {
        self.end
    }

    /// Just after the latest frame, or where the open segment begins.
    pub fn reached(&self) -> MediaMs {
        self.latest.map_or(self.start, |latest| self.start.max(latest + Millis(1)))
    }

    /// Bytes that are held for segments.
    pub fn held(&self) -> usize {
        let closed = self.closed.as_ref().map_or(0, |closed| closed.segment.size());
        self.bytes + closed
    }

    /// Closes the open segment just after its last frame, because nothing follows for now; what follows is
    /// decoded from the last keyframe.
    pub fn flush(&mut self) -> Vec<Segment> {
        let mut complete: Vec<Segment> =
            self.closed.take().map(|closed| closed.segment).into_iter().collect();
        let reached = self.reached();
        if reached > self.start {
            let preroll = self.preroll(reached);
            complete.push(self.close(reached, preroll));
        }
        complete
    }

    /// How many packets are in no segment, because nothing was there to decode them from.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Gives up what the open segment has: what follows is decoded from the next keyframe on.
    pub fn forget(&mut self) {
        self.packets.clear();
        self.bytes = 0;
        self.key = None;
        self.opening = None;
    }

    /// Takes the next packet in decoding order; returns the segments that it completes.
    pub fn push(&mut self, packet: Packet) -> Vec<Segment> {
        let mut complete = Vec::new();
        if packet.is_after_loss {
            self.pass_loss(packet.at, &mut complete);
        }
        let opening = Opening { from: packet.from, latest: self.latest };
        if self.latest.is_some_and(|latest| latest - packet.at > LONGEST_DELAY) {
            // What follows may have been predicted from it.
            self.key = None;
            self.opening.get_or_insert(opening);
            self.dropped += 1;
            return complete;
        }
        let is_latest = self.latest.is_none_or(|latest| packet.at > latest);
        self.is_reordered |= self.latest.is_some_and(|latest| packet.at < latest);
        self.latest = self.latest.max(Some(packet.at));
        self.end = self.end.max(packet.at + packet.duration.unwrap_or(Millis::ZERO).max(Millis(1)));
        let most_bytes = self.settings.bytes;
        let is_added = packet.at < self.start
            && self.closed.as_mut().is_some_and(|closed| closed.add(&packet, most_bytes));
        if !is_added {
            complete.extend(self.closed.take().map(|closed| closed.segment));
        }
        if is_latest && self.is_border(&packet) {
            let preroll = if packet.is_key { Vec::new() } else { self.preroll(packet.at) };
            let segment = self.close(packet.at, preroll);
            if self.is_reordered {
                self.closed = Some(Closed { segment, border: Some(packet.clone()), stragglers: 0 });
            } else {
                complete.push(segment);
            }
        }
        self.opening.get_or_insert(opening);
        let is_kept = self.keep(packet, opening);
        self.dropped += u64::from(!is_kept && !is_added);
        complete
    }

    /// Ends the stream; returns the segments that are left.
    pub fn finish(mut self) -> Vec<Segment> {
        let closed = self.closed.take().map(|closed| closed.segment);
        let interval = Interval::new(self.start, self.end);
        // Nothing is left if nothing came since a flush.
        let is_left = self.latest.is_some_and(|latest| latest >= self.start) && !interval.is_empty();
        let last = Segment { sequence: self.sequence, interval, packets: self.packets };
        closed.into_iter().chain(is_left.then_some(last)).collect()
    }

    /// Whether a segment ends where this packet is shown.
    fn is_border(&self, packet: &Packet) -> bool {
        let length = packet.at - self.start;
        if length <= Millis::ZERO {
            return false;
        }
        let is_full = !self.packets.is_empty() && self.bytes + cost(packet) > self.settings.bytes;
        let is_seen_again = packet.is_key && self.key.is_none();
        let most = if packet.is_key { self.settings.target } else { self.settings.longest };
        length >= most || is_full || is_seen_again
    }

    /// Closes what came before a loss, and the time in which frames were lost, which ends at `until`.
    fn pass_loss(&mut self, until: MediaMs, complete: &mut Vec<Segment>) {
        complete.extend(self.closed.take().map(|closed| closed.segment));
        for end in [self.end.min(until), until] {
            if end > self.start {
                complete.push(self.close(end, Vec::new()));
            }
        }
    }

    /// Closes the open segment at `end`, and opens the next one with its preroll.
    fn close(&mut self, end: MediaMs, preroll: Vec<Packet>) -> Segment {
        self.bytes = preroll.iter().map(cost).sum();
        self.key = (!preroll.is_empty()).then_some(0);
        self.opening = self.key.map(|_| self.key_opening);
        let segment = Segment {
            sequence: self.sequence,
            interval: Interval::new(self.start, end),
            packets: std::mem::replace(&mut self.packets, preroll),
        };
        self.sequence += 1;
        self.start = end;
        segment
    }

    /// The packets since the last keyframe that a segment from `start` on is decoded from: none if they
    /// were too many.
    fn preroll(&self, start: MediaMs) -> Vec<Packet> {
        let group = self.key.map_or(&[][..], |key| &self.packets[key..]);
        let Some(key) = group.first() else { return Vec::new() };
        let preroll: Vec<_> = group.iter().filter(|packet| packet.at >= key.at).cloned().collect();
        let bytes: usize = preroll.iter().map(cost).sum();
        let is_too_much = start - key.at > self.settings.preroll || bytes > self.settings.bytes / 2;
        if is_too_much { Vec::new() } else { preroll }
    }

    /// Adds a packet to the open segment if it can be decoded there; says whether it can.
    fn keep(&mut self, packet: Packet, opening: Opening) -> bool {
        let is_full = self.bytes.saturating_add(cost(&packet)) > self.settings.bytes;
        let is_first = self.packets.is_empty();
        // Shown before the keyframe that comes first, but decoded after it: predicted from frames before.
        let is_leading = self.packets.first().is_some_and(|first| packet.at < first.at);
        if is_leading || (!packet.is_key && self.key.is_none()) {
            return false;
        }
        if is_full && !is_first {
            self.key = None;
            return false;
        }
        if packet.is_key {
            self.key = Some(self.packets.len());
            self.key_opening = opening;
        }
        self.bytes += cost(&packet);
        self.packets.push(packet);
        true
    }
}

fn cost(packet: &Packet) -> usize {
    packet.bytes.len() + OVERHEAD
}

#[cfg(test)]
mod tests;
