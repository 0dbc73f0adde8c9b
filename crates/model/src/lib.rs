//! Model manifests, fetching and checking of weights, and one Network over tract.
