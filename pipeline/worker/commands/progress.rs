//! The progress bar of sessions that are on their way: how many are done, and figures beside it.
//!
//! On stderr, and only where a person watches: never in pipes, logs or with `--no-progress`.

use std::fmt::{self, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

const TEMPLATE: &str = "{bar:30} {pos}/{len} sessions  {figures}";

/// Progress through a number of sessions.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar; hidden where nobody watches. `figures` writes what stands beside it, so many seconds after the start.
    pub fn new(
        sessions: usize,
        shown: bool,
        figures: impl Fn(&mut dyn Write, f64) -> fmt::Result + Clone + Send + Sync + 'static,
    ) -> Self {
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(sessions as u64), target);
        let tell = move |state: &ProgressState, out: &mut dyn Write| {
            // Costs the looks of the bar and nothing else.
            let _shown = figures(out, state.elapsed().as_secs_f64().max(0.001));
        };
        let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.with_key("figures", tell));
        bar.enable_steady_tick(Duration::from_millis(250));
        Self { bar }
    }

    /// One more session is done, whatever its outcome.
    pub fn one_done(&self) {
        self.bar.inc(1);
    }

    /// Gets out of the way while something is printed.
    pub fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }

    /// Takes the bar away.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_valid_and_a_hidden_bar_counts_on() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
        let progress = Progress::new(2, false, |_, _| Ok(()));
        progress.one_done();
        assert_eq!(progress.bar.position(), 1);
        progress.finish();
    }
}
