//! Which settings each adapter gets: the one place where names of settings meet names of adapters.

use std::ffi::OsString;
use std::io;

use decode::{DecoderSettings, SamplingPlan};
use domain::messages::SegmentHeader;
use domain::time::Interval;
use infer::{Batching, IfMissing, VisionSettings};
use kafka::{Connection, KafkaError, Shadow, Topics};

use crate::evidence::PictureStore;
use crate::evidence::store::OpenError;

use super::{Barrier, Evidence, Kafka, Provider, ProviderMissing, Sampling, Settings, properties};

/// The subcommand of this binary that is a decoder child.
pub const DECODE_CHILD: &str = "decode-child";

/// How the name of every client begins, in the brokers' logs and quotas.
pub const CLIENT_ID: &str = "invigilator";

impl From<Barrier> for decode::Barrier {
    fn from(barrier: Barrier) -> Self {
        match barrier {
            Barrier::Landlock => Self::Landlock,
            Barrier::Seccomp => Self::Seccomp,
            Barrier::Limits => Self::Limits,
        }
    }
}

impl From<Provider> for infer::Provider {
    fn from(provider: Provider) -> Self {
        match provider {
            Provider::Cpu => Self::Cpu,
            Provider::Cuda => Self::Cuda,
        }
    }
}

impl From<ProviderMissing> for IfMissing {
    fn from(missing: ProviderMissing) -> Self {
        match missing {
            ProviderMissing::Refuse => Self::Refuse,
            ProviderMissing::FallBack => Self::FallBack,
        }
    }
}

impl Sampling {
    /// How a segment is decoded: at the instants of `plan` within it, in all else as the settings say.
    pub fn of_segment(&self, plan: SamplingPlan, header: &SegmentHeader) -> SamplingPlan {
        plan.starting_at(header.start_ms - header.preroll_ms)
            .within(Interval::new(header.start_ms, header.end_ms))
            .holding(self.hold)
            .slackened(self.slack)
            .turned(header.rotation_deg.unwrap_or_default())
    }
}

impl Kafka {
    /// The names of the topics.
    ///
    /// # Errors
    /// Never for validated settings.
    pub fn topics(&self) -> Result<Topics, KafkaError> {
        let topics = Topics::new(&self.topic_prefix)?;
        Ok(match &self.shadow {
            Some(shadow) => topics.in_shadow(shadow.clone()),
            None => topics,
        })
    }
}

impl Settings {
    /// For the decoder: children are this very program.
    ///
    /// # Errors
    /// If the system does not say which file this program is.
    pub fn decoder(&self) -> io::Result<DecoderSettings> {
        let executable = std::env::current_exe()?;
        let mut decoder = DecoderSettings::new(executable, [OsString::from(DECODE_CHILD)]);
        decoder.children = self.decode.children.get();
        decoder.stall_timeout = self.decode.stall_timeout;
        decoder.longer_side = self.decode.longer_side;
        decoder.shorter_side = self.decode.shorter_side;
        decoder.max_media = self.decode.max_media;
        decoder.memory_bytes = self.decode.memory_bytes;
        decoder.cpu_limit = self.decode.cpu_limit;
        decoder.recycle_after = self.decode.recycle_after;
        decoder.required = self.decode.require.iter().map(|barrier| (*barrier).into()).collect();
        Ok(decoder)
    }

    /// For the models. What the observation would drop is not handed on in the first place.
    pub fn vision(&self) -> VisionSettings {
        let mut vision = VisionSettings::new(&self.infer.models_dir);
        vision.runtime_library = self.infer.runtime_library.clone();
        vision.provider = self.infer.provider.into();
        vision.if_missing = self.infer.provider_missing.into();
        vision.batching = Batching { most: self.infer.batch_pictures.get(), wait: self.infer.batch_wait };
        vision.threads = self.infer.threads.get();
        vision.person_model = self.infer.person_model.clone();
        vision.accept_research_models = self.infer.accept_research_models;
        vision.gate = self.quality;
        vision.max_measured_faces = self.infer.max_measured_faces;
        vision.max_second_looks = self.infer.max_second_looks;
        vision.face_floor = self.observe.face_conf;
        vision.person_floor = self.observe.person_conf;
        vision.object_floor = self.observe.object_conf;
        vision
    }

    /// The pictures of flagged moments, if there is a place for them.
    ///
    /// # Errors
    /// If the environment does not say how to reach it.
    pub fn pictures(&self) -> Result<Option<PictureStore>, OpenError> {
        let Evidence { store, keep, .. } = &self.evidence;
        store.as_ref().map(|place| PictureStore::open(place, *keep)).transpose()
    }

    /// The same for whoever puts pictures there or looks at them.
    ///
    /// # Errors
    /// As [`pictures`](Self::pictures), or if there are no keys to seal them with.
    pub fn sealed_pictures(&self) -> Result<Option<PictureStore>, OpenError> {
        match (&self.evidence.store, &self.privacy.vault) {
            (Some(_), None) => Err(OpenError::NoVault),
            _ => self.pictures(),
        }
    }

    /// For the clients of Kafka.
    ///
    /// # Errors
    /// If the file of client properties, or one that it names, cannot be read or has a line that is none.
    pub fn connection(&self) -> io::Result<Connection> {
        let mut connection =
            Connection::new(self.kafka.brokers.clone(), format!("{CLIENT_ID}-{}", self.kafka.instance));
        if let Some(path) = &self.kafka.client_properties {
            connection.properties = properties::read(path)?;
        }
        Ok(connection)
    }

    /// The names of the topics.
    ///
    /// # Errors
    /// Never for validated settings.
    pub fn topics(&self) -> Result<Topics, KafkaError> {
        let topics = self.kafka.topics()?;
        Ok(topics.allowing(self.kafka.max_record_bytes as usize))
    }

    /// The same for a part of a shadow: what it writes goes to topics of its own, and its groups and transactions
    /// are its own. It sheds nothing: nobody waits for it, and what it left out would be a difference. It keeps no
    /// pictures, and deletes none.
    pub fn in_shadow(mut self, shadow: Shadow) -> Self {
        self.kafka.group_prefix = format!("{}-shadow-{shadow}", self.kafka.group_prefix);
        self.kafka.shadow = Some(shadow);
        self.adaptive.most_behind = None;
        self.evidence.store = None;
        self
    }
}
