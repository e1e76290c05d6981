//! A YAML text as a tree whose nodes know their places.

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput};

use super::YamlError;

/// No file of expectations is nested as deeply, and no stack is spent on one that is.
const MAX_DEPTH: usize = 16;
const ANCHORS_MESSAGE: &str = "anchors (&) and aliases (*) are not read; write the value out, or quote it";

/// A value and the byte at which it begins.
#[derive(Debug, PartialEq)]
pub(super) struct YamlNode {
    pub at: usize,
    pub value: YamlValue,
}

#[derive(Debug, PartialEq)]
pub(super) enum YamlValue {
    Null,
    Flag(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<YamlNode>),
    Map(Vec<YamlEntry>),
}

/// A key, the byte at which it begins, and its value.
#[derive(Debug, PartialEq)]
pub(super) struct YamlEntry {
    pub key: String,
    pub at: usize,
    pub node: YamlNode,
}

/// Reads a text of one document; an empty one is an empty map.
///
/// # Errors
/// What is no YAML, and of YAML what is not read: anchors, tags, keys that are no texts, further documents.
pub(super) fn parse(text: &str) -> Result<YamlNode, YamlError> {
    let bytes = text.char_indices().map(|(byte, _)| byte).collect();
    let mut reader = YamlReader { text, bytes, events: Parser::new_from_str(text) };
    let mut root = None;
    loop {
        let (event, span) = reader.next()?;
        if event == Event::StreamEnd {
            break;
        }
        if matches!(event, Event::DocumentStart(_)) {
            if root.is_some() {
                let message = "a second document begins here; write it into a file of its own";
                return Err(YamlError::new(reader.offset(span), message));
            }
            let first = reader.next()?;
            root = Some(reader.node(first, MAX_DEPTH)?);
        }
    }
    let written = root.filter(|node| node.value != YamlValue::Null);
    Ok(written.unwrap_or(YamlNode { at: 0, value: YamlValue::Map(Vec::new()) }))
}

struct YamlReader<'a> {
    text: &'a str,
    /// Where each character begins; the parser counts characters.
    bytes: Vec<usize>,
    events: Parser<'a, StrInput<'a>>,
}

impl<'a> YamlReader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), YamlError> {
        let next = self.events.next_event().unwrap_or_else(|| Ok((Event::StreamEnd, Span::default())));
        next.map_err(|error: ScanError| YamlError::new(self.byte(error.marker().index()), error.info()))
    }

    /// Reads the value that begins with an event.
    fn node(&mut self, (event, span): (Event<'a>, Span), depth: usize) -> Result<YamlNode, YamlError> {
        let at = self.offset(span);
        if depth == 0 {
            return Err(YamlError::new(at, "this is nested too deeply"));
        }
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                bare(anchor, tag.is_some(), at)?;
                Ok(self.scalar(&text, style, at))
            }
            Event::SequenceStart(anchor, tag) => {
                bare(anchor, tag.is_some(), at)?;
                self.list(at, depth)
            }
            Event::MappingStart(anchor, tag) => {
                bare(anchor, tag.is_some(), at)?;
                self.map(at, depth)
            }
            Event::Alias(_) => Err(YamlError::new(at, ANCHORS_MESSAGE)),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => Err(YamlError::new(at, "a value is missing")),
        }
    }

    fn scalar(&self, text: &str, style: ScalarStyle, at: usize) -> YamlNode {
        match style {
            ScalarStyle::Plain => YamlNode { at, value: plain(text) },
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => {
                YamlNode { at, value: YamlValue::Text(text.to_owned()) }
            }
            ScalarStyle::Literal | ScalarStyle::Folded => {
                // A block's text begins on the line after its “|” or “>”.
                let rest = self.text.get(at..).unwrap_or_default();
                let header = if rest.starts_with(['|', '>']) { rest.find('\n').map_or(0, |end| end + 1) } else { 0 };
                YamlNode { at: at + header, value: YamlValue::Text(text.to_owned()) }
            }
        }
    }

    fn list(&mut self, at: usize, depth: usize) -> Result<YamlNode, YamlError> {
        let mut items = Vec::new();
        loop {
            let next = self.next()?;
            if next.0 == Event::SequenceEnd {
                return Ok(YamlNode { at, value: YamlValue::List(items) });
            }
            items.push(self.node(next, depth - 1)?);
        }
    }

    fn map(&mut self, at: usize, depth: usize) -> Result<YamlNode, YamlError> {
        let mut entries: Vec<YamlEntry> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            let at_key = self.offset(span);
            if event == Event::MappingEnd {
                return Ok(YamlNode { at, value: YamlValue::Map(entries) });
            }
            let Event::Scalar(key, _, 0, None) = event else {
                return Err(YamlError::new(at_key, "a key must be a plain or quoted text"));
            };
            let key = key.into_owned();
            if entries.iter().any(|entry| entry.key == key) {
                return Err(YamlError::new(at_key, format!("“{key}” is written twice; keep one")));
            }
            let next = self.next()?;
            let node = self.node(next, depth - 1).map_err(|yaml_error| yaml_error.below(&key))?;
            entries.push(YamlEntry { key, at: at_key, node });
        }
    }

    fn offset(&self, span: Span) -> usize {
        self.byte(span.start.index())
    }

    fn byte(&self, index: usize) -> usize {
        self.bytes.get(index).copied().unwrap_or(self.text.len())
    }
}

/// Refuses what says more of a value than the value itself.
fn bare(anchor: usize, tagged: bool, at: usize) -> Result<(), YamlError> {
    if anchor != 0 {
        return Err(YamlError::new(at, ANCHORS_MESSAGE));
    }
    if tagged {
        return Err(YamlError::new(at, "tags (!) are not read; leave it out, or quote the value"));
    }
    Ok(())
}

/// Returns the value of an unquoted text: YAML's core schema, without the infinities, which no event holds.
fn plain(text: &str) -> YamlValue {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return YamlValue::Null,
        "true" | "True" | "TRUE" => return YamlValue::Flag(true),
        "false" | "False" | "FALSE" => return YamlValue::Flag(false),
        _ => {}
    }
    let integer = match text.split_at_checked(2) {
        Some(("0x", digits)) => i64::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with(['+', '-'])),
        Some(("0o", digits)) => i64::from_str_radix(digits, 8).ok().filter(|_| !digits.starts_with(['+', '-'])),
        _ => text.parse().ok(),
    };
    let numeric = text.contains(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-'));
    let float = || text.parse().ok().filter(|_| numeric).map(YamlValue::Float);
    integer.map(YamlValue::Integer).or_else(float).unwrap_or_else(|| YamlValue::Text(text.to_owned()))
}
