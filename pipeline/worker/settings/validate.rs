//! Checks what the form of the file cannot say, all keys at once, and builds [`Settings`].

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use domain::identity::Cadence;
use domain::sampling::SampleGrid;
use domain::time::Millis;

use crate::media::{Origin, Prefix};

use super::layers::Merged;
use super::problem::{Problem, SettingsError};
use super::raw::{
    RawDecode, RawEvidence, RawIdentity, RawInfer, RawKafka, RawPrivacy, RawSettings, RawTelemetry, RawWorker,
};
use super::{
    Adaptive, Decode, Evidence, Identity, Infer, Privacy, Provider, Sampling, Settings, fingerprint, gateway,
    places, service,
};

/// How the names of models with 8-bit weights end.
const EIGHT_BITS: &str = "_int8";

/// Builds settings from a file's form.
///
/// # Errors
/// With every value that is out of bounds.
pub fn validate(merged: &Merged) -> Result<Settings, SettingsError> {
    let mut check = Check { merged, problems: Vec::new() };
    let raw = &merged.raw;
    let grid = check.grid(raw);
    check.sampling(raw, grid);
    check.confidences(raw);
    check.identity(&raw.identity);
    check.privacy(&raw.privacy);
    check.evidence(&raw.evidence);
    check.decode(&raw.decode);
    check.infer(&raw.infer);
    check.kafka(&raw.kafka);
    check.worker(&raw.worker);
    check.gateway(raw);
    check.telemetry(&raw.telemetry);
    check.unless(!raw.policy.default.trim().is_empty(), "policy.default", "must name a policy or a file");
    let (Some(grid), true) = (grid, check.problems.is_empty()) else {
        return Err(SettingsError::Invalid(check.problems));
    };
    Ok(Settings {
        sampling: Sampling {
            grid,
            slack: Millis(raw.sampling.slack_ms.into()).min(most_slack(grid)),
            things_every: Millis(raw.sampling.things_every_ms.into()),
            segment: Millis(i64::from(raw.sampling.segment_ms)),
            hold: Millis(i64::from(raw.sampling.hold_ms)),
        },
        suspicion: raw.suspicion,
        adaptive: Adaptive {
            calm_after: unless_zero(raw.adaptive.calm_after_ms),
            most_behind: unless_zero(raw.adaptive.most_behind_ms),
            shares: raw.adaptive.shares.clone(),
        },
        quality: raw.quality,
        observe: raw.observe,
        identity: identity(&raw.identity),
        privacy: privacy(&raw.privacy),
        evidence: evidence(&raw.evidence),
        decode: Decode {
            children: at_least_one(raw.decode.children.into()),
            stall_timeout: Duration::from_millis(raw.decode.stall_timeout_ms.into()),
            longer_side: raw.decode.longer_side,
            shorter_side: raw.decode.shorter_side,
            max_media: Millis::from_secs(i64::from(raw.decode.max_hours) * 3600),
            memory_bytes: u64::from(raw.decode.memory_mib) << 20,
            cpu_limit: Duration::from_secs(raw.decode.cpu_s.into()),
            recycle_after: raw.decode.recycle_after,
            require: raw.decode.require.clone(),
        },
        infer: infer(&raw.infer),
        policy: raw.policy.default.clone(),
        kafka: service::kafka(&raw.kafka),
        worker: service::worker(&raw.worker),
        gateway: gateway::gateway(&raw.gateway),
        telemetry: service::telemetry(&raw.telemetry),
        config_hash: fingerprint::of(raw, raw.infer.provider),
        config_hash_on_cpu: fingerprint::of(raw, Provider::Cpu),
    })
}

fn identity(raw: &RawIdentity) -> Identity {
    Identity { keep: Duration::from_secs(u64::from(raw.keep_days) * 86_400), cadence: cadence(raw) }
}

fn privacy(raw: &RawPrivacy) -> Privacy {
    Privacy {
        keys_file: (!raw.keys_file.is_empty()).then(|| places::resolve(&raw.keys_file)),
        // An address, if there is one: that was checked.
        vault: raw.vault.parse().ok(),
        encrypt: raw.encrypt,
    }
}

