//! What a plan says about itself: what it takes for granted, and what may be wrong with it.

use super::partitions::{BYTES_PER_S, MOST};
use super::{Ask, Figures, Partitions, Reason, Workers};

/// By how much what is asked for may differ from what was measured without a warning.
const NEAR: f64 = 1.3;

pub(super) fn assumptions(ask: &Ask, partitions: &Partitions) -> Vec<String> {
    let why_partitions = match partitions.reason {
        Reason::Pods => {
            "4 for each pod, so that one more or less is a quarter of its work at most".to_owned()
        }
        Reason::Bytes => format!(
            "{} MB/s into each at most: a twelfth of what one client wrote to a broker of two cores",
            BYTES_PER_S / 1_000_000
        ),
    };
    let mut all = vec![
        format!(
            "cores: at most {:.0} % busy, so that segments that arrive together do not wait for long, the pod \
             that chance gives the most sessions keeps up, and a backlog is worked off",
            ask.utilisation * 100.0
        ),
        "processor time of the worker alone, all roles in each pod: brokers are not in it".to_owned(),
        "processor time does not depend on the bitrate, and on a pod of more than two cores it is that of two \
         threads"
            .to_owned(),
        format!("partitions: {why_partitions}; rounded up to a number that many numbers divide, and never changed"),
        format!(
            "the largest day has {} h with that many sessions of {}; pods run in those hours alone",
            ask.hours_a_day,
            humantime::format_duration(ask.session_length)
        ),
        "the bitrate contains its container; records take what was measured, uncompressed; score-state is \
         written with every observation"
            .to_owned(),
        "each record is read once; sessions are not uploaded again, nothing is set aside".to_owned(),
        "memory: what was measured, with what a second thread added for each further core, and 32 KiB a \
         session; the limit adds full queues"
            .to_owned(),
    ];
    if ask.zones > 1 {
        all.insert(
            1,
            format!(
                "one of {} zones may be down: the others are at most {:.0} % busy then",
                ask.zones,
                ask.utilisation_zone_down * 100.0
            ),
        );
        all.push(
            "clients and leaders of partitions are spread over the zones evenly, and nobody reads from the \
             nearest copy"
                .to_owned(),
        );
    }
    all
}

pub(super) fn warnings(
    ask: &Ask,
    figures: &Figures,
    workers: &Workers,
    partitions: &Partitions,
) -> Vec<String> {
    let mut all = Vec::new();
    if figures.is_bundled {
        all.push(format!(
            "the figures are those of {}: another processor, other pictures or other settings differ; measure \
             with `invigilator bench --json FILE` where it will run, and plan with --figures FILE",
            figures.measured.machine
        ));
    }
    if is_far(ask.bitrate as f64, figures.bitrate()) {
        all.push(format!(
            "measured at {:.0} kbit/s: decoding {:.0} kbit/s takes another time",
            figures.bitrate() / 1000.0,
            ask.bitrate as f64 / 1000.0
        ));
    }
    if is_far(ask.segment.as_secs_f64(), figures.segment()) {
        all.push(format!(
            "measured with segments of {:.1} s: with others both processor time and observations differ",
            figures.segment()
        ));
    }
    if workers.utilisation_busiest_pod > 1.0 {
        all.push(format!(
            "the busiest pod is asked for {:.0} % of what it has: take more cores per pod, or a lower \
             --utilisation",
            workers.utilisation_busiest_pod * 100.0
        ));
    }
    if partitions.each_topic > MOST {
        all.push(format!(
            "{} partitions are more than the {MOST} that `invigilator topics create` makes: divide the tenants \
             among clusters, or take more cores per pod",
            partitions.each_topic
        ));
    }
    if ask.replication < 3 {
        all.push("with fewer than 3 copies a broker that is down stops writing, or loses records".to_owned());
    }
    if ask.replication < ask.zones.min(3) {
        all.push("there are more zones than copies: a zone that is down takes records with it".to_owned());
    }
    all
}

fn is_far(asked: f64, measured: f64) -> bool {
    asked > measured * NEAR || asked * NEAR < measured
}
