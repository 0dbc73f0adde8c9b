//! Face embeddings.
