//! Follows persons from picture to picture, across segments: who moves, who is the candidate.
//!
//! A face on a poster, a screen or a book is found as reliably as a living one, but it never moves. A
//! track is *alive* once its head has moved within a few sightings, by a share of its own size and by more
//! than boxes jitter, and stays so; a track sighted more often than that without having moved is a *poster* until it does.
//! Single outliers of the detector do not count as movement. A moving camera moves everything, posters
//! included: then they pass as alive, which a human will see.
//! Identity is not looked at: a track is a place that somebody occupies.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::persons::Person;
use super::sample::Region;
use crate::policy::MultiplePersonsRules;
use crate::time::{MediaMs, Millis};

/// A track not sighted for this long is gone.
const FORGOTTEN_AFTER: Millis = Millis::from_secs(10);
/// Most tracks at a time; the one not sighted for longest gives way.
const MOST_TRACKS: usize = 12;
/// Movement is looked for within so many sightings...
const SIGHTINGS: usize = 12;
/// ...and not found before so many. That there is none is only said after all of them: people can sit
/// still for a few seconds.
const FEWEST_SIGHTINGS: usize = 5;
/// A head this far away (thousandths of the larger head's size) may still be the same one.
const REACH_MILLI: i64 = 1500;

/// All tracks of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tracks {
    tracks: Vec<Track>,
    next_id: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Track {
    id: u32,
    head: Region,
    sighted: MediaMs,
    /// Whether `centres` are those of a face (or of a body's upper part).
    by_face: bool,
    /// The last centres of the head.
    centres: VecDeque<(i32, i32)>,
    alive: bool,
}

/// A person and what their track knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tracked {
    pub person: Person,
    pub id: u32,
    pub life: Life,
}

/// What is known about a track's movement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Life {
    /// It has moved.
    Alive,
    /// It has not been sighted often enough to tell.
    Unknown,
    /// It has been, and never moved.
    Poster,
}

impl Tracks {
    /// Gives every person of a picture their track. A body that was not looked for, only `recalled`, is no
    /// sighting: it neither moves nor keeps still.
    pub fn follow(
        &mut self,
        at: MediaMs,
        persons: &[Person],
        recalled: bool,
        rules: &MultiplePersonsRules,
    ) -> Vec<Tracked> {
        self.tracks.retain(|track| at - track.sighted <= FORGOTTEN_AFTER);
        let owners = self.associate(persons);
        let mut tracked = Vec::with_capacity(persons.len());
        for (person, owner) in persons.iter().zip(owners) {
            let is_sighted = person.face.is_some() || !recalled;
            let Some(index) = owner.or_else(|| is_sighted.then(|| self.begin(person, at))) else { continue };
            let track = &mut self.tracks[index];
            if is_sighted {
                track.sight(person, at, rules);
            }
            tracked.push(Tracked { person: *person, id: track.id, life: track.life() });
        }
        self.bound();
        tracked
    }

    /// The nearest pairs of person and track first; each is used once.
    fn associate(&self, persons: &[Person]) -> Vec<Option<usize>> {
        let mut pairs: Vec<(i64, usize, usize)> = Vec::new();
        for (person_index, person) in persons.iter().enumerate() {
            for (track_index, track) in self.tracks.iter().enumerate() {
                let distance = distance_milli(person.head, track.head);
                if distance <= REACH_MILLI {
                    pairs.push((distance, track_index, person_index));
                }
            }
        }
        pairs.sort_unstable();
        let mut owners = vec![None; persons.len()];
        let mut taken = vec![false; self.tracks.len()];
        for (_, track_index, person_index) in pairs {
            if owners[person_index].is_none() && !taken[track_index] {
                owners[person_index] = Some(track_index);
                taken[track_index] = true;
            }
        }
        owners
    }

    fn begin(&mut self, person: &Person, at: MediaMs) -> usize {
        self.tracks.push(Track {
            id: self.next_id,
            head: person.head,
            sighted: at,
            by_face: person.face.is_some(),
            centres: VecDeque::new(),
            alive: false,
        });
        self.next_id += 1;
        self.tracks.len() - 1
    }

    fn bound(&mut self) {
        while self.tracks.len() > MOST_TRACKS {
            let stalest = self.tracks.iter().enumerate().min_by_key(|(_, track)| (track.sighted, track.id));
            let Some((index, _)) = stalest else { return };
            self.tracks.remove(index);
        }
    }
}

impl Track {
    fn sight(&mut self, person: &Person, at: MediaMs, rules: &MultiplePersonsRules) {
        // A face and the upper part of a body have other centres: going from one to the other is no
        // movement.
        if self.by_face != person.face.is_some() {
            self.by_face = person.face.is_some();
            self.centres.clear();
        }
        self.head = person.head;
        self.sighted = at;
        if self.centres.len() == SIGHTINGS {
            self.centres.pop_front();
        }
        self.centres.push_back(person.head.centre());
        self.alive |= self.centres.len() >= FEWEST_SIGHTINGS && self.has_moved(rules);
    }

    fn has_moved(&self, rules: &MultiplePersonsRules) -> bool {
        let exceeds = |range: i32, size: i32| {
            let of_itself = i64::from(range) * 1000 >= i64::from(size) * i64::from(rules.moves_milli);
            // Regions are in ten-thousandths of the picture.
            of_itself && range >= i32::from(rules.moves_picture_milli) * 10 && size > 0
        };
        exceeds(inner_range(self.centres.iter().map(|centre| centre.0)), self.head.w)
            || exceeds(inner_range(self.centres.iter().map(|centre| centre.1)), self.head.h)
    }

    fn life(&self) -> Life {
        if self.alive {
            Life::Alive
        } else if self.centres.len() < SIGHTINGS {
            Life::Unknown
        } else {
            Life::Poster
        }
    }
}

/// Range without the fifth of the values that is highest and the one that is lowest: outliers are no
/// movement.
fn inner_range(values: impl Iterator<Item = i32>) -> i32 {
    let mut sorted: Vec<i32> = values.collect();
    sorted.sort_unstable();
    let outliers = sorted.len() / 5;
    match sorted.get(outliers..sorted.len() - outliers) {
        Some([low, .., high]) => high - low,
        _ => 0,
    }
}

/// Distance of two heads in thousandths of the larger one's size, along the worse axis.
fn distance_milli(one: Region, other: Region) -> i64 {
    let (a, b) = (one.centre(), other.centre());
    let relative = |distance: i32, size: i32| i64::from(distance.abs()) * 1000 / i64::from(size.max(1));
    relative(a.0 - b.0, one.w.max(other.w)).max(relative(a.1 - b.1, one.h.max(other.h)))
}
