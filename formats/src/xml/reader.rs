//! Tokens of a well-formed document, names resolved to namespaces.
//!
//! A token is always whole in the window before it is looked at; when it is not, more is brought into sight and the
//! token is begun again. So every function here sees plain text and needs no memory of its own.

use std::cell::Cell;
use std::io::BufRead;
use std::ops::Range;

use memchr::memmem;

use super::names::{is_character, is_name_byte, is_ncname, is_space, stops_text};
use super::window::Window;
use super::{Error, Fault, Limits};

const XML: &str = "http://www.w3.org/XML/1998/namespace";
const XMLNS: &str = "http://www.w3.org/2000/xmlns/";
const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// A namespace, by URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Namespace {
    /// No namespace.
    None,
    /// One of those the reader was made with, by its place in the list.
    Known(u8),
    /// That of `xsi:schemaLocation`.
    Instance,
    /// Any other.
    Other,
}

/// A resolved name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<'a> {
    /// The namespace.
    pub namespace: Namespace,
    /// The name without its prefix.
    pub local: &'a str,
}

/// A piece of a document. An empty element is a start and an end; comments and processing instructions are
/// checked and passed over.
#[derive(Clone, Copy, Debug)]
pub enum Token<'a> {
    /// The start of an element.
    Start(Start<'a>),
    /// Text inside the root, references resolved. One text may come in several pieces.
    Text(&'a str),
    /// The text of a CDATA section.
    Cdata(&'a str),
    /// The end of the innermost open element.
    End,
    /// The end of the document.
    Eof,
}

/// The start of an element.
#[derive(Clone, Copy, Debug)]
pub struct Start<'a> {
    name: Name<'a>,
    text: &'a str,
    scratch: &'a str,
    attributes: &'a [Slot],
}

/// An attribute; never a namespace declaration.
#[derive(Clone, Copy, Debug)]
pub struct Attribute<'a> {
    /// Its name; without prefix it is in no namespace.
    pub name: Name<'a>,
    /// Its value, normalised.
    pub value: &'a str,
}

impl<'a> Start<'a> {
    /// The element's name.
    #[inline]
    pub fn name(&self) -> Name<'a> {
        self.name
    }

    /// Its attributes as written, one after the other.
    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'a>> + use<'a> {
        let Start { text, scratch, attributes, .. } = *self;
        attributes.iter().map(move |slot| Attribute {
            name: Name { namespace: slot.namespace, local: &text[slot.local.clone()] },
            value: slot.value(text, scratch),
        })
    }
}

/// Where an attribute lies in the window; its value in the scratch text when it had to be rewritten.
#[derive(Clone, Debug)]
struct Slot {
    raw: Range<usize>,
    local: Range<usize>,
    value: Range<usize>,
    rewritten: bool,
    namespace: Namespace,
    uri: Range<usize>,
}

impl Slot {
    fn value<'a>(&self, text: &'a str, scratch: &'a str) -> &'a str {
        let whole = if self.rewritten { scratch } else { text };
        &whole[self.value.clone()]
    }
}

/// An open element: where its name begins in `open`, and how many bindings were in force before it.
struct Frame {
    name: usize,
    bindings: usize,
}

/// A prefix (empty: the default) and its namespace; the texts lie in `bound`.
struct Binding {
    prefix: Range<usize>,
    uri: Range<usize>,
    namespace: Namespace,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Start,
    Prolog,
    Root,
    Epilog,
}

/// What a step found; the text of `Plain` lies in the window, that of `Rewritten` in the scratch text.
enum Step {
    Start { local: Range<usize>, namespace: Namespace },
    Plain(Range<usize>),
    Rewritten,
    Cdata(Range<usize>),
    RewrittenCdata,
    End,
    Eof,
}

/// What is seen of a leaf's text.
enum Leaf {
    /// All of it, and the end tag.
    Plain(Range<usize>),
    /// Not all of it yet.
    Cut,
    /// Something else than plain text.
    Pieced,
}

