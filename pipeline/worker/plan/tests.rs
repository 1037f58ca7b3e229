//! Plans worked out by hand, and what must hold for all of them.

use proptest::prelude::*;

use super::*;
use crate::bench::{Benchmark, Corpus, Counts, Footage, Measured, Round, Traffic as Records};

const HOUR: Duration = Duration::from_secs(3600);

/// 20 ms of a core per second of video with one thread and 22 with two; ten sessions of 100 s in segments of
/// 2 s, 400 kbit/s.
fn figures() -> Figures {
    figures_of(20.0, 22.0)
}

fn figures_of(one: f64, two: f64) -> Figures {
    let measured = |used: f64, peak_bytes| Measured {
        time: [("all".to_owned(), used)].into(),
        peak_bytes,
        ..Measured::default()
    };
    let round =
        Round { product: measured(one, 300_000_000), on_two: measured(two, 350_000_000), ..Round::default() };
    let mut measured =
        Benchmark::of(Vec::new(), &Corpus::default(), 1, Counts::default(), std::slice::from_ref(&round));
    measured.footage = Footage {
        codecs: vec!["vp8".to_owned()],
        sessions: 10,
        segments: 500,
        seconds: 1000.0,
        media_bytes: 50_000_000,
    };
    let topic = |topic: &str, records, bytes, keys, last_bytes| Records {
        topic: topic.to_owned(),
        records,
        bytes,
        keys,
        last_bytes,
    };
    measured.topics = vec![
        topic("segments", 500, 50_500_000, 10, 1_010_000),
        topic("sessions", 20, 10_000, 10, 5_000),
        topic("observations", 500, 1_000_000, 10, 20_000),
        topic("incidents", 10, 10_000, 10, 10_000),
        topic("scores", 50, 50_000, 10, 10_000),
        topic("score-state", 100, 400_000, 10, 40_000),
        topic("dead-letters", 0, 0, 0, 0),
    ];
    Figures { from: "a test".to_owned(), is_bundled: false, measured }
}

fn ask(sessions: u64) -> Ask {
    Ask {
        sessions,
        bitrate: 400_000,
        segment: Duration::from_secs(2),
        calm: 0.0,
        utilisation: 0.65,
        utilisation_zone_down: 0.9,
        cores_per_pod: 4,
        zones: 3,
        replication: 3,
        hours_a_day: 24.0,
        session_length: 2 * HOUR,
        retention: BTreeMap::new(),
        keep: 180 * 24 * HOUR,
        queue_bytes: 1_000_000,
        prices: Prices::default(),
    }
}

fn plan(ask: Ask) -> Plan {
    Plan::of(ask, &figures(), None)
}

#[track_caller]
fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() <= expected.abs() * 1e-9, "{found} instead of {expected}");
}

fn topic<'a>(plan: &'a Plan, name: &str) -> &'a TopicLoad {
    plan.traffic.topics.iter().find(|topic| topic.topic == name).unwrap()
}

#[test]
fn workers_of_fifty_thousand_sessions() {
    let plan = plan(ask(50_000));
    let workers = &plan.workers;
    // 50 000 x 22 ms = 1100 cores. 1100 / 0.65 = 1692; two thirds of the pods at 90 %: 1100 / 0.9 x 1.5 = 1833.3.
    near(workers.busy_cores, 1100.0);
    assert_eq!(workers.bound, Bound::ZoneDown);
    // 1833.3 / 4 = 458.3: 459 pods, which is three times 153.
    assert_eq!((workers.pods, workers.cores), (459, 1836));
    near(workers.utilisation, 1100.0 / 1836.0);
    near(workers.utilisation_zone_down.unwrap(), 1650.0 / 1836.0);
    // 4 x 459 = 1836 partitions at least; 2160 = 2^4 x 3^3 x 5 is the next one with so many divisors.
    assert_eq!((plan.partitions.at_least, plan.partitions.each_topic), (1836, 2160));
    assert_eq!(plan.partitions.reason, Reason::Pods);
    // The busiest pod has 5 of 2160 partitions: 115.7 sessions, and sqrt(2 ln 459 x 115.7) = 37.7 more.
    let mean = 50_000.0 * 5.0 / 2160.0;
    let most = mean + (2.0 * 459_f64.ln() * mean).sqrt();
    near(workers.utilisation_busiest_pod, most * 0.022 / 4.0);
    // 300 MB, 50 MB for each of three more threads, 32 KiB for each of 109 sessions.
    assert_eq!(workers.memory_per_pod, 450_000_000 + 109 * 32_768);
    assert_eq!(workers.memory_limit_per_pod, workers.memory_per_pod + 1_000_000);
    assert_eq!(workers.memory, workers.memory_per_pod * 459);
}

