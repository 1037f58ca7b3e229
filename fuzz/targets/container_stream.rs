//! A stream gives the same packets wherever it was cut on its way, and takes no memory because it says so.
#![no_main]

use container::{ContainerError, Demuxer, Limits, Packet};
use fuzz::Choices;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut choices = Choices::new(bytes);
    let piece = 1 + choices.below(5000);
    let stream = choices.rest();
    let (whole, whole_result) = demuxed([stream]);
    let (cut, cut_result) = demuxed(stream.chunks(piece));
    assert_eq!(whole, cut);
    assert_eq!(whole_result, cut_result);
    let delivered: usize = whole.iter().map(|packet| packet.bytes.len()).sum();
    assert!(delivered <= 2 * stream.len(), "{delivered} of {}", stream.len());
});

fn demuxed<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Packet>, Option<String>) {
    let mut demuxer = Demuxer::new(Limits::default());
    let mut packets = Vec::new();
    let read = || -> Result<(), ContainerError> {
        for piece in pieces {
            demuxer.push(piece, &mut packets)?;
        }
        demuxer.finish()
    };
    let error = read().err().map(|error| error.to_string());
    (packets, error)
}
