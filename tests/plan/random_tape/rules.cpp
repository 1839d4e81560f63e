// What the instructions of a random tape record. Formulas keep away from poles (log of at least 0.2, divisors of at least
// 0.7, variances of at least 0.01), so that local derivatives stay moderate whatever the operand.
#include <stdexcept>

#include <reel/data/word_vectors.h>
#include <reel/graph/mode.h>
#include <reel/graph/structural.h>
#include <reel/models/initializers.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/batch_sum.h>
#include <reel/ops/broadcast.h>
#include <reel/ops/dropout.h>
#include <reel/ops/elementary.h>
#include <reel/ops/embedding.h>
#include <reel/ops/joining.h>
#include <reel/ops/layer_norm.h>
#include <reel/ops/loss.h>
#include <reel/ops/matmul.h>
#include <reel/ops/operand.h>
#include <reel/ops/reduction.h>
#include <reel/ops/reshape.h>
#include <reel/ops/rows.h>
#include <reel/ops/selection.h>
#include <reel/ops/softmax.h>
#include <reel/ops/transpose.h>
#include <reel/ops/weight_gradient.h>

#include "recipe.h"

namespace reel::test {
namespace {

using Operands = std::span<const Var>;

Shape flat(const Shape& s) { return Shape(s.rows(), std::array{s.row_size()}); }
int axis_of(const Instruction& i, const Shape& s) { return static_cast<int>(i.n[0] % s.rank()); }
// At least a vector per row.
Var vectors(Recorder& r, Var x) { return r.real(x).shape().rank() ? r.real(x) : r.fit(x, x.shape().with_last(1)); }

bool repeats(const Shape& a, const Shape& b) {
  if (a.batched() && b.batched() && a.rows() != b.rows()) return false;
  const auto gains = [](const Shape& x, const Shape& y) {
    return x.batched() && !y.batched() && x.rank() > 0 && y.rank() > x.rank();
  };
  if (gains(a, b) || gains(b, a)) return false;
  Index size = 1;
  for (int k = 1; k <= std::max(a.rank(), b.rank()); ++k) {
    const Index m = k <= a.rank() ? a.dim(-k) : 1, n = k <= b.rank() ? b.dim(-k) : 1;
    if (m != n && m != 1 && n != 1) return false;
    size *= std::max(m, n);
  }
  return size <= 64;
}

// Both as they are where they broadcast together, else the second in the shape of the first.
template <Var (*f)(Operand, Operand)>
Var binary(Recorder& r, const Instruction&, Operands x) {
  const Var a = r.real(x[0]), b = r.real(x[1]);
  return f(a, repeats(a.shape(), b.shape()) ? b : r.fit(b, a.shape()));
}

template <Var (*f)(Operand)>
Var unary(Recorder& r, const Instruction&, Operands x) {
  return f(r.real(x[0]));
}

template <Var (*f)(Operand)>
Var rowwise(Recorder& r, const Instruction&, Operands x) {
  return f(vectors(r, x[0]));
}

template <Var (*f)(Operand, int, Keep)>
Var reduced(Recorder& r, const Instruction& i, Operands x) {
  return f(vectors(r, x[0]), -1, i.n[0] % 2 ? Keep::dimension : Keep::nothing);
}

Var half_exp(Operand x) { return exp(0.5 * x); }
Var log_of_square(Operand x) { return log(square(x) + 0.2); }
Var root_of_square(Operand x) { return sqrt(square(x) + 0.1); }
Var affine(Operand x) { return 0.7 * x - 0.2; }
Var ratio(Operand a, Operand b) { return a / (square(b) + 0.7); }
Var mask_by_sign(Operand x, Operand keep) { return mask(x, step(keep)); }
Var scaled_batch_sum(Operand x) { return 0.2 * batch_sum(x); }
Var normalised(Operand x) { return layer_norm(x, 0.01); }

Var leaf(Recorder& r, const Instruction& i, Operands) { return r.leaf(i); }
Var sequence(Recorder& r, const Instruction& i, Operands) { return r.sequence(i); }
Var zeros(Recorder& r, const Instruction& i, Operands) { return r.tape().zeros(i.shape); }
Var share_of_batch(Recorder& r, const Instruction&, Operands) { return 1.0 / (1.0 + r.tape().batch_size()); }
Var itself(Recorder&, const Instruction&, Operands x) { return x[0]; }

Var choice(Recorder& r, const Instruction&, Operands x) {
  const Shape s = r.real(x[1]).shape();
  return select(step(r.fit(x[0], s)), x[1], r.fit(x[2], s));
}

// By the weight as it stands, or transposed, or cut to fit.
Var product(Recorder& r, const Instruction&, Operands operands) {
  const Var x = vectors(r, operands[0]), w = r.real(operands[1]);
  const Index K = x.shape().last();
  if (!w.shape().batched() && w.shape().rank() == 2) {
    if (w.shape().dim(0) == K) return matmul(x, w);
    if (w.shape().dim(1) == K) return matmul(x, transpose(w));
  }
  return matmul(x, r.fit(w, {K, 3}));
}

Var turned(Recorder& r, const Instruction&, Operands operands) {
  const Var x = r.real(operands[0]);
  return !x.shape().batched() && x.shape().rank() == 2 ? transpose(x) : x;
}

Var gram(Recorder& r, const Instruction&, Operands operands) {
  const Var x = vectors(r, operands[0]), y = vectors(r, operands[1]);
  return 0.1 * weight_gradient(x, r.fit(y, x.shape().with_dim(-1, y.shape().last())));
}

Var joined(Recorder& r, const Instruction& i, Operands x) {
  std::vector<Var> pieces{vectors(r, x[0])};
  const Shape first = pieces[0].shape();
  const int axis = axis_of(i, first);
  for (const Var& v : x.subspan(1)) {
    const Shape& s = v.shape();
    pieces.push_back(r.fit(v, first.with_dim(axis, s.rank() == first.rank() ? s.dim(axis) : first.dim(axis))));
  }
  return concat(pieces, axis);
}

Var cut(Recorder& r, const Instruction& i, Operands operands) {
  const Var x = vectors(r, operands[0]);
  const int axis = axis_of(i, x.shape());
  const Index n = x.shape().dim(axis), begin = i.n[1] % n;
  return slice(x, axis, begin, begin + 1 + i.n[2] % (n - begin));
}

// Piece n[0] of n[1] equal ones: a gate of a joint product.
Var gate(Recorder& r, const Instruction& i, Operands operands) {
  const Var x = vectors(r, operands[0]);
  const Index pieces = std::max<Index>(i.n[1], 1), width = x.shape().last() / pieces, piece = i.n[0] % pieces;
  return width == 0 ? x : slice(x, -1, piece * width, (piece + 1) * width);
}

Var padded(Recorder& r, const Instruction& i, Operands operands) {
  const Var x = vectors(r, operands[0]);
  return pad(x, axis_of(i, x.shape()), i.n[1] % 3, i.n[2] % 3);
}

Var stacked(Recorder& r, const Instruction&, Operands x) {
  const Shape first = r.real(x[0]).shape(), s = first.batched() ? first : first.with_rows(B);
  std::vector<Var> pieces;
  for (const Var& v : x) pieces.push_back(r.fit(v, s));
  return stack(pieces);
}

Var reshaped(Recorder& r, const Instruction& i, Operands operands) {
  const Var x = r.real(operands[0]);
  const Index n = x.shape().row_size(), part = 1 + i.n[0] % 4;
  if (n % part) return reshape(x, flat(x.shape()));
  return reshape(x, Shape(x.shape().rows(), std::array{part, n / part}));
}

Var to_batch(Recorder& r, const Instruction&, Operands x) { return r.fit(x[0], r.real(x[0]).shape().with_rows(B)); }

// ---- counts of rows ----

Var with_rows(Recorder& r, Var v, RowCount n) {
  if (v.type() == Type::id && v.shape().batched() && r.fewer(n, v.shape().rows()))
    return r.remember(first_rows(v, n), r.vocabulary(v));
  return r.fit(v, r.real(v).shape().with_rows(n));
}
Var first_of(Recorder& r, const Instruction& i, Operands x) { return with_rows(r, x[0], r.count(i.n[0])); }
Var rows_of_step(Recorder& r, const Instruction&, Operands x) { return with_rows(r, x[0], r.step_count()); }

// Zeros up to B rows, or to a count that is no less.
Var extended(Recorder& r, const Instruction& i, Operands x) {
  const Var v = r.real(x[0]);
  if (!v.shape().rows().is_counted()) return v;
  const RowCount n = r.count(i.n[0]);
  return extend_rows(v, i.n[1] % 2 == 0 || r.fewer(n, v.shape().rows()) ? B : n);
}

Var overlaid(Recorder& r, const Instruction& i, Operands x) {
  const Var first = r.real(x[0]), base = first.shape().batched() ? first : r.fit(first, first.shape().with_rows(B));
  const Var top = r.real(x[1]);
  RowCount n = top.shape().rows();  // its own where that is less
  if (!n.is_counted() || !r.fewer(n, base.shape().rows())) n = r.count(i.n[0]);
  return r.fewer(n, base.shape().rows()) ? update_rows(base, r.fit(top, base.shape().with_rows(n))) : base;
}

Var share_of_rows(Recorder& r, const Instruction& i, Operands) { return 1.0 / (1.0 + row_count(r.tape(), r.count(i.n[0]))); }

Var normalised_affine(Recorder& r, const Instruction&, Operands operands) {
  const Var x = vectors(r, operands[0]);
  const Shape n{x.shape().last()};
  return layer_norm(x, r.fit(operands[1], n), r.fit(operands[2], n), 0.01);
}

Var ids_of_largest(Recorder& r, const Instruction&, Operands operands) {
  const Var x = vectors(r, operands[0]);
  return r.remember(argmax(x), x.shape().last());
}

Var looked_up(Recorder& r, const Instruction& i, Operands x) {
  const Var ids = x[0].type() == Type::id ? x[0] : ids_of_largest(r, i, x);
  const Var table = r.real(x[1]);
  return embedding(ids, r.fit(table, {r.vocabulary(ids), table.shape().last()}));
}

Var scattered(Recorder& r, const Instruction& i, Operands x) {
  const Var ids = x[0].type() == Type::id ? x[0] : ids_of_largest(r, i, x);
  const Var y = vectors(r, x[1]);
  return 0.2 * scatter_add(ids, r.fit(y, ids.shape().with_last(y.shape().last())), r.vocabulary(ids));
}

Var dropped(Recorder& r, const Instruction& i, Operands x) {
  return dropout(r.real(x[0]), 0.1 + 0.1 * static_cast<double>(i.n[0] % 4), Mode::training);
}

Var surprise(Recorder& r, const Instruction&, Operands operands) {
  const Var x = vectors(r, operands[0]);
  return cross_entropy_rows(x, r.ids(operands[1], x.shape()));
}

Var weighted_surprise(Recorder& r, const Instruction&, Operands operands) {
  const Var x = vectors(r, operands[0]);
  const Var ids = r.ids(operands[1], x.shape());
  return cross_entropy_rows(x, ids, r.fit(operands[2], ids.shape()));
}

Var distance(Recorder& r, const Instruction&, Operands x) {
  return 0.02 * half_squared_error(r.real(x[0]), r.fit(x[1], r.real(x[0]).shape()));
}

// After the steps: all values that a step's register had.
Var all_steps(Recorder& r, const Instruction& i, Operands x) {
  const auto steps = r.steps(i.x[0]);
  return steps.empty() ? x[0] : stacked(r, i, steps);
}

Var sum_of_steps(Recorder& r, const Instruction& i, Operands x) {
  std::vector<Var> terms;
  for (const Var& v : r.steps(i.x[0])) terms.push_back(terms.empty() ? r.real(v) : r.fit(v, terms[0].shape()));
  return terms.empty() ? x[0] : accumulate(terms);
}

// The mean over the ids of all steps, each with the rows that it has.
Var surprise_of_steps(Recorder& r, const Instruction& i, Operands x) {
  std::vector<Var> logits, ids;
  for (const Var& v : r.steps(i.x[0])) {
    logits.push_back(vectors(r, v));
    ids.push_back(r.ids(v, logits.back().shape()));
  }
  return logits.empty() ? x[0] : cross_entropy(logits, ids, i.n[0] % 2 ? Reduction::mean : Reduction::sum);
}

constexpr Rule kRules[] = {
    {"input", 0, leaf},
    {"parameter", 0, leaf},
    {"constant", 0, leaf},
    {"carried", 0, leaf},
    {"ids", 0, leaf},
    {"step_input", 0, sequence},
    {"step_ids", 0, sequence},
    {"zeros", 0, zeros},
    {"share_of_batch", 0, share_of_batch},
    {"share_of_rows", 0, share_of_rows},
    {"state", 1, itself},
    {"tanh", 1, unary<tanh>},
    {"sigmoid", 1, unary<sigmoid>},
    {"relu", 1, unary<relu>},
    {"satlins", 1, unary<satlins>},
    {"exp", 1, unary<half_exp>},
    {"log", 1, unary<log_of_square>},
    {"sqrt", 1, unary<root_of_square>},
    {"square", 1, unary<square>},
    {"abs", 1, unary<abs>},
    {"step", 1, unary<step>},
    {"sign", 1, unary<sign>},
    {"negate", 1, unary<negate>},
    {"affine", 1, unary<affine>},
    {"stop_gradient", 1, [](Recorder& r, const Instruction&, Operands x) { return stop_gradient(r.real(x[0])); }},
    {"add", 2, binary<add>},
    {"subtract", 2, binary<subtract>},
    {"multiply", 2, binary<multiply>},
    {"divide", 2, binary<ratio>},
    {"mask", 2, binary<mask_by_sign>},
    {"select", 3, choice},
    {"matmul", 2, product},
    {"transpose", 1, turned},
    {"weight_gradient", 2, gram},
    {"concat", 2, joined},
    {"concat3", 3, joined},
    {"slice", 1, cut},
    {"gate", 1, gate},
    {"pad", 1, padded},
    {"stack", 2, stacked},
    {"stack3", 3, stacked},
    {"reshape", 1, reshaped},
    {"to_batch", 1, to_batch},
    {"sum_over", 1, reduced<sum>},
    {"mean_over", 1, reduced<mean>},
    {"max_over", 1, reduced<max>},
    {"mean", 1, [](Recorder& r, const Instruction&, Operands x) { return r.average(r.real(x[0])); }},
    {"batch_sum", 1,
     [](Recorder& r, const Instruction& i, Operands x) {
       return r.real(x[0]).shape().batched() ? scaled_batch_sum(r.real(x[0])) : itself(r, i, x);
     }},
    {"batch_mean", 1,
     [](Recorder& r, const Instruction& i, Operands x) {
       return r.real(x[0]).shape().batched() ? batch_mean(r.real(x[0])) : itself(r, i, x);
     }},
    {"softmax", 1, rowwise<softmax>},
    {"log_softmax", 1, rowwise<log_softmax>},
    {"layer_norm", 1, rowwise<normalised>},
    {"layer_norm_affine", 3, normalised_affine},
    {"argmax", 1, ids_of_largest},
    {"embedding", 2, looked_up},
    {"scatter_add", 2, scattered},
    {"dropout", 1, dropped},
    {"cross_entropy", 2, surprise},
    {"weighted_cross_entropy", 3, weighted_surprise},
    {"half_squared_error", 2, distance},
    {"all_steps", 1, all_steps},
    {"sum_of_steps", 1, sum_of_steps},
    {"surprise_of_steps", 1, surprise_of_steps},
    {"first_rows", 1, first_of},
    {"step_rows", 1, rows_of_step},
    {"extend_rows", 1, extended},
    {"update_rows", 2, overlaid},
};

}  // namespace

std::span<const Rule> all_rules() { return kRules; }

const Rule* rule(std::string_view name) {
  const auto* found = std::ranges::find(kRules, name, &Rule::name);
  if (found == std::end(kRules)) throw std::invalid_argument("no rule " + std::string(name));
  return found;
}

}  // namespace reel::test
