//! Content models as tables, and the walker that holds a document against one.
//!
//! A table says of each element its children in order, how often each may come, and the form of its text: what an
//! XSD says of it. The walker tells what it meets by the table's own labels, so that a format's reader is one
//! `match` over labels and never compares a name.

use std::io::BufRead;
use std::ops::Range;

use super::{Error, Fault, Kind, Limits, Name, Namespace, Reader, Start, Token};

/// The form of a text.
#[derive(Debug)]
pub struct Text {
    /// The form in words, for errors.
    pub rule: &'static str,
    /// White space around it does not count.
    pub trim: bool,
    /// Least and most characters.
    pub length: (usize, usize),
    /// What else holds of it.
    pub form: fn(&str) -> bool,
}

/// An attribute an element may have.
#[derive(Debug)]
pub struct Expected<F: 'static> {
    /// Place of its namespace in the reader's list; `None` for no namespace.
    pub namespace: Option<u8>,
    /// Its local name.
    pub local: &'static str,
    /// The form of its value.
    pub text: &'static Text,
    /// Its label.
    pub label: F,
}

/// What stands in an element.
#[derive(Debug)]
pub enum Content<F: 'static> {
    /// Elements, in order.
    Children(&'static [Child<F>]),
    /// Text, and no element.
    Text(&'static Text),
    /// Anything, which is passed over: told as a value without text.
    Anything,
}

/// One place in a sequence of children.
#[derive(Debug)]
pub struct Child<F: 'static> {
    /// Place of its namespace in the reader's list.
    pub namespace: u8,
    /// Its local name.
    pub local: &'static str,
    /// How often it comes at least and at most. Of a choice the first one's numbers count.
    pub times: (u32, u32),
    /// It may stand instead of the one before it.
    pub instead: bool,
    /// Its attributes, all of them required.
    pub attributes: &'static [Expected<F>],
    /// Attributes it may also have.
    pub extra: &'static [Expected<F>],
    /// What stands in it.
    pub content: Content<F>,
    /// Its label.
    pub label: F,
}

impl<F: Copy> Child<F> {
    /// An element with text, once.
    pub const fn text(namespace: u8, local: &'static str, text: &'static Text, label: F) -> Child<F> {
        let content = Content::Text(text);
        Child { namespace, local, times: (1, 1), instead: false, attributes: &[], extra: &[], content, label }
    }
    /// An element with elements, once.
    pub const fn parent(
        namespace: u8,
        local: &'static str,
        children: &'static [Child<F>],
        label: F,
    ) -> Child<F> {
        let content = Content::Children(children);
        Child { namespace, local, times: (1, 1), instead: false, attributes: &[], extra: &[], content, label }
    }
    /// Any one element, passed over: of a namespace that is neither this one nor none; of [`UNQUALIFIED`], any
    /// without namespace.
    pub const fn any(namespace: u8, label: F) -> Child<F> {
        let content = Content::Anything;
        Child {
            namespace,
            local: ANY,
            times: (1, 1),
            instead: false,
            attributes: &[],
            extra: &[],
            content,
            label,
        }
    }
    /// The same, `least` to `most` times.
    pub const fn times(mut self, least: u32, most: u32) -> Child<F> {
        self.times = (least, most);
        self
    }
    /// The same, once or not at all.
    pub const fn optional(self) -> Child<F> {
        self.times(0, 1)
    }
    /// The same, instead of the child before it.
    pub const fn or(mut self) -> Child<F> {
        self.instead = true;
        self
    }
    /// The same, with attributes.
    pub const fn with(mut self, attributes: &'static [Expected<F>]) -> Child<F> {
        self.attributes = attributes;
        self
    }

    /// The same, with attributes that may be there.
    pub const fn with_optional(mut self, extra: &'static [Expected<F>]) -> Child<F> {
        self.extra = extra;
        self
    }

    fn is(&self, name: Name<'_>) -> bool {
        let own = match self.namespace {
            UNQUALIFIED => Namespace::None,
            place => Namespace::Known(place),
        };
        match self.local {
            ANY if own != Namespace::None => name.namespace != own && name.namespace != Namespace::None,
            ANY => name.namespace == own,
            local => name.namespace == own && name.local == local,
        }
    }
}

/// Instead of a namespace's place: elements in none.
pub const UNQUALIFIED: u8 = u8::MAX;

/// Stands for the local name of [`Child::any`]; no element can be called so.
const ANY: &str = "*";