fn evidence(raw: &RawEvidence) -> Evidence {
    Evidence {
        // It is an address if it is not empty: that was checked.
        store: raw.store.parse().ok(),
        keep: Duration::from_secs(u64::from(raw.keep_days) * 86_400),
        apart: Millis(raw.apart_ms.into()),
    }
}

pub(super) fn cadence(raw: &RawIdentity) -> Cadence {
    Cadence { every_ms: Millis(raw.every_ms.into()), burst: raw.burst, doubt_below: raw.doubt_below }
}

fn infer(raw: &RawInfer) -> Infer {
    let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    Infer {
        models_dir: places::resolve(&raw.models_dir),
        runtime_library: places::resolve(&raw.runtime_library),
        provider: raw.provider,
        provider_missing: raw.provider_missing,
        batch_pictures: at_least_one(raw.batch_pictures.into()),
        batch_wait: Duration::from_millis(raw.batch_wait_ms.into()),
        threads: NonZeroUsize::new(raw.threads.into()).unwrap_or(cores),
        person_model: raw.person_model.clone(),
        accept_research_models: raw.accept_research_models,
        max_measured_faces: raw.max_measured_faces.into(),
        max_second_looks: raw.max_second_looks.into(),
    }
}

/// More, and samples would come closer to those before them than to those they belong between.
fn most_slack(grid: SampleGrid) -> Millis {
    Millis(grid.base().0 / 4).min(grid.escalated().half())
}

fn unless_zero(millis: u32) -> Option<Millis> {
    (millis > 0).then(|| Millis(millis.into()))
}

fn at_least_one(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap_or(NonZeroUsize::MIN)
}

/// The values under test, and what was found wrong so far.
struct Check<'a> {
    merged: &'a Merged,
    problems: Vec<Problem>,
}

