//! A value as a set of fields, and back: one set of fields for one value.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::json::{Limits, Object, Value, canonical, pointer, text};

/// All paths of one body together. A short document can have long paths (a long name around many
/// items); this is 100 bytes for each of the most values that a document may have.
pub const PATH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// One field: what stands at a path.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// JSON Pointer (RFC 6901) from the top of the body.
    pub path: String,
    /// A scalar, `{}`, `[]`, or `[n]`: here is an array of n items.
    pub value: Value,
}

/// A value that is not committed to, because it could not be read back or shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FlattenError {
    /// More than [`Limits::DOCUMENT`].
    #[error("arrays and objects are nested too deep; flatten the document")]
    Depth,
    /// More than [`Limits::DOCUMENT`].
    #[error("the document has too many values; send less")]
    Nodes,
    /// More than [`Limits::DOCUMENT`].
    #[error("the document is too long; send less")]
    Bytes,
    /// More than [`PATH_BYTES_MAX`].
    #[error("long member names around many values; shorten the names or send less")]
    PathBytes,
    /// Text that the strict reader would refuse.
    #[error("a Unicode noncharacter is not allowed in text; leave it out")]
    Noncharacter,
}

/// The fields of a value, sorted by the UTF-8 bytes of their paths.
pub fn flatten(value: &Value) -> Result<Vec<Field>, FlattenError> {
    let mut flattening = Flattening::default();
    flattening.walk(String::new(), value, 0)?;
    if canonical(value).len() > Limits::DOCUMENT.bytes {
        return Err(FlattenError::Bytes);
    }
    let fields = flattening.fields.into_iter();
    Ok(fields.map(|(path, value)| Field { path, value }).collect())
}

#[derive(Default)]
struct Flattening {
    fields: BTreeMap<String, Value>,
    nodes: usize,
    path_bytes: usize,
}

impl Flattening {
    fn walk(&mut self, path: String, value: &Value, depth: u8) -> Result<(), FlattenError> {
        self.nodes += 1;
        if self.nodes > Limits::DOCUMENT.nodes {
            return Err(FlattenError::Nodes);
        }
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => self.add(path, value.clone()),
            Value::String(string) => {
                check_text(string)?;
                self.add(path, value.clone())
            }
            Value::Array(items) => self.array(path, items, deeper(depth)?),
            Value::Object(object) => self.object(path, object, deeper(depth)?),
        }
    }

    fn array(&mut self, path: String, items: &[Value], depth: u8) -> Result<(), FlattenError> {
        for (index, item) in items.iter().enumerate() {
            self.walk(pointer::item(&path, index), item, depth)?;
        }
        let length = u32::try_from(items.len()).map_err(|_| FlattenError::Nodes)?;
        let marker = if length == 0 { vec![] } else { vec![length] };
        self.add(path, Value::from(marker))
    }

    fn object(&mut self, path: String, object: &Object, depth: u8) -> Result<(), FlattenError> {
        if object.is_empty() {
            return self.add(path, Value::Object(Object::new()));
        }
        object.iter().try_for_each(|(name, member)| {
            check_text(name)?;
            self.walk(pointer::member(&path, name), member, depth)
        })
    }

    fn add(&mut self, path: String, value: Value) -> Result<(), FlattenError> {
        self.path_bytes += path.len();
        if self.path_bytes > PATH_BYTES_MAX {
            return Err(FlattenError::PathBytes);
        }
        self.fields.insert(path, value);
        Ok(())
    }
}

fn deeper(depth: u8) -> Result<u8, FlattenError> {
    if depth < Limits::DOCUMENT.depth {
        Ok(depth + 1)
    } else {
        Err(FlattenError::Depth)
    }
}

fn check_text(string: &str) -> Result<(), FlattenError> {
    if string.contains(text::is_noncharacter) {
        Err(FlattenError::Noncharacter)
    } else {
        Ok(())
    }
}

