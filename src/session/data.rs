//! A session's data as clients give it: checked, and taken apart without decoding its values.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::error::Error;
use super::limits;

/// Up to so many keys each is compared with all others, which is quicker than a table of them.
const FEW: usize = 16;

/// A flat JSON object: its values are strings, numbers, booleans and null.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Data<'a> {
    text: &'a str,
    /// In the order in which the keys appear first, each key once with its last value.
    members: Vec<Member<'a>>,
    /// Whether a key was given twice.
    repeated: bool,
}

/// A member of an object, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Member<'a> {
    /// The key as it says, whatever its escaping.
    key: Cow<'a, [u8]>,
    /// The key as it was written, with its quotes.
    quoted: &'a str,
    value: &'a str,
}

impl<'a> Data<'a> {
    /// Takes an argument as data of at most `limit` bytes.
    ///
    /// # Errors
    /// [`Error::TooLarge`], [`Error::NotAnObject`], and [`Error::Nested`] for the first value that
    /// is an object or an array.
    pub(super) fn parse(argument: &'a [u8], limit: usize) -> Result<Self, Error> {
        // The size comes first: it bounds the work on everything else.
        if argument.len() > limit {
            return Err(Error::TooLarge(limit));
        }
        let text = std::str::from_utf8(argument).map_err(|_| Error::NotAnObject)?;
        let Split(split) = serde_json::from_str(text).map_err(|_| Error::NotAnObject)?;
        let mut members: Vec<Member<'a>> = Vec::with_capacity(split.len());
        let given = split.len();
        let few = given <= FEW;
        let mut places = HashMap::new();
        for (quoted, value) in split {
            let (quoted, value) = (quoted.get(), value.get());
            let key = unescape(&quoted[1..quoted.len() - 1]);
            if value.starts_with(['{', '[']) {
                return Err(Error::Nested(quote(&key)));
            }
            let place = if few {
                members.iter().position(|member| member.key == key)
            } else {
                places.get(&key).copied()
            };
            match place {
                Some(place) => members[place] = Member { key, quoted, value },
                None => {
                    if !few {
                        places.insert(key.clone(), members.len());
                    }
                    members.push(Member { key, quoted, value });
                }
            }
        }
        let repeated = members.len() < given;
        Ok(Self { text: text.trim(), members, repeated })
    }

    /// Whether the object has no keys.
    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The text that a new session stores: as given, but without nulls, and with each key once.
    /// `None` when there is nothing to store.
    pub(super) fn stored(&self) -> Option<Cow<'a, str>> {
        let mut kept = self.members.iter().filter(|member| member.value != "null").peekable();
        kept.peek()?;
        if !self.repeated && self.members.iter().all(|member| member.value != "null") {
            return Some(Cow::Borrowed(self.text));
        }
        let texts: Vec<_> = kept.map(Member::text).collect();
        Some(Cow::Owned(format!("{{{}}}", texts.join(","))))
    }

    /// What to change in a stored object: per key what it says, and the pieces of `"key":value`,
    /// which are empty where the key has to go.
    pub(super) fn changes(
        &self,
    ) -> impl Iterator<Item = (&[u8], impl Iterator<Item = &[u8]> + Clone)> {
        self.members.iter().map(|member| {
            let goes = member.value == "null";
            let pieces = if goes { [""; 3] } else { [member.quoted, ":", member.value] };
            (&*member.key, pieces.into_iter().map(str::as_bytes))
        })
    }
}

impl Member<'_> {
    fn text(&self) -> String {
        format!("{}:{}", self.quoted, self.value)
    }
}

/// The members of an object as they are written.
struct Split<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de> Deserialize<'de> for Split<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Split<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Split(members))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// What a well-formed JSON string says, given what is between its quotes. JSON allows half a
/// surrogate pair, which is no character: it becomes the three bytes that UTF-8 would have for it,
/// and so stays different from everything else.
fn unescape(text: &str) -> Cow<'_, [u8]> {
    let Some(first) = memchr::memchr(b'\\', text.as_bytes()) else {
        return Cow::Borrowed(text.as_bytes());
    };
    let mut said = text.as_bytes()[..first].to_vec();
    let mut rest = &text.as_bytes()[first..];
    while let [byte, tail @ ..] = rest {
        rest = tail;
        if *byte != b'\\' {
            said.push(*byte);
            continue;
        }
        let [escape, tail @ ..] = rest else { break };
        rest = tail;
        match escape {
            b'u' => {
                let high = hex(rest).unwrap_or(0);
                rest = rest.get(4..).unwrap_or_default();
                let low = rest.strip_prefix(b"\\u").and_then(hex).unwrap_or(0);
                if (0xD800..0xDC00).contains(&high) && (0xDC00..0xE000).contains(&low) {
                    rest = &rest[6..];
                    push_code_point(&mut said, 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00));
                } else {
                    push_code_point(&mut said, high);
                }
            }
            b'b' => said.push(8),
            b'f' => said.push(12),
            b'n' => said.push(b'\n'),
            b'r' => said.push(b'\r'),
            b't' => said.push(b'\t'),
            itself => said.push(*itself),
        }
    }
    Cow::Owned(said)
}

