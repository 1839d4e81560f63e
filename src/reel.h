// What most programs need: tape, plans, ops, cells and training. Whole models, data files and reports have headers of their own;
// the README's guide goes through them in reading order.
#pragma once

#include <reel/graph/check_gradients.h>
#include <reel/graph/gradients.h>
#include <reel/graph/interpreter.h>
#include <reel/graph/plan.h>
#include <reel/graph/print.h>
#include <reel/graph/structural.h>
#include <reel/graph/tape.h>
#include <reel/graph/verify.h>
#include <reel/models/bidirectional.h>
#include <reel/models/cells.h>
#include <reel/models/deep.h>
#include <reel/models/dropout_cell.h>
#include <reel/models/hierarchical.h>
#include <reel/models/layers.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/ops.h>
#include <reel/train/text_corpus.h>
#include <reel/train/trainer.h>
