//! The strict reader: one document, one meaning, or a refusal that names the place.

use alloc::string::String;
use alloc::vec::Vec;

use super::fault::{Fault, ReadError};
use super::limits::Limits;
use super::text;
use super::value::{Object, Value};
use super::{number, pointer};

/// Reads one document of profile CS-JSON-1 (docs/spec/json.md).
pub fn read(bytes: &[u8], limits: &Limits) -> Result<Value, ReadError> {
    let refused = |fault| ReadError {
        pointer: String::new(),
        offset: 0,
        fault,
    };
    if bytes.len() > limits.bytes {
        return Err(refused(Fault::Bytes { max: limits.bytes }));
    }
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err(refused(Fault::ByteOrderMark));
    }
    Reader::new(bytes, limits).document()
}

/// A step from a container to one of its values.
enum Step {
    Member(String),
    Item(usize),
}

struct Reader<'a> {
    /// The bytes up to the first that is not UTF-8, so that its place can be named.
    text: &'a str,
    /// What it means when `text` is used up.
    end: Fault,
    limits: &'a Limits,
    at: usize,
    nodes: usize,
    /// Where the value being read stands; left as it is when reading stops.
    path: Vec<Step>,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8], limits: &'a Limits) -> Self {
        let valid = bytes.utf8_chunks().next();
        let text = valid.as_ref().map_or("", |chunk| chunk.valid());
        let whole = text.len() == bytes.len();
        Self {
            text,
            end: if whole { Fault::End } else { Fault::Utf8 },
            limits,
            at: 0,
            nodes: 0,
            path: Vec::new(),
        }
    }

    fn document(mut self) -> Result<Value, ReadError> {
        let value = self.value(0)?;
        self.white_space();
        match (self.peek(), self.end) {
            (None, Fault::End) => Ok(value),
            (None, cut) => Err(self.fault(cut)),
            (Some(_), _) => Err(self.fault(Fault::Trailing)),
        }
    }

    fn value(&mut self, depth: u8) -> Result<Value, ReadError> {
        self.white_space();
        self.nodes += 1;
        if self.nodes > self.limits.nodes {
            let max = self.limits.nodes;
            return Err(self.fault(Fault::Nodes { max }));
        }
        match self.peek() {
            None => Err(self.fault(self.end)),
            Some(b'{') => self.object(self.deeper(depth)?),
            Some(b'[') => self.array(self.deeper(depth)?),
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal("true", Value::Bool(true)),
            Some(b'f') => self.literal("false", Value::Bool(false)),
            Some(b'n') => self.literal("null", Value::Null),
            Some(_) => Err(self.expected("a value")),
        }
    }

    fn deeper(&self, depth: u8) -> Result<u8, ReadError> {
        let max = self.limits.depth;
        if depth < max {
            Ok(depth + 1)
        } else {
            Err(self.fault(Fault::Depth { max }))
        }
    }

    fn array(&mut self, depth: u8) -> Result<Value, ReadError> {
        let mut items = Vec::new();
        self.at += 1;
        if self.takes(b']') {
            return Ok(Value::Array(items));
        }
        loop {
            self.path.push(Step::Item(items.len()));
            items.push(self.value(depth)?);
            self.path.pop();
            if self.closes(b']', "a comma or ]")? {
                return Ok(Value::Array(items));
            }
        }
    }

    fn object(&mut self, depth: u8) -> Result<Value, ReadError> {
        let mut members = Vec::new();
        let mut offsets = Vec::new();
        self.at += 1;
        if self.takes(b'}') {
            return Ok(Value::Object(Object::new()));
        }
        loop {
            self.white_space();
            offsets.push(self.at);
            let name = self.name()?;
            self.path.push(Step::Member(name.clone()));
            let value = self.value(depth)?;
            self.path.pop();
            members.push((name, value));
            if self.closes(b'}', "a comma or }")? {
                break;
            }
        }
        Object::from_members(members)
            .map(Value::Object)
            .map_err(|(place, name)| {
                self.path.push(Step::Member(name));
                self.fault_at(offsets[place], Fault::Duplicate)
            })
    }

    fn name(&mut self) -> Result<String, ReadError> {
        match self.peek() {
            Some(b'"') => {}
            None => return Err(self.fault(self.end)),
            Some(_) => return Err(self.expected("a member name in double quotes")),
        }
        let name = self.string()?;
        self.white_space();
        match self.peek() {
            Some(b':') => self.at += 1,
            None => return Err(self.fault(self.end)),
            Some(_) => return Err(self.expected("a colon")),
        }
        Ok(name)
    }

    /// After a value: `true` at the end of its container, `false` after a comma.
    fn closes(&mut self, end: u8, expected: &'static str) -> Result<bool, ReadError> {
        if self.takes(end) {
            return Ok(true);
        }
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                Ok(false)
            }
            None => Err(self.fault(self.end)),
            Some(_) => Err(self.expected(expected)),
        }
    }

    fn string(&mut self) -> Result<String, ReadError> {
        let (string, length) = text::unquote(&self.text[self.at..])
            .map_err(|(at, fault)| self.fault_at(self.at + at, self.or_end(fault)))?;
        self.at += length;
        Ok(string)
    }

    fn number(&mut self) -> Result<Value, ReadError> {
        let (number, length) = number::parse(&self.text[self.at..])
            .map_err(|(at, fault)| self.fault_at(self.at + at, self.or_end(fault)))?;
        self.at += length;
        Ok(Value::Number(number))
    }

    fn literal(&mut self, word: &'static str, value: Value) -> Result<Value, ReadError> {
        let rest = &self.text[self.at..];
        if rest.starts_with(word) {
            self.at += word.len();
            Ok(value)
        } else if word.starts_with(rest) {
            Err(self.fault_at(self.text.len(), self.end))
        } else {
            Err(self.expected("true, false or null"))
        }
    }

    fn takes(&mut self, byte: u8) -> bool {
        self.white_space();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn white_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn or_end(&self, fault: Fault) -> Fault {
        if fault == Fault::End { self.end } else { fault }
    }

    fn expected(&self, expected: &'static str) -> ReadError {
        self.fault(Fault::Syntax { expected })
    }

    fn fault(&self, fault: Fault) -> ReadError {
        self.fault_at(self.at, fault)
    }

    fn fault_at(&self, offset: usize, fault: Fault) -> ReadError {
        let pointer = self
            .path
            .iter()
            .fold(String::new(), |path, step| match step {
                Step::Member(name) => pointer::member(&path, name),
                Step::Item(index) => pointer::item(&path, *index),
            });
        ReadError {
            pointer,
            offset,
            fault,
        }
    }
}
