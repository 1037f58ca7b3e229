//! The trace context that records carry: W3C `traceparent`, so that a score can be followed back to the
//! upload of the segment that it knows last.
//!
//! A segment that comes without one starts a trace of its own, whose id is derived from what it is: the
//! same segment has the same trace in every log, also after a crash.

use domain::ids::SessionId;

/// A trace and a place in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    trace: String,
    span: String,
    sampled: bool,
}

impl TraceContext {
    /// Reads a `traceparent`; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().split('-');
        let (version, trace, span) = (parts.next()?, parts.next()?, parts.next()?);
        let is_hex = |part: &str, length: usize| {
            part.len() == length
                && part.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
                && part.bytes().any(|byte| byte != b'0')
        };
        let flags = parts.next().filter(|flags| flags.len() == 2)?;
        let sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
        let known = version.len() == 2 && version != "ff";
        (known && is_hex(trace, 32) && is_hex(span, 16)).then(|| Self {
            trace: trace.to_owned(),
            span: span.to_owned(),
            sampled,
        })
    }

    /// The trace of a segment that nobody traced before.
    pub fn of_segment(session: &SessionId, epoch: u32, sequence: u64) -> Self {
        let trace = session.derive(&format!("trace\n{epoch}\n{sequence}")).simple().to_string();
        Self { span: trace[16..].to_owned(), trace, sampled: true }
    }

    /// The next place in the same trace: what `stage` does with it.
    pub fn child(&self, stage: &str, session: &SessionId) -> Self {
        let span =
            session.derive(&format!("span\n{}\n{}\n{stage}", self.trace, self.span)).simple().to_string();
        Self { trace: self.trace.clone(), span: span[..16].to_owned(), sampled: self.sampled }
    }

    /// As a `traceparent`.
    pub fn header(&self) -> String {
        format!("00-{}-{}-{:02x}", self.trace, self.span, u8::from(self.sampled))
    }

    /// The place in the trace: 16 hex digits.
    pub fn span(&self) -> &str {
        &self.span
    }

    /// Whether whoever began the trace wants to see it.
    pub fn is_sampled(&self) -> bool {
        self.sampled
    }

    /// The id of the trace: 32 hex digits.
    pub fn trace(&self) -> &str {
        &self.trace
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_goes_on_and_every_stage_has_its_place() {
        let session: SessionId = "t1/e7/s42".parse().unwrap();
        let given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let parent = TraceContext::parse(given).unwrap();
        assert_eq!(parent.header(), given);
        let child = parent.child("observe", &session);
        assert_eq!(child.trace(), parent.trace());
        assert_ne!(child.header(), parent.header());
        assert_ne!(child, parent.child("score", &session));
        assert_eq!(TraceContext::parse(&child.header()), Some(child));
    }

    #[test]
    fn whoever_began_a_trace_decides_whether_it_is_wanted() {
        let session: SessionId = "t1/e7/s42".parse().unwrap();
        let unwanted =
            TraceContext::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-02").unwrap();
        assert!(!unwanted.is_sampled());
        assert!(unwanted.child("observe", &session).header().ends_with("-00"));
    }

    #[test]
    fn the_same_segment_has_the_same_trace() {
        let session: SessionId = "t1/e7/s42".parse().unwrap();
        let of = |sequence| TraceContext::of_segment(&session, 0, sequence);
        assert_eq!(of(3), of(3));
        assert_ne!(of(3).trace(), of(4).trace());
        assert_eq!(TraceContext::parse(&of(3).header()), Some(of(3)));
    }

    #[test]
    fn nonsense_is_no_trace() {
        for text in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-xy",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceContext::parse(text), None, "{text}");
        }
    }
}
