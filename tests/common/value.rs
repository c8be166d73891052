//! A reply of RESP2 or RESP3, decoded independently of the product's own code.

use std::fmt;
use std::io::{self, BufRead, Read};

/// One decoded reply.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Simple(String),
    Error(String),
    Int(i64),
    Bulk(Vec<u8>),
    NullBulk,
    NullArray,
    Null,
    Bool(bool),
    Double(String),
    BigNumber(String),
    Verbatim(String),
    Array(Vec<Value>),
    Set(Vec<Value>),
    Push(Vec<Value>),
    Map(Vec<(Value, Value)>),
    Attribute(Vec<(Value, Value)>, Box<Value>),
}

impl Value {
    /// Reads one reply, appending its bytes to `raw`.
    pub(crate) fn read(from: &mut impl BufRead, raw: &mut Vec<u8>) -> io::Result<Value> {
        let start = raw.len();
        from.read_until(b'\n', raw)?;
        if raw.len() == start {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = raw[start..].to_vec();
        let Some(line) = line.strip_suffix(b"\r\n") else {
            return Err(malformed(&line));
        };
        let text = String::from_utf8_lossy(&line[1..]).into_owned();
        Ok(match line[0] {
            b'+' => Value::Simple(text),
            b'-' => Value::Error(text),
            b':' => Value::Int(text.parse().map_err(|_| malformed(line))?),
            b'_' => Value::Null,
            b'#' => Value::Bool(text == "t"),
            b',' => Value::Double(text),
            b'(' => Value::BigNumber(text),
            b'$' if text == "-1" => Value::NullBulk,
            b'*' if text == "-1" => Value::NullArray,
            b'$' => Value::Bulk(blob(from, raw, line)?),
            b'!' => Value::Error(lossy(blob(from, raw, line)?)),
            b'=' => Value::Verbatim(lossy(blob(from, raw, line)?)),
            b'*' => Value::Array(items(from, raw, count(line)?)?),
            b'~' => Value::Set(items(from, raw, count(line)?)?),
            b'>' => Value::Push(items(from, raw, count(line)?)?),
            b'%' => Value::Map(pairs(from, raw, count(line)?)?),
            b'|' => {
                let attributes = pairs(from, raw, count(line)?)?;
                Value::Attribute(attributes, Box::new(Value::read(from, raw)?))
            }
            _ => return Err(malformed(line)),
        })
    }

    /// The one reply that these bytes are.
    #[track_caller]
    pub(crate) fn of(mut frame: &[u8]) -> Value {
        let value = Value::read(&mut frame, &mut Vec::new()).unwrap();
        assert!(frame.is_empty(), "behind the reply: {}", frame.escape_ascii());
        value
    }

    /// A bulk string.
    pub(crate) fn bulk(bytes: &(impl AsRef<[u8]> + ?Sized)) -> Value {
        Value::Bulk(bytes.as_ref().to_vec())
    }

    /// The elements of an array, a set or a push.
    #[track_caller]
    pub(crate) fn items(&self) -> &[Value] {
        match self {
            Value::Array(items) | Value::Set(items) | Value::Push(items) => items,
            other => panic!("expected an array, got {other}"),
        }
    }

    /// The text of a bulk, simple or verbatim string.
    #[track_caller]
    pub(crate) fn text(&self) -> String {
        match self {
            Value::Bulk(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Value::Simple(text) | Value::Verbatim(text) | Value::Double(text) => text.clone(),
            other => panic!("expected a string, got {other}"),
        }
    }

    /// The value of an integer reply.
    #[track_caller]
    pub(crate) fn int(&self) -> i64 {
        match self {
            Value::Int(number) => *number,
            other => panic!("expected an integer, got {other}"),
        }
    }

    /// The text of an error reply.
    #[track_caller]
    pub(crate) fn error(&self) -> &str {
        match self {
            Value::Error(text) => text,
            other => panic!("expected an error, got {other}"),
        }
    }

    /// Whether the reply is an error.
    pub(crate) fn is_error(&self) -> bool {
        matches!(self, Value::Error(_))
    }

    /// Field and value pairs of a RESP3 map or of a flat RESP2 array.
    #[track_caller]
    pub(crate) fn fields(&self) -> Vec<(String, Value)> {
        match self {
            Value::Map(pairs) => pairs.iter().map(|(k, v)| (k.text(), v.clone())).collect(),
            Value::Array(flat) => {
                assert_eq!(flat.len() % 2, 0, "a flat map has an even length: {self}");
                flat.chunks(2).map(|pair| (pair[0].text(), pair[1].clone())).collect()
            }
            other => panic!("expected fields and values, got {other}"),
        }
    }

    /// The value of one field of a map or flat array.
    #[track_caller]
    pub(crate) fn field(&self, name: &str) -> Value {
        let fields = self.fields();
        let found = fields.iter().find(|(field, _)| field == name);
        found.unwrap_or_else(|| panic!("no field {name} in {self}")).1.clone()
    }

    /// Whether a map or flat array has this field.
    #[track_caller]
    pub(crate) fn has(&self, name: &str) -> bool {
        self.fields().iter().any(|(field, _)| field == name)
    }
}

fn malformed(line: &[u8]) -> io::Error {
    io::Error::other(format!("malformed reply line: {}", line.escape_ascii()))
}

fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

fn count(line: &[u8]) -> io::Result<usize> {
    let digits = std::str::from_utf8(&line[1..]).map_err(|_| malformed(line))?;
    digits.parse().map_err(|_| malformed(line))
}

fn blob(from: &mut impl BufRead, raw: &mut Vec<u8>, line: &[u8]) -> io::Result<Vec<u8>> {
    let length = count(line)?;
    let start = raw.len();
    let read = from.take(length as u64 + 2).read_to_end(raw)?;
    if read < length + 2 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if !raw.ends_with(b"\r\n") {
        return Err(malformed(line));
    }
    Ok(raw[start..start + length].to_vec())
}

fn items(from: &mut impl BufRead, raw: &mut Vec<u8>, count: usize) -> io::Result<Vec<Value>> {
    (0..count).map(|_| Value::read(from, raw)).collect()
}

fn pairs(
    from: &mut impl BufRead,
    raw: &mut Vec<u8>,
    count: usize,
) -> io::Result<Vec<(Value, Value)>> {
    (0..count).map(|_| Ok((Value::read(from, raw)?, Value::read(from, raw)?))).collect()
}

/// `+OK`, `-ERR ...`, `1`, `"bulk"`, `$nil`, `*nil`, `_`, `#t`, `,1.5`, `[1, 2]`, `~[..]`, `>[..]`, `{k: v}`.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Simple(text) => write!(f, "+{text}"),
            Value::Error(text) => write!(f, "-{text}"),
            Value::Int(number) => write!(f, "{number}"),
            Value::Bulk(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => write!(f, "\"{text}\""),
                Err(_) => write!(f, "\"{}\"", bytes.escape_ascii()),
            },
            Value::NullBulk => f.write_str("$nil"),
            Value::NullArray => f.write_str("*nil"),
            Value::Null => f.write_str("_"),
            Value::Bool(yes) => f.write_str(if *yes { "#t" } else { "#f" }),
            Value::Double(text) => write!(f, ",{text}"),
            Value::BigNumber(text) => write!(f, "({text}"),
            Value::Verbatim(text) => write!(f, "={text}"),
            Value::Array(items) => list(f, "", items),
            Value::Set(items) => list(f, "~", items),
            Value::Push(items) => list(f, ">", items),
            Value::Map(pairs) => map(f, pairs),
            Value::Attribute(pairs, value) => {
                f.write_str("|")?;
                map(f, pairs)?;
                write!(f, "{value}")
            }
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, mark: &str, items: &[Value]) -> fmt::Result {
    write!(f, "{mark}[")?;
    for (index, item) in items.iter().enumerate() {
        write!(f, "{}{item}", if index == 0 { "" } else { ", " })?;
    }
    f.write_str("]")
}

fn map(f: &mut fmt::Formatter<'_>, pairs: &[(Value, Value)]) -> fmt::Result {
    f.write_str("{")?;
    for (index, (key, value)) in pairs.iter().enumerate() {
        write!(f, "{}{key}: {value}", if index == 0 { "" } else { ", " })?;
    }
    f.write_str("}")
}
