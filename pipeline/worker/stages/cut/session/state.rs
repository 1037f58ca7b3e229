//! Where an upload has got to, as it is stored: made, and gone on from.

use container::{ContainerError, LiveCutter};
use domain::messages::{CutState, StreamState};
use domain::upload::ChunkOrder;

use super::{Cutting, Recording, Session};

impl Session {
    /// An upload that goes on from a stored state.
    pub(in crate::stages::cut) fn restore(state: CutState, how: Cutting) -> Result<Self, ContainerError> {
        let mut session = Self {
            began_at_ms: Some(state.began_at_ms),
            heard_at_ms: state.heard_at_ms,
            order: ChunkOrder::from(state.chunk, how.bounds),
            epoch: state.epoch,
            epoch_start: state.epoch_start_ms,
            sequence: state.sequence,
            position: state.chunk_position,
            end: state.end_ms,
            is_silent: state.is_silent,
            breaks_until: state.breaks_until,
            break_end: state.break_end,
            needed: state.offset,
            ..Self::new(state.session, how)
        };
        session.recording = match state.stream {
            StreamState::Expected => Recording::Expected,
            StreamState::GivenUp | StreamState::Over { .. } => Recording::GivenUp,
            StreamState::Open(point) => {
                session.known = point.from.position;
                Recording::Open(Box::new(LiveCutter::resume(how.limits, how.settings, point)?))
            }
        };
        Ok(session)
    }

    /// The state to go on from, if there is one now.
    pub(in crate::stages::cut) fn state(&self) -> Option<CutState> {
        let next = self.undecided.first().map_or(self.order.next(), |(number, _)| *number);
        let (stream, chunk, chunk_position) = match &self.recording {
            Recording::Expected => (StreamState::Expected, next, 0),
            Recording::GivenUp => (StreamState::GivenUp, next, 0),
            Recording::Open(cutter) => match cutter.point() {
                Some(point) => {
                    let position = point.from.position;
                    let first = self.turned.iter().rev().find(|chunk| chunk.start <= position);
                    let first = first.filter(|_| position < self.position);
                    let (number, start) =
                        first.map_or((next, self.position), |chunk| (chunk.number, chunk.start));
                    (StreamState::Open(point), number, start)
                }
                // Nothing was said of it yet: it may as well begin anew.
                None if self.sequence == 0 => {
                    let first = self.turned.front().filter(|first| first.start == 0)?;
                    (StreamState::Expected, first.number, 0)
                }
                None => return None,
            },
        };
        let turned = self.turned.iter().filter(|turned| turned.number >= chunk).map(|turned| turned.offset);
        let undecided = self.undecided.iter().map(|(_, record)| record);
        let waiting = undecided.chain(self.order.waiting()).map(|record| record.origin.offset);
        self.began_at_ms?;
        let offset = turned.chain(waiting).min();
        Some(CutState { offset, chunk_position, ..self.state_of(stream, chunk) })
    }

    /// The state of an upload that is over as of a record.
    pub(in crate::stages::cut) fn over(&self, at: i64) -> CutState {
        self.state_of(StreamState::Over { at }, self.order.next())
    }

    fn state_of(&self, stream: StreamState, chunk: u64) -> CutState {
        CutState {
            session: self.id.clone(),
            began_at_ms: self.began_at_ms.unwrap_or(self.heard_at_ms),
            heard_at_ms: self.heard_at_ms,
            epoch: self.epoch,
            epoch_start_ms: self.epoch_start,
            end_ms: self.end,
            sequence: self.sequence,
            chunk,
            chunk_position: 0,
            offset: None,
            stream,
            is_silent: self.is_silent,
            breaks_until: self.breaks_until,
            break_end: self.break_end,
        }
    }

    /// A state was stored.
    pub(in crate::stages::cut) fn stored(&mut self, state: &CutState) {
        self.turned.retain(|turned| turned.number >= state.chunk);
        self.needed = state.offset;
        self.is_changed = false;
    }
}
