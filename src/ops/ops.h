// All ops.
#pragma once

#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/batch_sum.h>
#include <reel/ops/broadcast.h>
#include <reel/ops/chain_rule.h>
#include <reel/ops/dropout.h>
#include <reel/ops/elementary.h>
#include <reel/ops/embedding.h>
#include <reel/ops/joining.h>
#include <reel/ops/layer_norm.h>
#include <reel/ops/loss.h>
#include <reel/ops/matmul.h>
#include <reel/ops/operand.h>
#include <reel/ops/pooling.h>
#include <reel/ops/reduction.h>
#include <reel/ops/reshape.h>
#include <reel/ops/row_scale.h>
#include <reel/ops/rows.h>
#include <reel/ops/selection.h>
#include <reel/ops/softmax.h>
#include <reel/ops/transpose.h>
#include <reel/ops/unfold.h>
#include <reel/ops/weight_gradient.h>