impl Check<'_> {
    fn unless(&mut self, good: bool, key: &str, message: &str) {
        if !good {
            let (place, key, message) = (self.merged.place(key), key.to_owned(), message.to_owned());
            self.problems.push(Problem { place, key, message });
        }
    }

    fn within(&mut self, key: &str, value: impl Into<i64>, least: i64, most: i64) {
        let value = value.into();
        self.unless((least..=most).contains(&value), key, &format!("must be {least} to {most}, is {value}"));
    }

    /// A share, a confidence: 0 to 1.
    fn share(&mut self, key: &str, value: f32) {
        self.unless((0.0..=1.0).contains(&value), key, &format!("must be 0 to 1, is {value}"));
    }

    fn grid(&mut self, raw: &RawSettings) -> Option<SampleGrid> {
        let sampling = &raw.sampling;
        match SampleGrid::new(sampling.base_fps, sampling.escalated_fps) {
            Ok(grid) => Some(grid),
            Err(error) => {
                // The two rates do not fit together: blame one that somebody set.
                let (base, escalated) = ("sampling.base_fps", "sampling.escalated_fps");
                let only_escalated = self.merged.is_set(escalated) && !self.merged.is_set(base);
                self.unless(false, if only_escalated { escalated } else { base }, &error.to_string());
                None
            }
        }
    }

    fn sampling(&mut self, raw: &RawSettings, grid: Option<SampleGrid>) {
        let sampling = &raw.sampling;
        self.within("sampling.slack_ms", sampling.slack_ms, 0, 250);
        self.within("sampling.things_every_ms", sampling.things_every_ms, 0, 5000);
        self.within("sampling.segment_ms", sampling.segment_ms, 1000, 10_000);
        self.within("sampling.hold_ms", sampling.hold_ms, 1000, 60_000);
        self.within("adaptive.calm_after_ms", raw.adaptive.calm_after_ms, 0, 3_600_000);
        self.within("adaptive.most_behind_ms", raw.adaptive.most_behind_ms, 0, 86_400_000);
        for (tenant, share) in &raw.adaptive.shares {
            self.within(&format!("adaptive.shares.{tenant}"), *share, 1, 1000);
        }
        if let Some(grid) = grid {
            let base = grid.base().0;
            let message = format!("must not be shorter than the time between samples, {base} ms");
            self.unless(i64::from(sampling.segment_ms) >= base, "sampling.segment_ms", &message);
            self.unless(i64::from(sampling.hold_ms) >= base, "sampling.hold_ms", &message);
        }
    }

    fn confidences(&mut self, raw: &RawSettings) {
        let (suspicion, observe, quality) = (&raw.suspicion, &raw.observe, &raw.quality);
        let turned = (0.0..=90.0).contains(&suspicion.yaw_deg);
        self.unless(turned, "suspicion.yaw_deg", &format!("must be 0 to 90, is {}", suspicion.yaw_deg));
        self.share("suspicion.gaze_offset", suspicion.gaze_offset);
        self.share("suspicion.person_conf", suspicion.person_conf);
        self.share("suspicion.object_conf", suspicion.object_conf);
        self.share("observe.face_conf", observe.face_conf);
        self.share("observe.face_presence", observe.face_presence);
        self.share("observe.same_face_widths", observe.same_face_widths);
        self.share("observe.person_conf", observe.person_conf);
        self.share("observe.object_conf", observe.object_conf);
        let ordered = quality.dark_luma_p90 <= quality.dim_luma_p90;
        self.unless(ordered, "quality.dark_luma_p90", "must not be above quality.dim_luma_p90");
    }

    fn identity(&mut self, raw: &RawIdentity) {
        self.within("identity.keep_days", raw.keep_days, 1, 3650);
        self.within("identity.every_ms", raw.every_ms, 1000, 600_000);
        // Fewer are too few to say anything.
        self.within("identity.burst", raw.burst, 4, 16);
        self.share("identity.doubt_below", raw.doubt_below);
    }

    fn privacy(&mut self, raw: &RawPrivacy) {
        let place = raw.vault.parse::<Prefix>();
        let can_hold = place.is_ok_and(|place| !matches!(place.origin(), Origin::Web { .. }));
        let message = "must be empty, file:///FOLDER/ or s3://BUCKET/PREFIX/";
        self.unless(raw.vault.is_empty() || can_hold, "privacy.vault", message);
        let wraps = raw.vault.is_empty() || !raw.keys_file.is_empty();
        self.unless(
            wraps,
            "privacy.vault",
            "needs privacy.keys_file: keys lie there wrapped by the tenants'",
        );
        let has_place = !raw.encrypt || !raw.vault.is_empty();
        self.unless(has_place, "privacy.encrypt", "needs privacy.vault, where the sessions' keys lie");
    }

    fn decode(&mut self, raw: &RawDecode) {
        self.within("decode.children", raw.children, 1, 64);
        self.within("decode.stall_timeout_ms", raw.stall_timeout_ms, 1000, 120_000);
        self.within("decode.longer_side", raw.longer_side, 64, 8192);
        self.within("decode.shorter_side", raw.shorter_side, 64, 8192);
        let ordered = raw.shorter_side <= raw.longer_side;
        self.unless(ordered, "decode.shorter_side", "must not be above decode.longer_side");
        self.within("decode.max_hours", raw.max_hours, 1, 48);
        self.within("decode.memory_mib", raw.memory_mib, 128, 16_384);
        self.within("decode.cpu_s", raw.cpu_s, 60, 86_400);
        self.within("decode.recycle_after", raw.recycle_after, 1, 1_000_000);
    }

    fn infer(&mut self, raw: &RawInfer) {
        self.unless(!raw.models_dir.is_empty(), "infer.models_dir", "must name a folder");
        self.unless(!raw.runtime_library.is_empty(), "infer.runtime_library", "must name a file");
        self.within("infer.batch_pictures", raw.batch_pictures, 1, 256);
        self.within("infer.batch_wait_ms", raw.batch_wait_ms, 0, 1000);
        self.within("infer.threads", raw.threads, 0, 1024);
        self.unless(!raw.person_model.is_empty(), "infer.person_model", "must name a model of the manifest");
        self.unless(
            raw.provider == Provider::Cpu || !raw.person_model.ends_with(EIGHT_BITS),
            "infer.person_model",
            "must not be an 8-bit model with infer.provider = \"cuda\": \"nanodet_g\" is the one for GPUs",
        );
        self.within("infer.max_measured_faces", raw.max_measured_faces, 2, 16);
        self.within("infer.max_second_looks", raw.max_second_looks, 0, 16);
    }

    fn evidence(&mut self, raw: &RawEvidence) {
        let is_place =
            raw.store.parse::<Prefix>().is_ok_and(|place| !matches!(place.origin(), Origin::Web { .. }));
        let message = "must be empty, or a folder or a bucket: file:///FOLDER/ or s3://BUCKET/PREFIX/";
        self.unless(raw.store.is_empty() || is_place, "evidence.store", message);
        self.within("evidence.keep_days", raw.keep_days, 1, 3650);
        self.within("evidence.apart_ms", raw.apart_ms, 1000, 600_000);
    }

    fn kafka(&mut self, raw: &RawKafka) {
        self.unless(!raw.brokers.trim().is_empty(), "kafka.brokers", "must name a broker, host:port");
        for (key, name) in
            [("kafka.topic_prefix", &raw.topic_prefix), ("kafka.group_prefix", &raw.group_prefix)]
        {
            self.unless(is_kafka_name(name), key, "must be 1 to 100 of A-Z a-z 0-9 . _ -");
        }
        let instance = raw.instance.is_empty() || is_kafka_name(&raw.instance);
        self.unless(instance, "kafka.instance", "must be empty or 1 to 100 of A-Z a-z 0-9 . _ -");
        let nameless = raw.static_membership && raw.instance.is_empty();
        self.unless(!nameless, "kafka.static_membership", "needs kafka.instance, a name that stays");
        self.within("kafka.session_timeout_ms", raw.session_timeout_ms, 1000, 300_000);
        self.within("kafka.transaction_timeout_ms", raw.transaction_timeout_ms, 1000, 900_000);
        self.within("kafka.max_record_kib", raw.max_record_kib, 64, 65_536);
    }

    fn worker(&mut self, raw: &RawWorker) {
        self.unless(
            !raw.roles.is_empty(),
            "worker.roles",
            "must name a role: \"cut\", \"observe\", \"score\"",
        );
        self.within("worker.chunks_mib", raw.chunks_mib, 16, 65_536);
        self.within("worker.cut_silence_ms", raw.cut_silence_ms, 1_000, 600_000);
        self.within("worker.media_mib", raw.media_mib, 1, 65_536);
        self.within("worker.pictures_mib", raw.pictures_mib, 16, 65_536);
        self.within("worker.batch", raw.batch, 1, 256);
        self.within("worker.drain_deadline_ms", raw.drain_deadline_ms, 1000, 600_000);
        self.within("worker.score_linger_ms", raw.score_linger_ms, 10, 10_000);
        self.within("worker.stream_lost_after_ms", raw.stream_lost_after_ms, 1000, 3_600_000);
        self.within("worker.idle_after_end_ms", raw.idle_after_end_ms, 1000, 3_600_000);
        self.within("worker.final_in_memory_ms", raw.final_in_memory_ms, 0, 86_400_000);
        self.within("worker.idle_after_ms", raw.idle_after_ms, 1000, i64::from(u32::MAX));
        self.within("worker.retry_for_ms", raw.retry_for_ms, 1000, 86_400_000);
        for (index, prefix) in raw.media_prefixes.iter().enumerate() {
            if let Err(error) = prefix.parse::<Prefix>() {
                // Not repeated: what was meant for an address may hold a password.
                self.unless(false, "worker.media_prefixes", &format!("number {} {error}", index + 1));
            }
        }
    }

    fn gateway(&mut self, settings: &RawSettings) {
        let raw = &settings.gateway;
        let listen = raw.listen.parse::<SocketAddr>().is_ok();
        self.unless(listen, "gateway.listen", "must be an address such as 0.0.0.0:8080");
        let both = raw.tls_cert.is_empty() == raw.tls_key.is_empty();
        self.unless(both, "gateway.tls_key", "certificate and key go together");
        self.unless(!raw.audience.is_empty(), "gateway.audience", "must say for whom tokens are meant");
        let both = raw.issuer.is_empty() == raw.jwks.is_empty();
        self.unless(both, "gateway.jwks", "the identity provider's keys and its issuer go together");
        let own = raw.issuer == ::gateway::auth::keys::OWN_ISSUER;
        self.unless(!own, "gateway.issuer", "must not be the gateway's own");
        self.unless(!raw.store.is_empty(), "gateway.store", "must name a folder");
        self.within("gateway.token_ttl_s", raw.token_ttl_s, 60, 86_400);
        self.within("gateway.max_chunk_kib", raw.max_chunk_kib, 16, 65_000);
        // Headers take little, but they take something.
        let fits = raw.max_chunk_kib.saturating_add(8) <= settings.kafka.max_record_kib;
        self.unless(fits, "gateway.max_chunk_kib", "must be 8 below kafka.max_record_kib, or less");
        self.within("gateway.session_kib_per_s", raw.session_kib_per_s, 16, 1_000_000);
        self.within("gateway.upload_mib", raw.upload_mib, 1, 65_536);
        let fits = u64::from(raw.max_chunk_kib) <= u64::from(raw.upload_mib) * 1024;
        self.unless(fits, "gateway.upload_mib", "must hold one chunk of gateway.max_chunk_kib");
        self.within("gateway.connections", raw.connections, 1, 1_000_000);
        self.within("gateway.connections_per_address", raw.connections_per_address, 0, 1_000_000);
        self.within("gateway.listeners", raw.listeners, 1, 1_000_000);
        self.within("gateway.requests_per_s", raw.requests_per_s, 1, 1_000_000);
        self.within("gateway.header_timeout_ms", raw.header_timeout_ms, 100, 600_000);
        self.within("gateway.body_timeout_ms", raw.body_timeout_ms, 100, 600_000);
        self.within("gateway.append_timeout_ms", raw.append_timeout_ms, 1000, 600_000);
        self.within("gateway.drain_deadline_ms", raw.drain_deadline_ms, 1000, 600_000);
        let is_address = web_host(&raw.issuer).is_some();
        let fits = raw.sign_in_client.is_empty() || is_address;
        self.unless(
            fits,
            "gateway.sign_in_client",
            "needs gateway.issuer, an address such as https://id.example.org",
        );
        let fits = raw.sign_in_scope.split(' ').any(|word| word == "openid");
        self.unless(fits, "gateway.sign_in_scope", "must have openid among its words");
        for (name, origins) in
            [("gateway.cors_origins", &raw.cors_origins), ("gateway.sign_in_origins", &raw.sign_in_origins)]
        {
            for origin in origins {
                let is_origin = web_host(origin).is_some_and(|host| !host.contains('/'));
                let message = format!("`{origin}` is no origin such as https://exam.example.org");
                self.unless(is_origin, name, &message);
            }
        }
    }

    fn telemetry(&mut self, raw: &RawTelemetry) {
        let listen = raw.listen.is_empty() || raw.listen.parse::<SocketAddr>().is_ok();
        self.unless(listen, "telemetry.listen", "must be empty or an address such as 127.0.0.1:9464");
        let endpoint = &raw.otlp_endpoint;
        let is_address = web_host(endpoint).is_some();
        let message = "must be empty or an address such as http://127.0.0.1:4318, without credentials";
        self.unless(endpoint.is_empty() || is_address, "telemetry.otlp_endpoint", message);
    }
}

/// What Kafka takes for a name in full, with room for what is added to it.
fn is_kafka_name(name: &str) -> bool {
    (1..=100).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// What stands behind the scheme of an address of the web; nothing if it is none that can stand in a header.
fn web_host(address: &str) -> Option<&str> {
    let host = ["https://", "http://"].iter().find_map(|scheme| address.strip_prefix(scheme))?;
    let is_one = !host.is_empty() && !host.contains([' ', '*', '@', ';', ',', '\'', '"']) && host.is_ascii();
    is_one.then_some(host)
}
