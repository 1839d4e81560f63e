// A whole batch's rows, of those that ranks have. Threads: as Group.
#pragma once

#include <reel/graph/tensor.h>
#include <reel/train/distributed/group.h>

namespace reel {

// [B, ..], of every rank's rows [rows, ..]. InputError, on every rank, where they are not dealt like that. A rank without rows
// may give an empty tensor.
template <class T>
Tensor<T> gather_rows(Group& group, const DealtRows& rows, const Tensor<T>& own);

}  // namespace reel
