// What a first program needs: tape, ops, cells, sessions, training, and the reading of texts, numbers and batches. Whole models
// (models/generation/, sequence_classifier.h, hierarchical.h, hopfield.h), pictures, word vectors and reports (report/page.h)
// have headers of their own; the README's guide goes through all of them in reading order.
//
// Everything is in namespace reel. Programs that say `using namespace reel` give their own types names that begin with My, or put
// them in a namespace of their own: no name of reel will ever begin with My.
#pragma once

#include <reel/data/files.h>
#include <reel/data/own_rows.h>
#include <reel/data/sequence_batch.h>
#include <reel/data/text_corpus.h>
#include <reel/data/words.h>
#include <reel/graph/check_gradients.h>
#include <reel/graph/gradients.h>
#include <reel/graph/interpreter.h>
#include <reel/graph/print.h>
#include <reel/graph/random.h>
#include <reel/graph/structural.h>
#include <reel/graph/tape.h>
#include <reel/graph/verify.h>
#include <reel/models/bidirectional.h>
#include <reel/models/cells/any_cell.h>
#include <reel/models/cells/cell_kinds.h>
#include <reel/models/cells/cells.h>
#include <reel/models/cells/deep.h>
#include <reel/models/cells/with_dropout.h>
#include <reel/models/convolution.h>
#include <reel/models/layers.h>
#include <reel/models/lengths.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/ops.h>
#include <reel/plan/compile.h>
#include <reel/plan/session_family.h>
#include <reel/plan/stream/stream_batch.h>
#include <reel/plan/workspace.h>
#include <reel/train/distributed/gather_rows.h>
#include <reel/train/trainer.h>
