//! Reading: as a member of a group ([`GroupConsumer`]), or given partitions from given offsets
//! ([`PartitionReader`]); and asking how far a group has got ([`GroupProgress`]).

mod assignment;
mod group;
mod positions;
mod progress;
mod reader;

pub use assignment::Assignment;
pub use group::{GroupConsumer, GroupMetadata, GroupProtocol, GroupSettings, Lag};
pub use progress::{GroupProgress, Progress};
pub use reader::{PartitionReader, Start};

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError as LibraryError, RDKafkaErrorCode};

use crate::connection::set_default;

/// How long a question to the brokers (committed offsets, watermarks) may take.
const ASK: Duration = Duration::from_secs(10);

/// Bounds what a consumer holds of records that nobody has polled yet.
///
/// The library stops fetching when half of the budget is queued, and asks for no more than a quarter, and
/// no less than 1 MiB, at a time. It goes over a budget of 4 MiB or more only where a single record is
/// larger than a quarter of it.
///
/// A request asks for all partitions, and brokers fill the answer in their order; whenever enough is queued the library
/// begins with the first one again. So each gets a sixteenth of an answer, or those behind would get nothing as long as
/// those before them have more. (Where a batch is larger, the library asks for more of that partition by itself.)
fn bound_memory(config: &mut ClientConfig, budget: usize) {
    let at_once = (budget / 4).clamp(1 << 20, 512 << 20);
    config.set("queued.max.messages.kbytes", (budget / 2 / 1024).clamp(64, 1 << 20).to_string());
    config.set("fetch.max.bytes", at_once.to_string());
    config.set("fetch.message.max.bytes", (at_once / 16).clamp(64 << 10, 1 << 20).to_string());
    // The library's second would starve a consumer whose budget is a few records.
    set_default(config, "fetch.queue.backoff.ms", "10");
}

/// Serves what came up for a client that reads nothing at present, and so is not polled otherwise: above all,
/// a token that is due. Whether something is wrong shows when it is asked.
fn serve<C: ConsumerContext>(client: &BaseConsumer<C>) {
    let _news = client.poll(Duration::ZERO);
}

/// First offset and end of a partition, as this client sees it.
///
/// A partition that had no leader when the client last looked stays unknown to it for minutes, though it
/// has one again within seconds: the library looks again by itself only for partitions that it reads. So
/// this has it look, and whoever asks again gets an answer.
fn watermarks<C: ConsumerContext>(
    client: &BaseConsumer<C>,
    topic: &str,
    partition: i32,
) -> Result<(i64, i64), LibraryError> {
    client.fetch_watermarks(topic, partition, ASK).inspect_err(|error| {
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::UnknownPartition) {
            // If this fails too, the error that is there says enough.
            let _looked = client.fetch_metadata(Some(topic), ASK);
        }
    })
}
