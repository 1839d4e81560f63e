// What most programs need: tape, plans, ops, cells and training. Whole models, data files and reports have headers of their own;
// the README's guide goes through them in reading order.
#pragma once

#include <reel/data/text_corpus.h>
#include <reel/graph/check_gradients.h>
#include <reel/graph/gradients.h>
#include <reel/graph/interpreter.h>
#include <reel/graph/print.h>
#include <reel/graph/structural.h>
#include <reel/graph/tape.h>
#include <reel/graph/verify.h>
#include <reel/models/bidirectional.h>
#include <reel/models/cells/any_cell.h>
#include <reel/models/cells/cells.h>
#include <reel/models/cells/deep.h>
#include <reel/models/cells/with_dropout.h>
#include <reel/models/hierarchical.h>
#include <reel/models/layers.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/ops.h>
#include <reel/plan/compile.h>
#include <reel/plan/session_family.h>
#include <reel/plan/workspace.h>
#include <reel/train/trainer.h>
