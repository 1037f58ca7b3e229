//! One thread that owns the sessions on a GPU and runs them on the pictures of all lookers at once.
//!
//! A looker hands over one input and waits for its answer; meanwhile other lookers hand over theirs, and
//! [`batcher`](crate::batcher) says which go together: those of one model and one size. A looker waits for
//! one answer at a time, so that no more requests wait than there are lookers.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crate::batcher::{Batch, Batcher, Batching};
use crate::error::InferError;
use crate::pixels::Size;
use crate::session::{Answer, Loaded, Outputs};

/// Where lookers hand their inputs over.
#[derive(Debug, Clone)]
pub(crate) struct Runner {
    messages: SyncSender<Message>,
    names: Arc<[String]>,
}

/// The thread of a runner. Ends it when dropped, and waits for that: sessions on a GPU must be gone before the
/// process is.
#[derive(Debug)]
pub(crate) struct RunnerThread {
    messages: SyncSender<Message>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread is told.
#[derive(Debug)]
enum Message {
    Run(Request),
    End,
}

/// An input that waits for a model.
#[derive(Debug)]
struct Request {
    /// Which model, and how large the input: what goes together must agree in both.
    kind: (usize, Size),
    pixels: Vec<u8>,
    answer: SyncSender<Result<Answer, InferError>>,
}

impl Runner {
    /// Starts the thread, for so many lookers.
    pub(crate) fn start(
        models: Vec<Loaded>,
        batching: Batching,
        lookers: usize,
    ) -> Result<(Self, RunnerThread), InferError> {
        let names = models.iter().map(|model| model.name().to_owned()).collect();
        let (messages, from) = sync_channel(lookers);
        let thread = thread::Builder::new()
            .name("vision-runner".to_owned())
            .spawn(move || run(models, batching, &from))
            .map_err(|error| InferError::ThreadsUnavailable { reason: error.to_string() })?;
        let thread = RunnerThread { messages: messages.clone(), thread: Some(thread) };
        Ok((Self { messages, names }, thread))
    }

    /// A looker's access to one of its models.
    pub(crate) fn model(&self, name: &str) -> Shared {
        let model = self.names.iter().position(|known| known == name);
        let model = model.expect("a runner has all models in use. This is a bug.");
        Shared { runner: self.clone(), model, last: Answer::default() }
    }
}

impl Drop for RunnerThread {
    fn drop(&mut self) {
        // If it has ended by a panic, that has become an error of whoever waited.
        let _told = self.messages.send(Message::End);
        let _ended = self.thread.take().map(JoinHandle::join);
    }
}

/// A model that the runner runs.
#[derive(Debug)]
pub(crate) struct Shared {
    runner: Runner,
    model: usize,
    last: Answer,
}

impl Shared {
    /// Has the model run on one picture, packed RGB, of a size that it takes; waits for the answer.
    pub(crate) fn run(&mut self, pixels: &[u8], size: Size) -> Result<Outputs<'_>, InferError> {
        let ended = || InferError::DeviceFailed { reason: "the thread that runs them has ended".to_owned() };
        // One for each request: if the thread ends, so does the wait for its answer.
        let (answer, answered) = sync_channel(1);
        let request = Request { kind: (self.model, size), pixels: pixels.to_vec(), answer };
        self.runner.messages.send(Message::Run(request)).map_err(|_| ended())?;
        self.last = answered.recv().map_err(|_| ended())??;
        Ok(Outputs::of(&self.runner.names[self.model], &self.last))
    }
}

fn run(mut models: Vec<Loaded>, batching: Batching, from: &Receiver<Message>) {
    let mut batcher = Batcher::new(batching);
    loop {
        let next = match batcher.next_due() {
            Some(due) => from.recv_timeout(due.saturating_duration_since(Instant::now())),
            None => from.recv().map_err(RecvTimeoutError::from),
        };
        if matches!(next, Err(RecvTimeoutError::Disconnected)) {
            return;
        }
        // What came while a batch ran goes with those that wait.
        for message in next.into_iter().chain(from.try_iter()) {
            match message {
                Message::Run(request) => batcher.add(request.kind, request, Instant::now()),
                Message::End => return,
            }
        }
        if let Some(batch) = batcher.take(Instant::now()) {
            run_together(&mut models, batch);
        }
    }
}