/// What is done with an element whose local name stands nowhere in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// It is passed over, with all in it, and counted.
    Count,
    /// It is a fault.
    Refuse,
}

/// What the walker met, by the table's labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node<'a, F> {
    /// An element with elements begins; its attributes follow.
    Open(F),
    /// An attribute of the element just opened or of the value to come.
    Attribute(F, &'a str),
    /// An element with text, whole; or one that was passed over, without its text.
    Value(F, &'a str),
    /// An element with elements ends, and nothing is missing in it.
    Close(F),
}

struct Frame<F: 'static> {
    children: &'static [Child<F>],
    /// The place in `children` reached, and how often its element has come.
    at: usize,
    count: u32,
    label: F,
}

impl<F: Copy> Frame<F> {
    /// The choice that begins at a place: that child and those that may stand instead of it.
    #[inline]
    fn choice(&self, at: usize) -> &'static [Child<F>] {
        let alternatives = self.children[at + 1..].iter().take_while(|child| child.instead).count();
        &self.children[at..=at + alternatives]
    }

    /// Goes on to the child that is the one, if it may come now.
    #[inline]
    fn go_to(&mut self, is: impl Fn(&Child<F>) -> bool) -> Result<&'static Child<F>, Misfit> {
        let (mut at, mut count) = (self.at, self.count);
        while at < self.children.len() {
            let choice = self.choice(at);
            let (least, most) = choice[0].times;
            if let Some(child) = choice.iter().find(|child| is(child)) {
                if count == most {
                    return Err(Misfit::TooOften(child.local));
                }
                (self.at, self.count) = (at, count + 1);
                return Ok(child);
            }
            if count < least {
                return Err(Misfit::Missing(choice[0].local));
            }
            (at, count) = (at + choice.len(), 0);
        }
        Err(Misfit::Elsewhere)
    }

    /// Whether nothing is missing.
    #[inline]
    fn is_complete(&self) -> Result<(), Fault> {
        let (mut at, mut count) = (self.at, self.count);
        while at < self.children.len() {
            let choice = self.choice(at);
            if count < choice[0].times.0 {
                return Err(structure(format!("`{}` is missing", choice[0].local)));
            }
            (at, count) = (at + choice.len(), 0);
        }
        Ok(())
    }
}

/// Why a child does not fit.
enum Misfit {
    TooOften(&'static str),
    Missing(&'static str),
    Elsewhere,
}

impl From<Misfit> for Fault {
    fn from(misfit: Misfit) -> Fault {
        match misfit {
            Misfit::TooOften(local) => structure(format!("`{local}` comes too often")),
            Misfit::Missing(local) => structure(format!("`{local}` is missing")),
            Misfit::Elsewhere => structure("an element that may not stand here"),
        }
    }
}

fn structure(rule: impl Into<std::borrow::Cow<'static, str>>) -> Fault {
    Fault::new(Kind::Structure, rule)
}

/// How far a document has come through its table.
struct Progress<F: 'static> {
    /// The first frame holds the roots.
    frames: Vec<Frame<F>>,
    /// Attributes of the last start which are still to be told, and their values.
    attributes: Vec<(F, Range<usize>)>,
    told: usize,
    values: String,
}

impl<F: Copy> Progress<F> {
    #[inline]
    fn start(&mut self, start: &Start<'_>) -> Result<&'static Child<F>, Fault> {
        let roots_only = self.frames.len() == 1;
        let Some(frame) = self.frames.last_mut() else { return Err(structure("nothing may stand here")) };
        let child =
            frame.go_to(|child| child.is(start.name())).map_err(|misfit| match start.name().namespace {
                Namespace::Known(0) if roots_only => {
                    Fault::new(Kind::UnknownMessage, "a message that is not known here")
                }
                _ if roots_only => structure("the root element is in another namespace"),
                _ => misfit.into(),
            })?;
        self.attributes(start, child)?;
        if let Content::Children(children) = child.content {
            self.frames.push(Frame { children, at: 0, count: 0, label: child.label });
        }
        Ok(child)
    }

    /// Every required attribute is there; each has its form; and no other is there but `xsi:schemaLocation`.
    #[inline]
    fn attributes(&mut self, start: &Start<'_>, child: &'static Child<F>) -> Result<(), Fault> {
        self.attributes.clear();
        self.told = 0;
        self.values.clear();
        if matches!(child.content, Content::Anything) {
            return Ok(());
        }
        let mut required = child.attributes.len();
        for attribute in start.attributes() {
            let Name { namespace, local } = attribute.name;
            if namespace == Namespace::Instance
                && matches!(local, "schemaLocation" | "noNamespaceSchemaLocation")
            {
                continue;
            }
            let is = |expected: &&Expected<F>| expected.is(attribute.name);
            let demanded = child.attributes.iter().find(is);
            required -= usize::from(demanded.is_some());
            let Some(expected) = demanded.or_else(|| child.extra.iter().find(is)) else {
                return Err(structure("an attribute that may not stand here"));
            };
            let value = expected.text.checked(expected.local, attribute.value)?;
            let from = self.values.len();
            self.values.push_str(value);
            self.attributes.push((expected.label, from..self.values.len()));
        }
        if required > 0 {
            return Err(structure("an attribute is missing"));
        }
        Ok(())
    }

    #[inline]
    fn end(&mut self) -> Result<Option<F>, Fault> {
        let Some(frame) = self.frames.pop() else { return Ok(None) };
        frame.is_complete()?;
        Ok(Some(frame.label))
    }
}

impl<F> Expected<F> {
    fn is(&self, name: Name<'_>) -> bool {
        let namespace = self.namespace.map_or(Namespace::None, Namespace::Known);
        name.namespace == namespace && name.local == self.local
    }
}

impl Text {
    /// The value as it counts, if it has the form.
    #[inline]
    fn checked<'a>(&self, local: &str, value: &'a str) -> Result<&'a str, Fault> {
        let value = if self.trim { value.trim_matches([' ', '\t', '\n', '\r']) } else { value };
        let (least, most) = self.length;
        // Characters are at most as many as bytes: nearly every text is counted no further.
        let fits = value.len() >= least && (value.len() <= most || value.chars().count() <= most);
        let fits = fits && (least < 2 || value.chars().count() >= least);
        if fits && (self.form)(value) {
            return Ok(value);
        }
        Err(Fault::new(Kind::Value, format!("`{local}` must be {}", self.rule)))
    }
}

