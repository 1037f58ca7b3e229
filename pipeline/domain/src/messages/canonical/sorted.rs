//! JSON text with the keys of every object sorted and numbers as a 64-bit float or integer is printed; done on the
//! text itself, because every observation and every result passes here.
//!
//! In: what `serde_json` printed of a message, so without spaces, and not hostile. Out: what it would print of the
//! same text read into a `Value`, which is how a test knows that this is right.

use serde_json::Value;

/// Sorts a text; without the field `left_out` of the outermost object.
pub(super) fn sorted(text: &str, left_out: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut reader = Reader { text, at: 0 };
    reader.value(&mut out, Some(left_out));
    out
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self, out: &mut Vec<u8>, left_out: Option<&str>) {
        match self.peek() {
            Some(b'{') => self.object(out, left_out),
            Some(b'[') => self.array(out),
            Some(b'"') => out.extend(self.string().as_bytes()),
            Some(b't' | b'f' | b'n') => out.extend(self.until_end().as_bytes()),
            _ => number(self.until_end(), out),
        }
    }

    fn object(&mut self, out: &mut Vec<u8>, left_out: Option<&str>) {
        // Values one behind the other, and where each begins and ends.
        let (mut values, mut fields) = (Vec::new(), Vec::new());
        self.at += 1;
        while self.peek() == Some(b'"') {
            let key = self.string();
            // The colon.
            self.at += 1;
            let from = values.len();
            self.value(&mut values, None);
            if left_out.is_none_or(|name| name != key.trim_matches('"')) {
                fields.push((key, from..values.len()));
            }
            self.at += usize::from(self.peek() == Some(b','));
        }
        self.at += 1;
        fields.sort_by(|(one, _), (other, _)| by_content(one, other));
        out.push(b'{');
        for (index, (key, value)) in fields.into_iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            out.extend(key.as_bytes());
            out.push(b':');
            out.extend_from_slice(&values[value]);
        }
        out.push(b'}');
    }

    fn array(&mut self, out: &mut Vec<u8>) {
        self.at += 1;
        out.push(b'[');
        while !matches!(self.peek(), Some(b']') | None) {
            self.value(out, None);
            if self.peek() == Some(b',') {
                self.at += 1;
                out.push(b',');
            }
        }
        self.at += 1;
        out.push(b']');
    }

    /// A string with its quotes.
    fn string(&mut self) -> &'a str {
        let bytes = self.text.as_bytes();
        let from = self.at;
        self.at += 1;
        while let Some(byte) = bytes.get(self.at).filter(|byte| **byte != b'"') {
            self.at += if *byte == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
        &self.text[from..self.at.min(self.text.len())]
    }

    /// What is neither a string nor holds anything.
    fn until_end(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let length = rest.bytes().position(|byte| matches!(byte, b',' | b']' | b'}')).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}

/// Two keys with their quotes by what they mean.
fn by_content(one: &str, other: &str) -> std::cmp::Ordering {
    if one.contains('\\') || other.contains('\\') {
        let content = |key: &str| serde_json::from_str::<String>(key).unwrap_or_default();
        return content(one).cmp(&content(other));
    }
    one[1..one.len() - 1].cmp(&other[1..other.len() - 1])
}

/// A number as a `Value` prints it. Floats of 32 bits were printed with few digits, and those of 64 bits that are
/// nearest to them print the same way, but for very small and very large ones.
fn number(text: &str, out: &mut Vec<u8>) {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_float = digits.contains(['.', 'e', 'E']);
    let is_usual = digits.len() <= 12 && !digits.contains(['e', 'E']) && !digits.starts_with("0.0000");
    if !is_float || is_usual {
        out.extend(text.as_bytes());
        return;
    }
    // As precisely as `serde_json` reads numbers, and no more: ids and hashes are of what it prints then.
    match serde_json::from_str::<Value>(text) {
        Ok(number) => out.extend(number.to_string().as_bytes()),
        Err(_) => out.extend(text.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// What it has to be, the long way.
    fn by_value(text: &str) -> String {
        let mut value: Value = serde_json::from_str(text).unwrap();
        if let Value::Object(fields) = &mut value {
            fields.remove("run");
        }
        value.to_string()
    }

    fn check(text: &str) {
        assert_eq!(String::from_utf8(sorted(text, "run")).unwrap(), by_value(text), "{text}");
    }

    #[test]
    fn what_is_nested_escaped_or_empty() {
        for value in [
            json!({"b": {"d": [], "c": {}}, "a": [{"z": 1, "y": [true, null]}, "}"], "run": {"run": 1}}),
            json!({"a\"b": 1, "a": 2, "ä": "\u{1F600}", "a\\": "\n\t\u{1}", "": "\\\""}),
            json!([{"run": 1}, "run", [[]]]),
            json!("alone"),
            json!(-0.0),
            json!({"run": 1}),
        ] {
            check(&value.to_string());
        }
    }

    #[test]
    fn floats_at_the_edges() {
        let edges = [0.0, -0.0, 1e-5, 1.5e-5, 9.9e-5, 1e-7, 1e13, 1e14, 1e15, 1e16, 1e17, 0.1, 16_777_216.0];
        for float in edges.into_iter().chain([f32::MIN_POSITIVE, f32::MAX, f32::EPSILON, 1.0e-45]) {
            check(&serde_json::to_string(&[float, -float]).unwrap());
            check(&serde_json::to_string(&[f64::from(float)]).unwrap());
        }
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map("run|.{0,6}", inner, 0..6)
                    .prop_map(|fields| Value::from(fields.into_iter().collect::<serde_json::Map<_, _>>())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_text_is_sorted_as_a_value_is_printed(value in values()) {
            check(&value.to_string());
        }

        #[test]
        fn floats_of_32_bits_print_as_those_of_64(bits in any::<u32>()) {
            let float = f32::from_bits(bits);
            prop_assume!(float.is_finite());
            check(&serde_json::to_string(&float).unwrap());
        }

        /// As a message has its fields: not sorted.
        #[test]
        fn fields_in_any_order(fields in prop::collection::vec(("[a-z_\"\\\\]{1,6}", any::<f32>()), 0..8)) {
            let mut known = std::collections::BTreeSet::new();
            let fields = fields.into_iter().filter(|(key, number)| number.is_finite() && known.insert(key.clone()));
            let text: Vec<String> = fields
                .map(|(key, number)| format!("{}:{}", json!(key), serde_json::to_string(&number).unwrap()))
                .collect();
            check(&format!("{{{}}}", text.join(",")));
        }
    }
}