/// A document being read.
pub struct Reader<R> {
    window: Window<R>,
    limits: Limits,
    known: &'static [&'static str],
    phase: Phase,
    /// The names of the open elements, as written, one behind the other.
    open: String,
    frames: Vec<Frame>,
    bound: String,
    bindings: Vec<Binding>,
    /// How tags in a known namespace begin where only the root declares namespaces: `<swift:`; empty when the root
    /// does not declare it.
    leads: Vec<String>,
    /// How many bindings are in force there.
    root_bindings: usize,
    attributes: Vec<Slot>,
    scratch: String,
    /// The last start tag was an empty element's: its end is due.
    end_due: bool,
    /// Where the text taken in last lies in the window; `None`: it is the scratch text.
    taken: Option<Range<usize>>,
    /// Where the last token began, for errors of those who judge it.
    mark: usize,
    /// Nothing but errors from now on. A cell, because an error is made while what it judges is still borrowed.
    failed: Cell<bool>,
}

impl<R: BufRead> Reader<R> {
    /// Reads `input`. Names in one of the `known` namespaces are told by its place in that list (at most 255).
    pub fn new(input: R, limits: Limits, known: &'static [&'static str]) -> Reader<R> {
        Reader {
            window: Window::new(input, &limits),
            limits,
            known,
            phase: Phase::Start,
            open: String::new(),
            frames: Vec::new(),
            bound: ["xml", XML].concat(),
            bindings: vec![Binding { prefix: 0..3, uri: 3..3 + XML.len(), namespace: Namespace::Other }],
            leads: Vec::new(),
            root_bindings: 0,
            attributes: Vec::new(),
            scratch: String::new(),
            end_due: false,
            taken: None,
            mark: 0,
            failed: Cell::new(false),
        }
    }

    /// The next token; after [`Token::Eof`] again that.
    ///
    /// # Errors
    /// [`super::Kind::Malformed`], [`super::Kind::Limit`] or [`super::Kind::Io`]; nothing can be read after one.
    #[expect(
        clippy::should_implement_trait,
        reason = "the token borrows from the reader, so this is no Iterator"
    )]
    pub fn next(&mut self) -> Result<Token<'_>, Error> {
        let step = match self.step() {
            Ok(step) => step,
            Err(fault) => return Err(self.failure(fault)),
        };
        Ok(match step {
            Step::Start { local, namespace } => Token::Start(Start {
                name: Name { namespace, local: &self.window.text[local] },
                text: &self.window.text,
                scratch: &self.scratch,
                attributes: &self.attributes,
            }),
            Step::Plain(range) => Token::Text(&self.window.text[range]),
            Step::Rewritten => Token::Text(&self.scratch),
            Step::Cdata(range) => Token::Cdata(&self.window.text[range]),
            Step::RewrittenCdata => Token::Cdata(&self.scratch),
            Step::End => Token::End,
            Step::Eof => Token::Eof,
        })
    }

    /// Right after a start: takes in the whole text of the element, whose end is then behind us, for
    /// [`Reader::text_taken`]; `false` when an element stands in it. At most [`Limits::token`] bytes.
    ///
    /// # Errors
    /// As [`Reader::next`].
    #[inline]
    pub fn take_text(&mut self) -> Result<bool, Error> {
        loop {
            match self.plain_leaf() {
                Leaf::Plain(range) => {
                    self.taken = Some(range);
                    return Ok(true);
                }
                Leaf::Pieced => return self.pieced_leaf(),
                // Never in pieces only because of how the input arrives: an error has one place.
                Leaf::Cut => match self.window.more() {
                    Ok(true) => {}
                    Ok(false) => return self.pieced_leaf(),
                    Err(fault) => return Err(self.failure(fault)),
                },
            }
        }
    }

    /// The text taken in last.
    #[inline]
    pub fn text_taken(&self) -> &str {
        match &self.taken {
            Some(range) => &self.window.text[range.clone()],
            None => &self.scratch,
        }
    }

    /// How many elements are open.
    pub fn depth(&self) -> usize {
        self.frames.len()
    }

    /// An error at the last token, after which there are only errors: for whoever judges what the tokens say.
    pub(crate) fn error(&self, fault: Fault) -> Error {
        self.failed.set(true);
        self.error_at(self.mark, fault)
    }

    /// The text of a leaf with no markup or reference in it: nearly every one.
    #[inline]
    fn plain_leaf(&mut self) -> Leaf {
        let Some(frame) = self.frames.last().filter(|_| !self.end_due) else { return Leaf::Pieced };
        let name = &self.open.as_bytes()[frame.name..];
        let begin = self.window.at;
        let rest = self.window.rest();
        let Some(length) = rest.iter().position(|b| stops_text(*b)) else { return Leaf::Cut };
        let behind = &rest[length..];
        if behind[0] != b'<' || length > self.limits.token {
            return Leaf::Pieced;
        }
        if behind.len() < name.len() + 3 {
            return Leaf::Cut;
        }
        let closes = behind[1] == b'/' && behind[2..].starts_with(name) && behind[name.len() + 2] == b'>';
        if !closes {
            return Leaf::Pieced;
        }
        self.mark = begin;
        self.window.at = begin + length + name.len() + 3;
        self.close();
        Leaf::Plain(begin..begin + length)
    }

    #[cold]
    fn pieced_leaf(&mut self) -> Result<bool, Error> {
        let mut whole = String::new();
        loop {
            match self.next()? {
                Token::Text(piece) | Token::Cdata(piece) => whole.push_str(piece),
                Token::Start(_) => return Ok(false),
                Token::End | Token::Eof => break,
            }
            if whole.len() > self.limits.token {
                return Err(self.error(Fault::limit("a tag, text or comment is too long")));
            }
        }
        self.scratch = whole;
        self.taken = None;
        Ok(true)
    }

    /// An error at the last text, where what is no white space begins in it.
    pub(super) fn error_in_text(&self, fault: Fault) -> Error {
        self.failed.set(true);
        let text = &self.window.text.as_bytes()[self.mark..];
        self.error_at(self.mark + text.iter().take_while(|b| is_space(**b)).count(), fault)
    }

    /// An error in the token that could not be read.
    #[cold]
    fn failure(&self, fault: Fault) -> Error {
        self.failed.set(true);
        self.error_at(self.window.at, fault)
    }

    #[cold]
    fn error_at(&self, offset: usize, fault: Fault) -> Error {
        let (line, column) = self.window.place(offset);
        Error::new(fault, line, column, self.path())
    }

    fn path(&self) -> String {
        let ends = self.frames.iter().skip(1).map(|f| f.name).chain([self.open.len()]);
        self.frames.iter().zip(ends).flat_map(|(frame, end)| ["/", &self.open[frame.name..end]]).collect()
    }

    #[inline]
    fn step(&mut self) -> Result<Step, Fault> {
        if self.failed.get() {
            return Err(Fault::malformed("the document has failed before"));
        }
        if self.end_due {
            self.end_due = false;
            self.close();
            return Ok(Step::End);
        }
        if self.phase == Phase::Start {
            self.begin()?;
        }
        loop {
            let Some(byte) = self.peek(0)? else { return self.eof() };
            if byte != b'<' {
                if self.phase == Phase::Root {
                    return if byte == b'&' { self.reference() } else { self.text() };
                }
                self.outside()?;
                continue;
            }
            match self.peek(1)? {
                Some(b'/') => return self.end_tag(),
                Some(b'!') => {
                    if let Some(step) = self.bang()? {
                        return Ok(step);
                    }
                }
                Some(b'?') => self.instruction()?,
                _ => return self.start_tag(),
            }
        }
    }

    #[inline]
    fn peek(&mut self, offset: usize) -> Result<Option<u8>, Fault> {
        loop {
            if let Some(byte) = self.window.rest().get(offset) {
                return Ok(Some(*byte));
            }
            if !self.window.more()? {
                return Ok(None);
            }
        }
    }

    /// Brings more of the current token into sight; the document may not end here.
    fn need(&mut self) -> Result<(), Fault> {
        if self.window.more()? { Ok(()) } else { Err(Fault::malformed("the document ends too early")) }
    }

    /// Goes past a token of `length` bytes.
    #[inline]
    fn pass(&mut self, length: usize) -> Result<(), Fault> {
        self.fits(length)?;
        self.mark = self.window.at;
        self.window.at += length;
        Ok(())
    }

    #[inline]
    fn fits(&self, length: usize) -> Result<(), Fault> {
        if length > self.limits.token {
            return Err(Fault::limit("a tag, text or comment is too long"));
        }
        Ok(())
    }

    fn eof(&mut self) -> Result<Step, Fault> {
        match self.phase {
            Phase::Epilog => {
                self.mark = self.window.at;
                Ok(Step::Eof)
            }
            Phase::Root => Err(Fault::malformed("the document ends too early")),
            Phase::Start | Phase::Prolog => Err(Fault::malformed("no root element")),
        }
    }

    /// The byte order mark and the XML declaration.
    fn begin(&mut self) -> Result<(), Fault> {
        self.phase = Phase::Prolog;
        self.peek(0)?;
        if self.window.text.starts_with('\u{FEFF}') {
            self.window.at = '\u{FEFF}'.len_utf8();
        }
        self.peek(5)?;
        let rest = self.window.rest();
        if rest.starts_with(b"<?xml") && rest.get(5).is_some_and(|b| is_space(*b)) {
            let length = self.find(b"?>", 5)? + 2;
            self.fits(length)?;
            declaration(&self.window.text[self.window.at + 5..self.window.at + length - 2])?;
            self.pass(length)?;
        }
        Ok(())
    }

    /// White space before or behind the root.
    fn outside(&mut self) -> Result<(), Fault> {
        let spaces = self.window.rest().iter().take_while(|b| is_space(**b)).count();
        if spaces == 0 {
            return Err(Fault::malformed("text outside the root element"));
        }
        self.window.at += spaces;
        Ok(())
    }

    /// The offset of `what`, looked for from `from`.
    fn find(&mut self, what: &[u8], from: usize) -> Result<usize, Fault> {
        loop {
            let found = self.window.rest().get(from..).and_then(|rest| memmem::find(rest, what));
            match found {
                Some(at) => return Ok(from + at),
                None => self.need()?,
            }
        }
    }

    fn text(&mut self) -> Result<Step, Fault> {
        let mut length = 0;
        let mut returns = false;
        loop {
            let rest = self.window.rest();
            match rest[length..].iter().position(|b| stops_text(*b)) {
                None => {
                    length = rest.len();
                    self.need()?;
                    continue;
                }
                Some(more) => length += more,
            }
            self.fits(length)?;
            match self.window.rest()[length] {
                b'<' | b'&' => break,
                b'\r' => returns = true,
                _ => {
                    self.peek(length + 2)?;
                    if self.window.rest()[length..].starts_with(b"]]>") {
                        return Err(Fault::malformed("`]]>` in text"));
                    }
                }
            }
            length += 1;
        }
        self.pass(length)?;
        let range = self.mark..self.mark + length;
        if !returns {
            return Ok(Step::Plain(range));
        }
        self.rewrite(range);
        Ok(Step::Rewritten)
    }

    /// Takes text with carriage returns into the scratch text: XML reads them as line feeds.
    fn rewrite(&mut self, range: Range<usize>) {
        self.scratch = self.window.text[range].replace("\r\n", "\n").replace('\r', "\n");
    }

    fn reference(&mut self) -> Result<Step, Fault> {
        let length = loop {
            let inside = |b: &u8| b.is_ascii_alphanumeric() || *b == b'#';
            let rest = &self.window.rest()[1..];
            match rest.iter().position(|b| !inside(b)) {
                Some(length) if rest[length] == b';' => break length,
                Some(_) => return Err(Fault::malformed("`&` without a reference")),
                None => self.need()?,
            }
        };
        let from = self.window.at + 1;
        let character = resolve(&self.window.text[from..from + length])?;
        self.pass(length + 2)?;
        self.scratch.clear();
        self.scratch.push(character);
        Ok(Step::Rewritten)
    }

    /// A comment, a CDATA section, or a DTD.
    fn bang(&mut self) -> Result<Option<Step>, Fault> {
        self.peek(8)?;
        let rest = self.window.rest();
        if rest.starts_with(b"<!--") {
            let length = self.find(b"--", 4)?;
            if self.peek(length + 2)? != Some(b'>') {
                return Err(Fault::malformed("`--` in a comment"));
            }
            self.pass(length + 3)?;
            return Ok(None);
        }
        if rest.starts_with(b"<!DOCTYPE") {
            return Err(Fault::malformed("a DTD, which is never accepted"));
        }
        if !rest.starts_with(b"<![CDATA[") || self.phase != Phase::Root {
            return Err(Fault::malformed("`<!` begins nothing that may stand here"));
        }
        let length = self.find(b"]]>", 9)?;
        self.pass(length + 3)?;
        let range = self.mark + 9..self.mark + length;
        let returns = self.window.text[range.clone()].contains('\r');
        if !returns {
            return Ok(Some(Step::Cdata(range)));
        }
        self.rewrite(range);
        Ok(Some(Step::RewrittenCdata))
    }

    fn instruction(&mut self) -> Result<(), Fault> {
        let length = self.find(b"?>", 2)?;
        self.fits(length)?;
        let content = &self.window.text[self.window.at + 2..self.window.at + length];
        let target = content.split([' ', '\t', '\r', '\n']).next().unwrap_or(content);
        if target.bytes().any(|b| !is_name_byte(b)) || !is_ncname(target) || target.contains(':') {
            return Err(Fault::malformed("a processing instruction without a proper name"));
        }
        if target.eq_ignore_ascii_case("xml") {
            return Err(Fault::malformed("an XML declaration that is not at the very beginning"));
        }
        self.pass(length + 2)
    }

    #[inline]
    fn end_tag(&mut self) -> Result<Step, Fault> {
        let Some(frame) = self.frames.last() else {
            return Err(Fault::malformed("an end tag with nothing open"));
        };
        let name = frame.name;
        loop {
            let name = &self.open.as_bytes()[name..];
            let rest = &self.window.rest()[2..];
            if rest.len() > name.len() {
                let Some(behind) = rest.strip_prefix(name) else { return Err(mismatch()) };
                let spaces = behind.iter().take_while(|b| is_space(**b)).count();
                match behind.get(spaces) {
                    Some(b'>') => {
                        let length = name.len() + spaces + 3;
                        self.pass(length)?;
                        self.close();
                        return Ok(Step::End);
                    }
                    Some(_) => return Err(mismatch()),
                    None => {}
                }
            }
            self.need()?;
        }
    }

    #[inline]
    fn close(&mut self) {
        if let Some(frame) = self.frames.pop() {
            self.open.truncate(frame.name);
            if self.bindings.len() > frame.bindings {
                self.bound.truncate(self.bindings[frame.bindings].prefix.start);
                self.bindings.truncate(frame.bindings);
            }
            if self.frames.is_empty() {
                self.phase = Phase::Epilog;
            }
        }
    }

    #[inline]
    fn start_tag(&mut self) -> Result<Step, Fault> {
        if self.phase == Phase::Epilog {
            return Err(Fault::malformed("a second root element"));
        }
        let name_end = loop {
            let rest = self.window.rest();
            match rest[1..].iter().position(|b| !is_name_byte(*b)) {
                Some(length) => break length + 1,
                None => self.need()?,
            }
        };
        let plain = self.window.rest()[name_end] == b'>';
        let length = if plain { name_end + 1 } else { self.tag_length(name_end)? };
        self.fits(length)?;
        let at = self.window.at;
        let raw = at + 1..at + name_end;
        let local = self.split(raw.clone())?;
        self.open_element(raw.clone())?;
        self.attributes.clear();
        if !plain {
            self.read_attributes(raw.end, at + length - 1)?;
        }
        if self.frames.len() == 1 {
            self.learn_leads();
        }
        let namespace = self.namespace_of(raw, local.start)?;
        self.pass(length)?;
        Ok(Step::Start { local, namespace })
    }

    fn learn_leads(&mut self) {
        self.root_bindings = self.bindings.len();
        self.leads = vec![String::new(); self.known.len()];
        for binding in &self.bindings {
            if let Namespace::Known(place) = binding.namespace {
                let prefix = &self.bound[binding.prefix.clone()];
                let colon = if prefix.is_empty() { "" } else { ":" };
                self.leads[usize::from(place)] = ["<", prefix, colon].concat();
            }
        }
    }

    /// Goes past white space between elements, as far as it is in sight. Only a short cut.
    #[inline]
    pub(super) fn skip_space(&mut self) {
        if self.end_due || self.phase != Phase::Root {
            return;
        }
        let rest = self.window.rest();
        let spaces = rest.iter().take_while(|b| is_space(**b)).count();
        // Only when what follows is in sight: white space is a token as well, and may not be too long.
        if spaces < rest.len() && spaces < self.limits.token {
            self.window.at += spaces;
        }
    }

    /// Whether the start tag of that name stands here, whole, without attributes and written as the root's
    /// declarations suggest. A `false` says nothing.
    #[inline]
    pub(super) fn is_at(&self, namespace: u8, local: &str) -> bool {
        let Some(lead) = self.leads.get(usize::from(namespace)) else { return false };
        let rest = self.window.rest();
        let length = lead.len() + local.len();
        rest.len() > length
            && rest[length] == b'>'
            && rest[lead.len()..length] == *local.as_bytes()
            && rest[..lead.len()] == *lead.as_bytes()
            && !lead.is_empty()
            && self.root_bindings == self.bindings.len()
            && !self.end_due
            && !self.failed.get()
            && self.frames.len() < self.limits.depth
    }

    /// Goes past the start tag that [`Reader::is_at`] has seen.
    #[inline]
    pub(super) fn enter(&mut self, namespace: u8, local: &str) {
        let length = self.leads[usize::from(namespace)].len() + local.len();
        self.mark = self.window.at;
        self.frames.push(Frame { name: self.open.len(), bindings: self.bindings.len() });
        self.open.push_str(&self.window.text[self.mark + 1..self.mark + length]);
        self.attributes.clear();
        self.window.at += length + 1;
    }

    /// Takes in the element whose start tag [`Reader::is_at`] has seen, if it is whole in sight and holds nothing but
    /// plain text; as [`Reader::take_text`].
    #[inline]
    pub(super) fn take_leaf(&mut self, namespace: u8, local: &str) -> bool {
        let lead = &self.leads[usize::from(namespace)].as_bytes()[1..];
        let rest = self.window.rest();
        let from = lead.len() + local.len() + 2;
        let Some(length) = rest[from..].iter().position(|b| stops_text(*b)) else { return false };
        let end = [b"</", lead, local.as_bytes(), b">"];
        let mut at = from + length;
        for piece in end {
            if rest.get(at..at + piece.len()) != Some(piece) {
                return false;
            }
            at += piece.len();
        }
        if length > self.limits.token {
            return false;
        }
        self.mark = self.window.at + from;
        self.taken = Some(self.mark..self.mark + length);
        self.window.at += at;
        true
    }

    fn open_element(&mut self, raw: Range<usize>) -> Result<(), Fault> {
        if self.frames.len() >= self.limits.depth {
            return Err(Fault::limit("elements are nested too deep"));
        }
        self.phase = Phase::Root;
        self.frames.push(Frame { name: self.open.len(), bindings: self.bindings.len() });
        self.open.push_str(&self.window.text[raw]);
        Ok(())
    }

    /// How long a tag is that does not end with its name; `>` in quotes does not end it.
    fn tag_length(&mut self, name_end: usize) -> Result<usize, Fault> {
        let mut length = name_end;
        let mut quote = None;
        loop {
            let Some(byte) = self.window.rest().get(length).copied() else {
                self.need()?;
                continue;
            };
            length += 1;
            match (quote, byte) {
                (_, b'<') => return Err(Fault::malformed("`<` in a tag")),
                (None, b'>') => return Ok(length),
                (None, b'"' | b'\'') => quote = Some(byte),
                (Some(open), byte) if open == byte => quote = None,
                _ => {}
            }
        }
    }

    /// Checks a name as written; gives its local part.
    #[inline]
    fn split(&self, raw: Range<usize>) -> Result<Range<usize>, Fault> {
        let name = &self.window.text[raw.clone()];
        let (prefix, local) = match name.split_once(':') {
            Some((prefix, local)) => (Some(prefix), local),
            None => (None, name),
        };
        if !prefix.is_none_or(is_ncname) || !is_ncname(local) || local.contains(':') {
            return Err(Fault::malformed("not a name"));
        }
        Ok(raw.end - local.len()..raw.end)
    }

    /// The namespace of an element's name as written whose local part begins at `local`.
    #[inline]
    fn namespace_of(&self, raw: Range<usize>, local: usize) -> Result<Namespace, Fault> {
        let prefix = if raw.start == local { "" } else { &self.window.text[raw.start..local - 1] };
        match self.binding(prefix) {
            Some(binding) => Ok(binding.namespace),
            None if prefix.is_empty() => Ok(Namespace::None),
            None => Err(unbound()),
        }
    }

    fn read_attributes(&mut self, from: usize, to: usize) -> Result<(), Fault> {
        self.scratch.clear();
        let mut at = from;
        loop {
            let spaces = self.count(at..to, is_space);
            at += spaces;
            if at == to {
                break;
            }
            if self.window.text.as_bytes()[at] == b'/' && at + 1 == to {
                self.end_due = true;
                break;
            }
            if spaces == 0 {
                return Err(Fault::malformed("no white space before an attribute"));
            }
            at = self.read_attribute(at, to)?;
            if self.attributes.len() > self.limits.attributes {
                return Err(Fault::limit("too many attributes on one element"));
            }
        }
        if self.attributes.len() > 1 {
            let text = &self.window.text;
            self.no_attribute_twice(|a, b| text[a.raw.clone()] == text[b.raw.clone()])?;
        }
        self.bind()?;
        self.resolve_attributes()
    }

    fn count(&self, range: Range<usize>, of: impl Fn(u8) -> bool) -> usize {
        self.window.text.as_bytes()[range].iter().take_while(|b| of(**b)).count()
    }

    /// One attribute from `at`; gives where it ends.
    fn read_attribute(&mut self, at: usize, to: usize) -> Result<usize, Fault> {
        let name_end = at + self.count(at..to, is_name_byte);
        let local = self.split(at..name_end)?;
        let equals = name_end + self.count(name_end..to, is_space);
        let bytes = self.window.text.as_bytes();
        if bytes[equals] != b'=' {
            return Err(Fault::malformed("an attribute without a value"));
        }
        let open = equals + 1 + self.count(equals + 1..to, is_space);
        let quote = self.window.text.as_bytes()[open];
        if quote != b'"' && quote != b'\'' {
            return Err(Fault::malformed("an attribute's value without quotes"));
        }
        let close = open + 1 + self.count(open + 1..to, |b| b != quote);
        if close == to {
            return Err(Fault::malformed("an attribute's value without quotes"));
        }
        let (value, rewritten) = self.attribute_value(open + 1..close)?;
        let raw = at..name_end;
        self.attributes.push(Slot { raw, local, value, rewritten, namespace: Namespace::None, uri: 0..0 });
        Ok(close + 1)
    }

    /// Resolves references and white space; most values need neither.
    fn attribute_value(&mut self, range: Range<usize>) -> Result<(Range<usize>, bool), Fault> {
        let value = &self.window.text[range.clone()];
        if !value.contains(['&', '\t', '\n', '\r']) {
            return Ok((range, false));
        }
        let from = self.scratch.len();
        let mut rest = value;
        while let Some(at) = rest.find(['&', '\t', '\n', '\r']) {
            self.scratch.push_str(&rest[..at]);
            let behind = &rest[at..];
            let reference = behind.strip_prefix('&');
            rest = match reference {
                Some(reference) => {
                    let (name, behind) =
                        reference.split_once(';').ok_or(Fault::malformed("`&` without a reference"))?;
                    self.scratch.push(resolve(name)?);
                    behind
                }
                None => {
                    self.scratch.push(' ');
                    behind.strip_prefix("\r\n").unwrap_or(&behind[1..])
                }
            };
        }
        self.scratch.push_str(rest);
        Ok((from..self.scratch.len(), true))
    }

    /// No attribute may stand twice on an element, neither as written nor once its prefix is resolved.
    fn no_attribute_twice(&self, same: impl Fn(&Slot, &Slot) -> bool) -> Result<(), Fault> {
        for (count, slot) in self.attributes.iter().enumerate() {
            if self.attributes[..count].iter().any(|other| same(slot, other)) {
                return Err(Fault::malformed("an attribute stands twice"));
            }
        }
        Ok(())
    }

    /// Takes the namespace declarations out of the attributes and puts them in force.
    fn bind(&mut self) -> Result<(), Fault> {
        let Reader { window, attributes, scratch, bound, bindings, known, .. } = self;
        let text = window.text.as_str();
        let mut fault = None;
        attributes.retain(|slot| {
            let prefix = match &text[slot.raw.clone()] {
                "xmlns" => "",
                raw if raw.starts_with("xmlns:") => &text[slot.local.clone()],
                _ => return true,
            };
            let uri = slot.value(text, scratch);
            if let Err(found) = declaration_is_lawful(prefix, uri) {
                fault = Some(found);
            }
            let start = bound.len();
            bound.extend([prefix, uri]);
            let middle = start + prefix.len();
            let namespace = namespace_named(uri, known);
            bindings.push(Binding { prefix: start..middle, uri: middle..bound.len(), namespace });
            false
        });
        if self.bindings.len() > self.limits.attributes {
            fault = Some(Fault::limit("too many namespace declarations"));
        }
        fault.map_or(Ok(()), Err)
    }

    fn resolve_attributes(&mut self) -> Result<(), Fault> {
        for place in 0..self.attributes.len() {
            let Slot { raw, local, .. } = &self.attributes[place];
            if raw.start == local.start {
                continue;
            }
            let binding = self.binding(&self.window.text[raw.start..local.start - 1]).ok_or_else(unbound)?;
            let (namespace, uri) = (binding.namespace, binding.uri.clone());
            self.attributes[place].namespace = namespace;
            self.attributes[place].uri = uri;
        }
        if self.attributes.len() < 2 {
            return Ok(());
        }
        let text = &self.window.text;
        self.no_attribute_twice(|a, b| {
            text[a.local.clone()] == text[b.local.clone()]
                && self.bound[a.uri.clone()] == self.bound[b.uri.clone()]
        })
    }

    #[inline]
    fn binding(&self, prefix: &str) -> Option<&Binding> {
        let bound = self.bound.as_bytes();
        self.bindings.iter().rev().find(|binding| bound[binding.prefix.clone()] == *prefix.as_bytes())
    }
}