/// Holds a document against a table.
pub struct Walker<R, F: 'static> {
    xml: Reader<R>,
    progress: Progress<F>,
    roots: &'static [Child<F>],
    unknown: Unknown,
    unknown_count: u64,
    /// Every local name in the table, sorted; made when the first stranger is met.
    vocabulary: Vec<&'static str>,
    /// An element with text has begun.
    leaf: Option<&'static Child<F>>,
}

impl<R: BufRead, F: Copy> Walker<R, F> {
    /// Walks through `input`, whose root must be one of `roots` (each [`Child::or`] but the first). `known` are
    /// the namespaces the table's numbers mean; an unknown root in the first of them is [`Kind::UnknownMessage`].
    pub fn new(
        input: R,
        limits: Limits,
        known: &'static [&'static str],
        roots: &'static [Child<F>],
        unknown: Unknown,
    ) -> Walker<R, F> {
        let frames = roots.first().map(|root| Frame { children: roots, at: 0, count: 0, label: root.label });
        Walker {
            xml: Reader::new(input, limits, known),
            progress: Progress {
                frames: frames.into_iter().collect(),
                attributes: Vec::new(),
                told: 0,
                values: String::new(),
            },
            roots,
            unknown,
            unknown_count: 0,
            vocabulary: Vec::new(),
            leaf: None,
        }
    }

    /// How many elements were passed over as unknown, those inside them not counted.
    pub fn unknown_count(&self) -> u64 {
        self.unknown_count
    }

    /// An error at the last thing met, after which there are only errors.
    pub(crate) fn error(&self, fault: Fault) -> Error {
        self.xml.error(fault)
    }

    /// The next thing met; `None` at the end of the document.
    ///
    /// # Errors
    /// Any [`Kind`] but `Rule`; nothing can be read after one.
    #[expect(
        clippy::should_implement_trait,
        reason = "what is met borrows from the walker, so this is no Iterator"
    )]
    #[inline]
    pub fn next(&mut self) -> Result<Option<Node<'_, F>>, Error> {
        loop {
            if self.progress.told < self.progress.attributes.len() {
                let (label, value) = self.progress.attributes[self.progress.told].clone();
                self.progress.told += 1;
                return Ok(Some(Node::Attribute(label, &self.progress.values[value])));
            }
            if let Some(child) = self.leaf.take() {
                return self.value(child, false).map(Some);
            }
            if let Some(child) = self.short_cut() {
                return match child.content {
                    Content::Text(_) => self.value(child, true).map(Some),
                    Content::Children(_) | Content::Anything => Ok(Some(Node::Open(child.label))),
                };
            }
            let Walker { xml, progress, roots, unknown, vocabulary, .. } = self;
            let begun = match xml.next()? {
                Token::Start(start) => match progress.start(&start) {
                    Err(_)
                        if *unknown == Unknown::Count
                            && is_stranger(start.name(), roots, vocabulary, progress) =>
                    {
                        Ok(None)
                    }
                    begun => begun.map(Some),
                },
                Token::Text(text) if is_blank(text) => continue,
                // A CDATA section never counts as white space, even an empty one; so says xmllint too.
                Token::Text(_) | Token::Cdata(_) => {
                    return Err(xml.error_in_text(structure("text where only elements may stand")));
                }
                Token::End => match progress.end() {
                    Ok(label) => return Ok(label.map(Node::Close)),
                    Err(fault) => Err(fault),
                },
                Token::Eof => return Ok(None),
            };
            match begun {
                Ok(Some(child)) => match child.content {
                    Content::Children(_) => return Ok(Some(Node::Open(child.label))),
                    Content::Text(_) => self.leaf = Some(child),
                    Content::Anything => {
                        self.pass_over()?;
                        return Ok(Some(Node::Value(child.label, "")));
                    }
                },
                Ok(None) => {
                    self.unknown_count += 1;
                    self.pass_over()?;
                }
                Err(fault) => return Err(self.xml.error(fault)),
            }
        }
    }

    /// The next child, when its start tag stands here in the plainest of forms, as nearly every one does: found by
    /// what may come instead of by what came. Text is taken in with it. `None` says nothing.
    #[inline]
    fn short_cut(&mut self) -> Option<&'static Child<F>> {
        let Walker { xml, progress, .. } = self;
        xml.skip_space();
        let frame = progress.frames.last_mut()?;
        let (at, count) = (frame.at, frame.count);
        let here = |child: &Child<F>| child.attributes.is_empty() && xml.is_at(child.namespace, child.local);
        let child = frame.go_to(here).ok()?;
        match child.content {
            Content::Children(children) => {
                xml.enter(child.namespace, child.local);
                progress.frames.push(Frame { children, at: 0, count: 0, label: child.label });
            }
            Content::Text(_) if xml.take_leaf(child.namespace, child.local) => {}
            Content::Text(_) | Content::Anything => {
                // Not so plain after all.
                (frame.at, frame.count) = (at, count);
                return None;
            }
        }
        Some(child)
    }

    #[inline]
    fn value(&mut self, child: &'static Child<F>, taken: bool) -> Result<Node<'_, F>, Error> {
        let Content::Text(text) = child.content else {
            return Err(self.xml.error(structure("an element without text")));
        };
        if !taken && !self.xml.take_text()? {
            return Err(self.xml.error(structure(format!("no element may stand in `{}`", child.local))));
        }
        match text.checked(child.local, self.xml.text_taken()) {
            Ok(value) => Ok(Node::Value(child.label, value)),
            Err(fault) => Err(self.xml.error(fault)),
        }
    }

    /// Reads to the end of the element just begun.
    fn pass_over(&mut self) -> Result<(), Error> {
        let outside = self.xml.depth() - 1;
        while self.xml.depth() > outside {
            self.xml.next()?;
        }
        Ok(())
    }
}

fn is_blank(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r'))
}

/// Whether a name stands nowhere in the table. A known name in another namespace is no stranger but a fault: what
/// it holds would be lost. Nor is a root ever one: it says what the document is.
fn is_stranger<F>(
    name: Name<'_>,
    roots: &'static [Child<F>],
    vocabulary: &mut Vec<&'static str>,
    progress: &Progress<F>,
) -> bool {
    if progress.frames.len() < 2 {
        return false;
    }
    if vocabulary.is_empty() {
        gather(roots, vocabulary);
        vocabulary.sort_unstable();
        vocabulary.dedup();
    }
    vocabulary.binary_search(&name.local).is_err()
}

fn gather<F>(children: &'static [Child<F>], names: &mut Vec<&'static str>) {
    for child in children {
        names.push(child.local);
        if let Content::Children(children) = child.content {
            gather(children, names);
        }
    }
}
