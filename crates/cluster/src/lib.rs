//! Exact complete-linkage clustering of embeddings under a distance threshold.
