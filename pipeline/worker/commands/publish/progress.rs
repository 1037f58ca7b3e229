//! The progress bar: sessions done, and what brokers have acknowledged.
//!
//! On stderr, and only where a person watches: never in pipes, logs or with `--no-progress`.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::publish::Figures;

const TEMPLATE: &str = "{bar:30} {pos}/{len} sessions  {figures}";

/// Progress through a number of sessions.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar; hidden where nobody watches.
    pub fn new(sessions: usize, figures: &Arc<Figures>, shown: bool) -> Self {
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(sessions as u64), target);
        bar.set_style(style(Arc::clone(figures)));
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

fn style(figures: Arc<Figures>) -> ProgressStyle {
    let tell = move |state: &ProgressState, out: &mut dyn Write| {
        let mib = figures.bytes() as f64 / f64::from(1 << 20);
        let rate = mib / state.elapsed().as_secs_f64().max(0.001);
        // Costs the looks of the bar and nothing else.
        let _shown = write!(out, "{} segments, {mib:.1} MiB, {rate:.1} MiB/s", figures.segments());
    };
    ProgressStyle::with_template(TEMPLATE)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key("figures", tell)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_valid_and_a_hidden_bar_counts_on() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
        let progress = Progress::new(2, &Arc::default(), false);
        progress.one_done();
        assert_eq!(progress.bar.position(), 1);
        progress.finish();
    }
}