fn mismatch() -> Fault {
    Fault::malformed("an end tag that does not close the open element")
}

fn unbound() -> Fault {
    Fault::malformed("a prefix that is bound to no namespace")
}

fn namespace_named(uri: &str, known: &[&str]) -> Namespace {
    match known.iter().zip(0..).find(|(name, _)| **name == uri) {
        Some((_, place)) => Namespace::Known(place),
        None if uri.is_empty() => Namespace::None,
        None if uri == INSTANCE => Namespace::Instance,
        None => Namespace::Other,
    }
}

/// Namespaces in XML 1.0, section 3: what `xml` and `xmlns` may be bound to, and that a prefix is never unbound.
fn declaration_is_lawful(prefix: &str, uri: &str) -> Result<(), Fault> {
    let reserved = prefix == "xmlns" || uri == XMLNS || (prefix == "xml") != (uri == XML);
    if reserved || (uri.is_empty() && !prefix.is_empty()) {
        return Err(Fault::malformed("a namespace declaration that XML forbids"));
    }
    Ok(())
}

/// The character a reference stands for: one of the five, or a number.
fn resolve(name: &str) -> Result<char, Fault> {
    let digits = match name {
        "lt" => return Ok('<'),
        "gt" => return Ok('>'),
        "amp" => return Ok('&'),
        "quot" => return Ok('"'),
        "apos" => return Ok('\''),
        _ => name.strip_prefix('#').ok_or(Fault::malformed("an entity that is not one of XML's own five"))?,
    };
    let (digits, radix) = match digits.strip_prefix('x') {
        Some(digits) => (digits, 16),
        None => (digits, 10),
    };
    // The standard library would also take a sign.
    let number =
        digits.bytes().all(|b| b.is_ascii_alphanumeric()).then(|| u32::from_str_radix(digits, radix));
    number
        .and_then(Result::ok)
        .and_then(char::from_u32)
        .filter(|c| is_character(*c))
        .ok_or(Fault::malformed("a reference to no character"))
}

