//! G68 as a whole: the example of the specification, its negative table, fixtures, properties.

mod example;
mod fixtures;
mod layouts;
mod negative;
mod properties;
mod support;