#[test]
fn one_zone_has_none_to_lose_and_one_core_one_thread() {
    let plan = plan(Ask { zones: 1, cores_per_pod: 1, ..ask(1000) });
    // 1000 x 20 ms = 20 cores; 20 / 0.65 = 30.8.
    near(plan.workers.busy_cores, 20.0);
    assert_eq!((plan.workers.pods, plan.workers.bound), (31, Bound::Utilisation));
    assert_eq!(plan.workers.utilisation_zone_down, None);
    // Two copies beside the first, all in the same zone.
    near(plan.traffic.between_zones_bytes_per_s, 0.0);
}

#[test]
fn calm_sessions_cost_what_calm_sessions_cost() {
    let calm = figures_of(5.0, 6.0);
    let plan = Plan::of(Ask { calm: 0.75, ..ask(1000) }, &figures(), Some(&calm));
    // 250 x 22 ms + 750 x 6 ms.
    near(plan.workers.busy_cores, 10.0);
    assert_eq!(plan.figures.calm_milliseconds, Some(6.0));
}

#[test]
fn bytes_of_a_thousand_sessions() {
    let plan = plan(ask(1000));
    // 1000 x 50 000 bytes, and 1000 bytes around each of 500 segments per second.
    near(topic(&plan, "segments").bytes_per_s, 50_500_000.0);
    near(topic(&plan, "segments").records_per_s, 500.0);
    // A day of them.
    near(topic(&plan, "segments").kept_bytes, 50_500_000.0 * 86_400.0);
    // 1000 bytes per second of a session, for 14 days.
    near(topic(&plan, "observations").kept_bytes, 1_000_000.0 * 14.0 * 86_400.0);
    // 2 facts of 500 bytes in 7200 s, for 180 days.
    near(topic(&plan, "sessions").kept_bytes, 1000.0 * 1000.0 / 7200.0 * 180.0 * 86_400.0);
    // 4000 bytes with each of 500 observations per second; of each session 4000 bytes stay, and a quarter of that
    // is not compacted yet. In 180 days there are 2160 sessions one after the other, and one is going on.
    near(topic(&plan, "score-state").bytes_per_s, 2_000_000.0);
    near(topic(&plan, "score-state").kept_bytes, 1000.0 * 2161.0 * 4000.0 * 1.25);
    assert!(plan.traffic.topics.iter().all(|topic| topic.topic != "dead-letters"));

    let traffic = &plan.traffic;
    let read = traffic.written_bytes_per_s - 2_000_000.0;
    near(traffic.read_bytes_per_s, read);
    near(traffic.copied_bytes_per_s, traffic.written_bytes_per_s * 2.0);
    // Two of three clients are in another zone than the leader, and so are both copies.
    let between = (traffic.written_bytes_per_s + read) * 2.0 / 3.0 + traffic.written_bytes_per_s * 2.0;
    near(traffic.between_zones_bytes_per_s, between);
    near(traffic.disk_bytes, traffic.topics.iter().map(|topic| topic.kept_bytes).sum::<f64>() * 3.0);
}

#[test]
fn retention_and_hours_are_what_was_asked_for() {
    let retention = [("segments".to_owned(), 12 * HOUR)].into();
    let plan = plan(Ask { retention, hours_a_day: 10.0, ..ask(1000) });
    // Twelve hours hold the ten of one day.
    near(topic(&plan, "segments").kept_bytes, 50_500_000.0 * 36_000.0);
    assert_eq!(topic(&plan, "segments").stored, Stored::Everything(43_200));
    near(topic(&plan, "observations").kept_bytes, 1_000_000.0 * 14.0 * 36_000.0);
}

#[test]
fn many_bytes_need_many_partitions() {
    // 100 Mbit/s each: 12.5 GB/s.
    let plan = plan(Ask { bitrate: 100_000_000, cores_per_pod: 64, ..ask(1000) });
    assert_eq!(plan.partitions.reason, Reason::Bytes);
    assert_eq!(plan.partitions.at_least, 1251);
    assert!(plan.partitions.segment_bytes_per_s <= partitions::BYTES_PER_S as f64);
}

#[test]
fn only_what_has_a_price_costs() {
    assert_eq!(plan(ask(1000)).cost, Cost::default());
    let prices = Prices { core_hour: Some(0.05), ..Prices::default() };
    let priced = plan(Ask { prices, hours_a_day: 10.0, ..ask(1000) });
    // 22 busy cores: 22 / 0.9 x 1.5 = 36.7, ten pods would do, twelve are in three zones.
    assert_eq!(priced.workers.cores, 48);
    near(priced.cost.cores.unwrap(), 48.0 * 300.0 * 0.05);
    near(priced.cost.total.unwrap(), 720.0);
    near(priced.cost.session_hour.unwrap(), 720.0 / 300_000.0);
    assert_eq!(priced.cost.disks, None);

    let all = Prices { core_hour: Some(0.05), gb_month: Some(0.1), gb_between_zones: Some(0.01) };
    let plan = plan(Ask { prices: all, ..ask(1000) });
    near(plan.cost.disks.unwrap(), plan.traffic.disk_bytes / 1e9 * 0.1);
    let moved = plan.traffic.between_zones_bytes_per_s * 30.0 * 86_400.0 / 1e9;
    near(plan.cost.between_zones.unwrap(), moved * 0.01);
}