fn run_together(models: &mut [Loaded], batch: Batch<(usize, Size), Request>) {
    let ((model, size), requests) = (batch.kind, batch.requests);
    let pixels: Vec<u8> = requests.iter().flat_map(|request| &request.pixels).copied().collect();
    let outcome = models[model].run(&pixels, size).and_then(|outputs| outputs.split(requests.len()));
    let answers: Vec<Result<Answer, InferError>> = match outcome {
        Ok(answers) => answers.into_iter().map(Ok).collect(),
        Err(error) => {
            let failed = |_: &Request| Err(InferError::DeviceFailed { reason: error.to_string() });
            requests.iter().map(failed).collect()
        }
    };
    for (request, answer) in requests.iter().zip(answers) {
        // There is room for it; a looker that no longer waits has no use for it.
        let _sent = request.answer.try_send(answer);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use domain::error::ErrorKind;

    use super::*;
    use crate::manifest::{Manifest, ModelEntry};
    use crate::models::input_for;
    use crate::session::{CheckedModel, Runtime};

    const MODELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models");
    const LOOKERS: usize = 3;
    /// For ever: what is answered went in a full batch.
    const FULL_ONLY: Batching = Batching { most: LOOKERS, wait: Duration::from_secs(86_400) };

    fn loaded() -> (Vec<ModelEntry>, Vec<Loaded>) {
        let folder = Path::new(MODELS);
        let manifest = Manifest::read(folder).unwrap();
        let runtime = Runtime::load(&folder.join("onnxruntime/libonnxruntime.so"))
            .unwrap_or_else(|error| panic!("{error}: run `make setup`"));
        let load = |entry: &ModelEntry| CheckedModel::read(&manifest, entry).unwrap().load(&runtime).unwrap();
        (manifest.models().to_vec(), manifest.models().iter().map(load).collect())
    }

    fn noise(size: Size, seed: u32) -> Vec<u8> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..size.pixels() * 3).map(|_| next()).collect()
    }

    fn values(outputs: &Outputs) -> Answer {
        outputs.split(1).unwrap().remove(0)
    }

    /// Lets as many lookers ask at once as a batch takes.
    fn ask_together<T: Send>(
        runner: &Runner,
        name: &str,
        ask: impl Fn(u32, &mut Shared) -> T + Sync,
    ) -> Vec<T> {
        let ask = &ask;
        thread::scope(|scope| {
            let one = |seed| {
                let mut model = runner.model(name);
                scope.spawn(move || ask(seed, &mut model))
            };
            let asking: Vec<_> = (0..LOOKERS as u32).map(one).collect();
            asking.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    }

    #[test]
    fn every_model_answers_in_a_batch_as_it_does_alone() {
        let (entries, mut alone) = loaded();
        let (runner, _thread) = Runner::start(loaded().1, FULL_ONLY, LOOKERS).unwrap();
        for (entry, alone) in entries.iter().zip(&mut alone) {
            let size = input_for(entry, Size::new(640, 480));
            let together = ask_together(&runner, &entry.name, |seed, model| {
                values(&model.run(&noise(size, seed), size).unwrap())
            });
            for (seed, found) in (0..).zip(together) {
                let expected = values(&alone.run(&noise(size, seed), size).unwrap());
                assert_eq!(found, expected, "{}", entry.name);
            }
        }
    }

    #[test]
    fn a_run_that_fails_is_the_end_for_all_who_wait_for_it() {
        let (runner, _thread) = Runner::start(loaded().1, FULL_ONLY, LOOKERS).unwrap();
        let wrong = Size::square(7);
        let errors = ask_together(&runner, "face_landmark", |seed, model| {
            model.run(&noise(wrong, seed), wrong).err().unwrap()
        });
        for error in errors {
            assert!(matches!(error, InferError::DeviceFailed { .. }), "{error}");
            assert_eq!(error.kind(), ErrorKind::Fatal);
        }
    }
}
