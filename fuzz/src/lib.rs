//! What targets share: decisions read from the fuzzer's bytes, and messages changed by them.

pub mod messages;

use serde_json::{Number, Value};

/// Decisions, one after the other; zeros once the bytes are used up.
pub struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    pub fn below(&mut self, limit: usize) -> usize {
        usize::from(u16::from_be_bytes([self.byte(), self.byte()])) % limit.max(1)
    }

    /// Whole numbers of all sizes, often those at which arithmetic ends.
    pub fn number(&mut self) -> i64 {
        const EXTREMES: [i64; 12] = [
            0,
            1,
            -1,
            i64::MAX,
            i64::MIN,
            i64::MAX / 2,
            i32::MAX as i64,
            i32::MIN as i64,
            u32::MAX as i64,
            1 << 53,
            65_535,
            86_400_000,
        ];
        match self.byte() {
            kind @ 0..=95 => EXTREMES[usize::from(kind) % EXTREMES.len()],
            96..=159 => i64::from(i8::from_be_bytes([self.byte()])),
            160..=223 => i64::from(i32::from_be_bytes(self.array())),
            _ => i64::from_be_bytes(self.array()),
        }
    }

    pub fn bytes(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// All that are left.
    pub fn rest(self) -> &'a [u8] {
        self.0
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.byte())
    }
}

/// Changes a few values of a document, in place: its structure stays likely to be accepted.
pub fn change(document: &mut Value, choices: &mut Choices<'_>) {
    for _ in 0..choices.byte() % 6 {
        let index = choices.below(count(document));
        if let Some(value) = nth(document, &mut { index }) {
            change_value(value, choices);
        }
    }
}

fn change_value(value: &mut Value, choices: &mut Choices<'_>) {
    if choices.byte() == 0 {
        *value = Value::Null;
        return;
    }
    match value {
        Value::Null => *value = number(choices),
        Value::Bool(flag) => *flag = !*flag,
        Value::Number(_) => *value = number(choices),
        Value::String(text) => change_text(text, choices),
        Value::Array(values) => {
            let index = choices.below(values.len());
            match (choices.byte() % 4, values.get(index).cloned()) {
                (0, Some(_)) => drop(values.remove(index)),
                (1, Some(value)) => values.extend(std::iter::repeat_n(value, choices.below(40))),
                (2, Some(value)) => values.insert(choices.below(values.len()), value),
                _ => values.clear(),
            }
        }
        Value::Object(fields) => {
            let Some(name) = fields.keys().nth(choices.below(fields.len())).cloned() else { return };
            if let Some(value) = fields.get_mut(&name) {
                change_value(value, choices);
            }
        }
    }
}

fn number(choices: &mut Choices<'_>) -> Value {
    const FRACTIONS: [f64; 8] = [0.0, -0.0, 0.5, 1e-40, -1e-9, 3.4e38, -1e300, 1e30];
    match choices.byte() % 3 {
        0 => FRACTIONS[choices.below(FRACTIONS.len())].into(),
        1 => Number::from_f64(choices.number() as f64 / 1000.0).map_or(Value::Null, Value::Number),
        _ => choices.number().into(),
    }
}

/// Words that mean something somewhere, and text that means nothing.
fn change_text(text: &mut String, choices: &mut Choices<'_>) {
    const WORDS: [&str; 24] = [
        "",
        "seen",
        "not_seen",
        "dark",
        "gap",
        "shed",
        "obstructed",
        "undecodable",
        "observed",
        "webcam",
        "phone",
        "book",
        "idle",
        "overtaken",
        "stream_lost",
        "started",
        "ended",
        "break_started",
        "break_ended",
        "confirm",
        "dismiss",
        "reopen",
        "ffffffffffffffff",
        "2026-01-01T00:00:00Z",
    ];
    match choices.byte() % 4 {
        0 | 1 => *text = WORDS[choices.below(WORDS.len())].to_owned(),
        2 => {
            let length = usize::from(choices.byte());
            *text = String::from_utf8_lossy(choices.bytes(length)).into_owned();
        }
        _ => *text = text.repeat(1 + choices.below(8)),
    }
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(values) => values.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum::<usize>(),
        _ => 0,
    }
}

/// The value that comes at a place, counted in depth first.
fn nth<'a>(value: &'a mut Value, left: &mut usize) -> Option<&'a mut Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    match value {
        Value::Array(values) => values.iter_mut().find_map(|value| nth(value, left)),
        Value::Object(fields) => fields.values_mut().find_map(|value| nth(value, left)),
        _ => None,
    }
}
