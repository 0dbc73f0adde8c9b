//! OpenCV's image operations that StreamFace is defined by, to the digit and fast: gray, Canny, Laplacian, Lanczos, affine warps.
