// Recurrent cells as plain equations over the ops. x: [B, I] or [I], state h: [B, H] or [H]; ' is the previous step, *
// is elementwise. Every weight is [n_in, n_out]. A cell adds its parameters to a set under its name and is immutable.
//
// Cells of one hidden state that is fed back also have   step(x, previous, recurrent)   and   recurrent(previous): the products
// with W take `recurrent` in the place of what is fed back. That is where recurrent dropout goes (models/cells/with_dropout.h).
#pragma once

#include <reel/models/cells/elman.h>
#include <reel/models/cells/gru.h>
#include <reel/models/cells/jordan.h>
#include <reel/models/cells/lstm.h>
