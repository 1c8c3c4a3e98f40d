//! Bodies: what an entry commits to and can later disclose, withhold or erase, field by field
//! (docs/spec/body.md, parts 1 to 4).

mod commit;
mod disclosure;
mod fields;
mod json_form;
mod merkle;
mod plaintext;

pub use commit::{Body, Commitment};
pub use disclosure::{Disclosed, Disclosure, Leaf, RootError};
pub use fields::{Field, FlattenError, PATH_BYTES_MAX, RebuildError, flatten, rebuild};
pub use json_form::FormError;
pub use merkle::merkle_root;
pub use plaintext::PlaintextError;
pub(crate) use plaintext::value_of;

#[cfg(test)]
mod tests;