/// What stands between `<?xml` and `?>`: version 1.0, perhaps the encoding, perhaps standalone, in that order.
fn declaration(text: &str) -> Result<(), Fault> {
    let improper = || Fault::malformed("an XML declaration out of form");
    let (version, rest) = pseudo_attribute(text, "version").ok_or_else(improper)?;
    if version != "1.0" {
        return Err(Fault::malformed("another version of XML than 1.0"));
    }
    let rest = match pseudo_attribute(rest, "encoding") {
        Some((encoding, rest)) if encoding.eq_ignore_ascii_case("utf-8") => rest,
        Some(_) => return Err(Fault::malformed("another encoding than UTF-8 is declared")),
        None => rest,
    };
    let rest = match pseudo_attribute(rest, "standalone") {
        Some(("yes" | "no", rest)) => rest,
        Some(_) => return Err(improper()),
        None => rest,
    };
    if rest.bytes().all(is_space) { Ok(()) } else { Err(improper()) }
}

/// ` name = "value"` off the front of `text`, white space before it included.
fn pseudo_attribute<'a>(text: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
    let space = |c: char| c.is_ascii() && is_space(c as u8);
    let inner = text.trim_start_matches(space);
    if inner.len() == text.len() {
        return None;
    }
    let value =
        inner.strip_prefix(name)?.trim_start_matches(space).strip_prefix('=')?.trim_start_matches(space);
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    value[1..].split_once(quote)
}