#[test]
fn what_lies_far_from_the_measured_is_warned_of() {
    let warnings = |ask: Ask| plan(ask).warnings;
    assert_eq!(warnings(ask(50_000)), Vec::<String>::new());
    let has = |ask: Ask, text: &str| {
        let warnings = warnings(ask);
        assert!(warnings.iter().any(|warning| warning.contains(text)), "{warnings:?}");
    };
    has(Ask { bitrate: 1_500_000, ..ask(100) }, "decoding 1500 kbit/s");
    has(Ask { segment: Duration::from_secs(10), ..ask(100) }, "segments of 2.0 s");
    has(
        Ask { utilisation: 1.0, utilisation_zone_down: 1.0, zones: 1, replication: 1, ..ask(50_000) },
        "busiest pod",
    );
    has(Ask { replication: 2, ..ask(100) }, "more zones than copies");
    has(Ask { cores_per_pod: 1, ..ask(500_000) }, "topics create");
}

#[test]
fn the_figures_that_come_with_the_program_are_read_and_warned_of() {
    for codec in [Codec::Vp8, Codec::H264] {
        let figures = Figures::bundled(codec).unwrap();
        assert!((1.0..100.0).contains(&figures.milliseconds(4)), "{figures:?}");
        assert!((1.9..2.5).contains(&figures.segment()), "{}", figures.segment());
        let plan = Plan::of(ask(50_000), &figures, None);
        assert!(plan.warnings[0].contains(&figures.measured.machine.processor), "{:?}", plan.warnings);
        let names: Vec<&str> = plan.traffic.topics.iter().map(|topic| topic.topic.as_str()).collect();
        assert_eq!(names, ["segments", "sessions", "observations", "incidents", "scores", "score-state"]);
    }
}

fn any_ask() -> impl Strategy<Value = Ask> {
    let load = (1_u64..200_000, 10_000_u64..5_000_000, 1_u64..20, 0.05..=1.0, 0.05..=1.0);
    let place = (1_u64..=64, 1_u64..=5, 1_u64..=5, 1.0..=24.0);
    (load, place).prop_map(|(load, place)| {
        let (sessions, bitrate, segment, utilisation, utilisation_zone_down) = load;
        let (cores_per_pod, zones, replication, hours_a_day) = place;
        let segment = Duration::from_secs(segment);
        let prices = Prices { core_hour: Some(0.04), gb_month: Some(0.1), gb_between_zones: Some(0.01) };
        Ask {
            bitrate,
            segment,
            utilisation,
            utilisation_zone_down,
            cores_per_pod,
            zones,
            replication,
            hours_a_day,
            prices,
            ..ask(sessions)
        }
    })
}

/// Everything that costs something.
fn needs(plan: &Plan) -> Vec<f64> {
    let Plan { workers, partitions, traffic, cost, .. } = plan;
    vec![
        workers.cores as f64,
        workers.pods as f64,
        workers.memory as f64,
        partitions.each_topic as f64,
        traffic.written_bytes_per_s,
        traffic.between_zones_bytes_per_s,
        traffic.disk_bytes,
        cost.total.unwrap(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn more_sessions_never_need_less(ask in any_ask(), more in 0_u64..200_000) {
        let (less, more) = (plan(ask.clone()), plan(Ask { sessions: ask.sessions + more, ..ask }));
        for (less, more) in needs(&less).into_iter().zip(needs(&more)) {
            prop_assert!(less <= more * (1.0 + 1e-12), "{less} {more}");
        }
    }

    #[test]
    fn nothing_is_busier_than_asked_for(ask in any_ask()) {
        let plan = plan(ask);
        let (ask, workers) = (&plan.ask, &plan.workers);
        prop_assert!(workers.utilisation <= ask.utilisation + 1e-9);
        prop_assert!(workers.utilisation_zone_down.is_none_or(|share| share <= ask.utilisation_zone_down + 1e-9));
        prop_assert!(workers.utilisation_busiest_pod >= workers.utilisation - 1e-9);
        prop_assert_eq!(workers.pods % ask.zones, 0);
        prop_assert!(plan.partitions.each_topic >= workers.pods * 4);
        prop_assert!(plan.partitions.segment_bytes_per_s <= partitions::BYTES_PER_S as f64);
    }

    #[test]
    fn higher_bitrates_and_longer_retention_never_take_fewer_bytes(ask in any_ask(), more in 0_u64..5_000_000) {
        let less = plan(ask.clone());
        let wider = plan(Ask { bitrate: ask.bitrate + more, ..ask.clone() });
        prop_assert!(wider.traffic.disk_bytes >= less.traffic.disk_bytes);
        let retention = [("segments".to_owned(), 24 * HOUR + Duration::from_secs(more))].into();
        let longer = plan(Ask { retention, ..ask });
        prop_assert!(longer.traffic.disk_bytes >= less.traffic.disk_bytes);
    }
}
