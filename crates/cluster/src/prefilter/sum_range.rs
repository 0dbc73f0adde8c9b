//! What points may give to the sums of the first stage, so that each stays within [`Isa::tile_range`]: half of it is for the
//! products of any two points, a quarter for what either starts from. Points without a bound have zeros for numbers, so
//! that where they start decides.

use streamface_kernels::Isa;

/// The most that the squares of a point's numbers may add up to.
pub(super) fn most_square(isa: Isa) -> i32 {
    isa.tile_range() / 2
}

/// Where a point may start at most, either way; that of points without a useful bound.
pub(super) fn most_start(isa: Isa) -> i32 {
    isa.tile_range() / 4
}

/// The start of what is near to nothing.
pub(super) fn never(isa: Isa) -> i32 {
    -isa.tile_range() / 2
}
