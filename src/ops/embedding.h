// Lookups by id. Ids are int32; an id outside its range is refused with an InputError that names id and row, in every build.
#pragma once

#include <reel/ops/operand.h>

namespace reel {

// ids [..], table [V, E] -> [.., E]: row id of the table. Equals one_hot(ids, V) times the table, without the product. ShapeError
// for reals in the place of ids and another table.
Var embedding(Var ids, Operand table);

// The adjoint of embedding: ids [..], x [.., E] -> [V, E], each row of x added to the row that its id names, in row order.
Var scatter_add(Var ids, Operand x, Index V);

// ids [..] -> [.., V]: 1 at the id, 0 elsewhere.
Var one_hot(Var ids, Index V, CallSite site = CallSite::current());

// InputError unless 0 <= id < V. `row` is where it stands in its batch.
void check_id(std::int32_t id, Index V, Index row);

}  // namespace reel