/// Fields that are not the fields of any value.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RebuildError {
    /// There is always at least one field.
    #[error("a body without fields")]
    Empty,
    /// Not a JSON Pointer, deeper than [`Limits::DOCUMENT`], or with a noncharacter.
    #[error("{path:?} is not the path of a field")]
    Path {
        /// The path.
        path: String,
    },
    /// Not a scalar, `{}`, `[]` or `[n]`.
    #[error("the field {path:?} holds more than one value")]
    Value {
        /// Its path.
        path: String,
    },
    /// Two fields of one path.
    #[error("the field {path:?} occurs twice")]
    Twice {
        /// Their path.
        path: String,
    },
    /// A scalar or an empty container with fields inside.
    #[error("the field {path:?} has fields inside but cannot hold any")]
    Inside {
        /// The outer path.
        path: String,
    },
    /// Other items than 0 to n−1.
    #[error("the array {path:?} does not have the items that its length says")]
    Items {
        /// The array's path.
        path: String,
    },
}

/// The value that has exactly these fields.
pub fn rebuild(fields: impl IntoIterator<Item = Field>) -> Result<Value, RebuildError> {
    let mut placed = fields
        .into_iter()
        .map(|field| Ok((check_field(&field)?, field)))
        .collect::<Result<Vec<_>, _>>()?;
    // By steps and not by path bytes: what lies inside a container must come together.
    placed.sort_by(|(a, _), (b, _)| a.cmp(b));
    for pair in placed.windows(2) {
        if pair[0].0 == pair[1].0 {
            let path = pair[1].1.path.clone();
            return Err(RebuildError::Twice { path });
        }
    }
    build(&placed, 0)
}

/// The steps of a field's path, when the field could be part of a body.
pub(super) fn check_field(field: &Field) -> Result<Vec<String>, RebuildError> {
    let Field { path, value } = field;
    let refused = || RebuildError::Path { path: path.clone() };
    let steps = pointer::tokens(path).ok_or_else(refused)?;
    let container = matches!(value, Value::Array(_) | Value::Object(_));
    if steps.len() + usize::from(container) > usize::from(Limits::DOCUMENT.depth)
        || path.contains(text::is_noncharacter)
    {
        return Err(refused());
    }
    let single = match value {
        Value::Array(items) => items.is_empty() || length(items).is_some(),
        Value::Object(object) => object.is_empty(),
        _ => true,
    };
    if single {
        Ok(steps)
    } else {
        Err(RebuildError::Value { path: path.clone() })
    }
}

/// The n of `[n]`.
fn length(items: &[Value]) -> Option<usize> {
    match items {
        [Value::Number(number)] => {
            let length = number.as_u64().filter(|length| *length > 0)?;
            usize::try_from(length).ok()
        }
        _ => None,
    }
}

/// The value whose fields are `group`: all with the same first `depth` steps, sorted by steps.
fn build(group: &[(Vec<String>, Field)], depth: usize) -> Result<Value, RebuildError> {
    let ((steps, field), rest) = group.split_first().ok_or(RebuildError::Empty)?;
    if steps.len() > depth {
        let members = children(group, depth).collect::<Result<Vec<_>, _>>()?;
        let object = members
            .into_iter()
            .fold(Object::new(), |object, (name, value)| {
                object.with(name, value)
            });
        return Ok(Value::Object(object));
    }
    match &field.value {
        Value::Array(items) if !items.is_empty() => build_array(field, items, rest, depth),
        value if rest.is_empty() => Ok(value.clone()),
        _ => Err(RebuildError::Inside {
            path: field.path.clone(),
        }),
    }
}

fn build_array(
    field: &Field,
    marker: &[Value],
    rest: &[(Vec<String>, Field)],
    depth: usize,
) -> Result<Value, RebuildError> {
    let wrong = || RebuildError::Items {
        path: field.path.clone(),
    };
    let length = length(marker).ok_or_else(wrong)?;
    let mut items = BTreeMap::new();
    for child in children(rest, depth) {
        let (step, item) = child?;
        let index = pointer::index(&step).filter(|index| *index < length);
        items.insert(index.ok_or_else(wrong)?, item);
    }
    if items.len() == length {
        Ok(Value::Array(items.into_values().collect()))
    } else {
        Err(wrong())
    }
}

/// The containers' next steps, each with the value behind it.
fn children(
    group: &[(Vec<String>, Field)],
    depth: usize,
) -> impl Iterator<Item = Result<(String, Value), RebuildError>> {
    group
        .chunk_by(move |(a, _), (b, _)| a.get(depth) == b.get(depth))
        .map(move |child| {
            let step = child.first().and_then(|(steps, _)| steps.get(depth));
            Ok((step.cloned().unwrap_or_default(), build(child, depth + 1)?))
        })
}
