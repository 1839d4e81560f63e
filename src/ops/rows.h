// The first rows of a batch: what lets sequences of different lengths be computed without their padding.
//
// Order the sequences of a batch by falling length; then those that have a step t are its first n_t rows. A value of n_t rows is
// computed for these alone, and no gradient comes from the others. The counts are bound at run (Tape::row_counts).
#pragma once

#include <reel/ops/operand.h>

namespace reel {

// x [m, ..], reals or ids -> [n, ..]: its first n <= m rows, without a copy. m is B or another count; InputError at run when
// n > m. ShapeError for an x without rows.
Var first_rows(Operand x, RowCount n);

// base [m, ..], top [n, ..] -> [m, ..]: the n rows of top, then what follows in base. n is a count; m as above. InputError at
// run when n > m; ShapeError for other rows, and where the rest of the shapes differs.
Var update_rows(Operand base, Operand top);

// x [n, ..] -> [m, ..]: zeros in the rows that x does not have. The adjoint of first_rows; errors as above.
Var extend_rows(Operand x, RowCount m);

// []: how many rows a count is; of B the batch size, and 1 where there are no rows.
Var row_count(Tape& tape, RowCount n, CallSite site = CallSite::current());

}  // namespace reel
