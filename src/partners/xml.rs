//! Walks through an XML document in the one order that is allowed: what every counterparty here reads with.
//!
//! Of its own and not the hub's, so that the two can disagree. Resolves and loads nothing that a document asks for.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};

/// Which vocabulary an element belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Space {
    /// One of those the reader was made with, by its place among them.
    Known(usize),
    /// None at all.
    Bare,
    /// Any other.
    Other,
}

/// What a prefix stands for, from the element at this depth downwards.
struct Binding {
    depth: usize,
    /// Empty: what has no prefix.
    prefix: String,
    space: Space,
}

/// One step through the document, comments and layout apart.
pub(super) enum Token<'a> {
    Start(Space, BytesStart<'a>),
    End,
    Eof,
}

/// What was read, or what is wrong: never a value that could be a person's.
pub(super) type Read<T> = Result<T, String>;

/// Walks through a document in the one order that is allowed.
pub(super) struct Cursor<'a> {
    reader: Reader<&'a [u8]>,
    known: &'static [&'static str],
    /// What [`Cursor::sees`] has looked at.
    pub(super) next: Option<Token<'a>>,
    bindings: Vec<Binding>,
    depth: usize,
}

impl<'a> Cursor<'a> {
    /// At the start of `text`; `known` are the vocabularies that [`Space::Known`] counts.
    pub(super) fn new(text: &'a str, known: &'static [&'static str]) -> Cursor<'a> {
        let mut reader = Reader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        Cursor { reader, known, next: None, bindings: Vec::new(), depth: 0 }
    }

    /// Bytes read so far.
    pub(super) fn position(&self) -> usize {
        usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX)
    }

    fn space_of(&self, uri: &str) -> Space {
        match self.known.iter().position(|known| *known == uri) {
            Some(place) => Space::Known(place),
            None if uri.is_empty() => Space::Bare,
            None => Space::Other,
        }
    }

    fn event(&mut self) -> Read<(Space, Event<'a>)> {
        let event = self.reader.read_event().map_err(|error| format!("not well-formed: {error}"))?;
        let space = match &event {
            Event::Start(start) => self.enter(start)?,
            Event::End(_) => self.leave(),
            _ => Space::Other,
        };
        Ok((space, event))
    }

    /// Notes the prefixes an element binds, and tells its own vocabulary. Nearly all elements bind none: that is
    /// why the generic resolver is not used.
    fn enter(&mut self, start: &BytesStart<'_>) -> Read<Space> {
        self.depth += 1;
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| format!("not well-formed: {error}"))?;
            let name = attribute.key.into_inner();
            let prefix = name.strip_prefix("xmlns:").or((name == "xmlns").then_some(""));
            if let Some(prefix) = prefix {
                let space = self.space_of(&attribute.value);
                self.bindings.push(Binding { depth: self.depth, prefix: prefix.to_owned(), space });
            }
        }
        let prefix = start.name().prefix().map_or("", |prefix| prefix.into_inner());
        match self.bindings.iter().rev().find(|binding| binding.prefix == prefix) {
            Some(binding) => Ok(binding.space),
            None if prefix.is_empty() => Ok(Space::Bare),
            None => Err("a prefix that stands for nothing".to_owned()),
        }
    }

    fn leave(&mut self) -> Space {
        while self.bindings.last().is_some_and(|binding| binding.depth == self.depth) {
            self.bindings.pop();
        }
        self.depth = self.depth.saturating_sub(1);
        Space::Other
    }

    /// What comes next.
    pub(super) fn advance(&mut self) -> Read<Token<'a>> {
        if let Some(token) = self.next.take() {
            return Ok(token);
        }
        loop {
            match self.event()? {
                (space, Event::Start(start)) => return Ok(Token::Start(space, start)),
                (_, Event::End(_)) => return Ok(Token::End),
                (_, Event::Eof) => return Ok(Token::Eof),
                (_, Event::Text(text)) if text.trim_ascii().is_empty() => {}
                (_, Event::Comment(_) | Event::PI(_)) => {}
                (_, Event::Decl(declaration)) => match declaration.encoding() {
                    Some(Ok(encoding)) if !encoding.eq_ignore_ascii_case("utf-8") => {
                        return Err("declared to be in another encoding than UTF-8".to_owned());
                    }
                    _ => {}
                },
                (_, Event::DocType(_)) => return Err("a document type is not allowed".to_owned()),
                (_, Event::Text(_) | Event::CData(_) | Event::GeneralRef(_)) => {
                    return Err("text between elements".to_owned());
                }
                (_, Event::Empty(_)) => return Err("an empty element".to_owned()),
            }
        }
    }

    /// Whether the next element has this name.
    pub(super) fn sees(&mut self, space: Space, name: &str) -> Read<bool> {
        let token = self.advance()?;
        let seen = matches!(&token, Token::Start(s, start) if *s == space && start.local_name().into_inner() == name);
        self.next = Some(token);
        Ok(seen)
    }

    /// Goes into an element.
    pub(super) fn open(&mut self, space: Space, name: &str) -> Read<BytesStart<'a>> {
        match self.advance()? {
            Token::Start(s, start) if s == space && start.local_name().into_inner() == name => Ok(start),
            Token::Start(_, start) => {
                Err(format!("{name} expected, {} found", start.local_name().into_inner()))
            }
            Token::End | Token::Eof => Err(format!("{name} is missing")),
        }
    }

    /// Comes out of an element that has nothing more to say.
    pub(super) fn close(&mut self) -> Read<()> {
        match self.advance()? {
            Token::End => Ok(()),
            Token::Start(_, start) => Err(format!("{} is not allowed here", start.local_name().into_inner())),
            Token::Eof => Err("the file ends too early".to_owned()),
        }
    }

    /// The value of an element that has no children: 1 to `limit` characters, not only blanks, none of them a
    /// control character.
    pub(super) fn value(&mut self, space: Space, name: &str, limit: usize) -> Read<String> {
        self.open(space, name)?;
        let mut value = String::new();
        loop {
            match self.event()?.1 {
                Event::Text(text) => value.push_str(&text),
                Event::CData(text) => value.push_str(&text),
                Event::GeneralRef(reference) => value.push_str(&resolve(&reference)?),
                Event::Comment(_) | Event::PI(_) => {}
                Event::End(_) => break,
                _ => return Err(format!("{name} holds more than a value")),
            }
        }
        let length = value.chars().count();
        if length > limit || value.trim().is_empty() || value.chars().any(char::is_control) {
            return Err(format!(
                "{name} is empty, longer than {limit} characters or holds a control character"
            ));
        }
        Ok(value)
    }

    /// Passes over whatever stands in the element that was opened last, and out of it.
    pub(super) fn pass(&mut self) -> Read<()> {
        let mut depth = 1;
        if let Some(Token::Start(..)) = self.next.take() {
            depth += 1;
        }
        while depth > 0 {
            match self.event()?.1 {
                Event::Start(_) => depth += 1,
                Event::End(_) => depth -= 1,
                Event::Eof => return Err("the file ends too early".to_owned()),
                Event::DocType(_) => return Err("a document type is not allowed".to_owned()),
                _ => {}
            }
        }
        Ok(())
    }

    /// The same of an element that may be left out.
    pub(super) fn optional(&mut self, space: Space, name: &str, limit: usize) -> Read<Option<String>> {
        if self.sees(space, name)? { self.value(space, name, limit).map(Some) } else { Ok(None) }
    }
}

/// What a reference stands for: one of the five entities of XML, or a character.
fn resolve(reference: &BytesRef<'_>) -> Read<String> {
    if let Some(text) = resolve_predefined_entity(reference) {
        return Ok(text.to_owned());
    }
    match reference.resolve_char_ref() {
        Ok(Some(character)) => Ok(character.to_string()),
        _ => Err("an entity that XML does not define".to_owned()),
    }
}