/// The number that four hexadecimal digits ahead in the text give.
fn hex(text: &[u8]) -> Option<u32> {
    let digits = std::str::from_utf8(text.get(..4)?).ok()?;
    u32::from_str_radix(digits, 16).ok()
}

fn push_code_point(said: &mut Vec<u8>, code: u32) {
    match char::from_u32(code) {
        Some(character) => said.extend(character.encode_utf8(&mut [0; 4]).as_bytes()),
        None => {
            said.extend([12, 6, 0].map(|shift| 0x80 | (code >> shift & 0x3F) as u8));
            let first = said.len() - 3;
            said[first] = 0xE0 | (code >> 12) as u8;
        }
    }
}

/// The key as an error reply can quote it: one line, and not too long.
fn quote(key: &[u8]) -> String {
    let text = String::from_utf8_lossy(key);
    let ends = text.char_indices().map(|(place, character)| place + character.len_utf8());
    let end = ends.take_while(|end| *end <= limits::QUOTED_KEY).last().unwrap_or(0);
    text[..end].replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Data<'_>, Error> {
        Data::parse(text.as_bytes(), 100)
    }

    fn stored(text: &str) -> Option<String> {
        parse(text).unwrap().stored().map(Cow::into_owned)
    }

    #[test]
    fn what_is_stored() {
        for text in [r#"{"a":1}"#, r#"{ "a" : 1.10, "b":"\u00e4\ud800", "c":true }"#] {
            assert_eq!(stored(text).as_deref(), Some(text), "as given");
        }
        assert_eq!(stored(r#" {"a":1} "#).as_deref(), Some(r#"{"a":1}"#));
        assert_eq!(stored("{}"), None);
        assert_eq!(stored(r#"{"a":null,"b":null}"#), None);
        assert_eq!(
            stored(r#"{"a":null, "b" : 12345678901234567890, "c":false}"#).as_deref(),
            Some(r#"{"b":12345678901234567890,"c":false}"#)
        );
        assert_eq!(stored(r#"{"a":1,"b":2,"\u0061":3}"#).as_deref(), Some(r#"{"\u0061":3,"b":2}"#));
        assert_eq!(stored(r#"{"a":1,"a":null}"#), None);
        assert_eq!(stored(r#"{"a":null,"a":1}"#).as_deref(), Some(r#"{"a":1}"#));
    }

    #[test]
    fn changes() {
        let data = parse(r#"{"a": 1, "\n\"\\\/": null}"#).unwrap();
        let changes: Vec<_> = data
            .changes()
            .map(|(key, pieces)| (key, pieces.collect::<Vec<_>>().concat()))
            .collect();
        assert_eq!(changes, [(&b"a"[..], br#""a":1"#.to_vec()), (&b"\n\"\\/"[..], Vec::new())]);
    }

    #[test]
    fn keys_say_the_same_whatever_their_escaping() {
        let said = |text: &'static str| unescape(text).into_owned();
        assert_eq!(said(r"\u0061\u00E9\u65e5\ud83d\uDE00"), "aé日😀".as_bytes());
        assert_eq!(said(r"\\u0061"), br"\u0061");
        assert_eq!(said(r"\b\f\n\r\t\/\\\x"), b"\x08\x0c\n\r\t/\\x");
        assert_eq!(said(r"\ud800"), b"\xed\xa0\x80");
        assert_eq!(said(r"\ud800\u0061"), b"\xed\xa0\x80a");
        assert_eq!(said(r"\ude00\ud83d"), b"\xed\xb8\x80\xed\xa0\xbd");
        assert_eq!(said(r"\u0000"), b"\0");
    }

    #[test]
    fn what_is_refused() {
        let objects = [
            "",
            " ",
            "null",
            "1",
            "[]",
            "\"{}\"",
            "{",
            "{a:1}",
            "{\"a\":01}",
            "{\"a\":1,}",
            "{\"a\":\"\n\"}",
            "{\"a\":tru}",
            "{} {}",
            "{1:1}",
            "{\"a\":\"\\x\"}",
        ];
        for text in objects {
            assert_eq!(parse(text), Err(Error::NotAnObject), "{text}");
        }
        assert_eq!(Data::parse(b"{\"a\":\"\xff\"}", 100), Err(Error::NotAnObject));
        assert_eq!(Data::parse(br#"{"a":1}"#, 6), Err(Error::TooLarge(6)));
        assert!(Data::parse(br#"{"a":1}"#, 7).is_ok());
        assert_eq!(parse(r#"{"a":1,"b":[],"c":{}}"#), Err(Error::Nested("b".to_owned())));
        assert_eq!(parse(r#"{"\r\n\u0061":{}}"#), Err(Error::Nested("  a".to_owned())));
        let long = format!("{{\"{}\":[]}}", "ä".repeat(100));
        let Err(Error::Nested(key)) = Data::parse(long.as_bytes(), 1000) else { panic!("{long}") };
        assert_eq!(key, "ä".repeat(64));
    }

    #[test]
    fn depth_costs_nothing() {
        let deep = format!("{{\"a\":{}", "[".repeat(1_000_000));
        assert_eq!(Data::parse(deep.as_bytes(), 2_000_000), Err(Error::NotAnObject));
    }
}
