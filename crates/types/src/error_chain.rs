//! An error and its causes as one line of text.

use std::error::Error;

/// An error and its causes in one line. A cause whose text an earlier one already contains is not repeated.
///
/// ```
/// use streamface_types::error_chain;
///
/// let cause = std::io::Error::other("the disk is full");
/// let error = std::io::Error::other(format!("x.npy: {cause}"));
/// assert_eq!(error_chain([&error as &dyn std::error::Error, &cause]), "x.npy: the disk is full");
/// assert_eq!(error_chain([&cause as &dyn std::error::Error, &error]), "the disk is full: x.npy: the disk is full");
/// ```
pub fn error_chain<'a>(chain: impl IntoIterator<Item = &'a (dyn Error + 'static)>) -> String {
    chain.into_iter().map(ToString::to_string).fold(String::new(), |text, cause| match text.as_str() {
        "" => cause,
        said if said.contains(&cause) => text,
        said => format!("{said}: {cause}"),
    })
}
