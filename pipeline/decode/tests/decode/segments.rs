//! Parts of a session, each decoded alone, show what the whole shows.

use std::path::Path;

use decode::{DecodeEvent, Ending, SamplingPlan};
use domain::picture::Picture;
use domain::time::{Interval, MediaMs, Millis};

use crate::support::*;

/// Instants with the time of their picture and the picture.
fn pictures(outcome: &Outcome) -> Vec<(MediaMs, MediaMs, Picture)> {
    let picture = |event: &DecodeEvent| match event {
        DecodeEvent::Frame(frame) => Some((frame.time.planned, frame.picture_ms, (*frame.picture).clone())),
        DecodeEvent::Gap(time) => panic!("no picture at {time:?}"),
        DecodeEvent::Started(_) => None,
    };
    outcome.events.iter().filter_map(picture).collect()
}

/// Cuts a file at its keyframes; returns how many parts there are, named by number.
fn cut(whole: &Path, extension: &str) -> usize {
    let parts = whole.with_file_name(format!("%d.{extension}"));
    let cut = "-c copy -f segment -segment_time 0.1 -reset_timestamps 1";
    ffmpeg(&format!("-i {} {cut}", whole.display()), &parts);
    (0..).take_while(|index| whole.with_file_name(format!("{index}.{extension}")).exists()).count()
}

#[test]
fn segments_show_what_the_whole_shows() {
    for (extension, codec) in [
        ("webm", "-c:v libvpx -b:v 500k -g 30 -keyint_min 30"),
        ("mp4", "-c:v libx264 -profile:v baseline -g 30 -keyint_min 30 -sc_threshold 0"),
    ] {
        let folder = folder();
        let whole = folder.path().join(format!("whole.{extension}"));
        ffmpeg(&format!("-f lavfi -i testsrc2=s=160x120:r={RATE}:d=8,noise=alls=20:allf=t {codec}"), &whole);
        let every = SamplingPlan::every(Millis(400));
        let pool = pool();
        let expected = pictures(&decode_with(&pool, &whole, &every));
        assert_eq!(cut(&whole, extension), 4);
        let mut seen = Vec::new();
        for index in 0..4 {
            let start = index * 2000;
            let window = Interval::new(MediaMs(start), MediaMs(start + 2000));
            let plan = every.starting_at(window.start).within(window);
            let outcome = decode_with(&pool, &folder.path().join(format!("{index}.{extension}")), &plan);
            assert_eq!(outcome.decoded().ending, Ending::Complete);
            seen.extend(pictures(&outcome));
        }
        assert_eq!(seen.len(), 20);
        assert!(seen == expected, "{extension}");
        // The window may begin behind the first frame, which is there to be decoded from only.
        let window = Interval::new(MediaMs(5100), MediaMs(6000));
        let plan = every.starting_at(MediaMs(4000)).within(window);
        let outcome = decode_with(&pool, &folder.path().join(format!("2.{extension}")), &plan);
        assert!(pictures(&outcome) == expected[13..15], "{extension}");
        assert_eq!(outcome.decoded().first, MediaMs(4000));
    }
}

#[test]
fn the_first_frame_lies_at_the_start_wherever_the_container_puts_it() {
    let folder = folder();
    let source = numbered(30, "160x120");
    for (name, options) in [
        ("late.webm", "-c:v libvpx -b:v 2M -output_ts_offset 7"),
        ("late.mp4", "-c:v libx264 -crf 5 -output_ts_offset 7"),
        ("negative.mp4", "-c:v libx264 -crf 5 -movflags negative_cts_offsets"),
        ("list.mp4", "-c:v libx264 -crf 5 -bf 3 -use_editlist 1"),
        ("none.mp4", "-c:v libx264 -crf 5 -bf 3 -use_editlist 0"),
    ] {
        let path = folder.path().join(name);
        ffmpeg(&format!("{source} {options}"), &path);
        let outcome = decode(&path);
        let expected: Vec<_> = (0..4).map(|half| (half * 500, Some(displayed(half * 500)))).collect();
        assert_eq!(outcome.numbers(), expected, "{name}: {:?}", outcome.result);
    }
}

#[test]
fn an_edit_list_may_begin_behind_a_keyframe() {
    let folder = folder();
    let whole = folder.path().join("whole.mp4");
    ffmpeg(&format!("{} -c:v libx264 -crf 5 -bf 2 -g 30", numbered(60, "160x120")), &whole);
    let trimmed = folder.path().join("trimmed.mp4");
    ffmpeg(&format!("-ss 1 -i {} -c copy", whole.display()), &trimmed);
    let outcome = decode(&trimmed);
    let expected: Vec<_> = (0..6).map(|half| (half * 500, Some(displayed(half * 500) + 15))).collect();
    assert_eq!(outcome.numbers(), expected, "{:?}", outcome.result);
}
