// The equations of cells on rows of numbers, with plain loops: what the tests of cells compare with.
#pragma once

#include <reel/models/cells/gru.h>
#include <reel/models/cells/lstm.h>
#include <reel/models/initializers.h>
#include <reel/ops/activation.h>
#include <reel/ops/elementary.h>
#include <reel/ops/reduction.h>

#include "support.h"

namespace reel::test::plain {

struct Row {
  std::vector<double> v;
  std::size_t size() const { return v.size(); }
};

template <class F>
Row each(F f, Row a) {
  for (double& x : a.v) x = f(x);
  return a;
}
template <class F>
Row each(F f, Row a, const Row& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) a.v[i] = f(a.v[i], b.v[i]);
  return a;
}

inline Row operator+(const Row& a, const Row& b) { return each(std::plus<>(), a, b); }
inline Row operator*(const Row& a, const Row& b) { return each(std::multiplies<>(), a, b); }
inline Row one_minus(const Row& a) {
  return each([](double x) { return 1 - x; }, a);
}
inline Row sigmoid(const Row& a) {
  return each([](double x) { return 1 / (1 + std::exp(-x)); }, a);
}
inline Row tanh(const Row& a) {
  return each([](double x) { return std::tanh(x); }, a);
}
inline Row zeros(Index n) { return {std::vector<double>(static_cast<std::size_t>(n))}; }

// Row r of [rows, n] numbers, or of their step t.
inline Row row_of(const Tensor<double>& x, Index r, Index n) { return {{x.data() + r * n, x.data() + (r + 1) * n}}; }
inline Row row_of(const Tensor<double>& x, Index t, Index rows, Index r, Index n) { return row_of(x, t * rows + r, n); }

// What the parameters hold.
class Numbers {
 public:
  explicit Numbers(const ParameterValues<double>& values) : values_(values) {}
  Row operator()(const Parameter& b) const { return {{values_[b].begin(), values_[b].end()}}; }
  // x W
  Row product(const Row& x, const Parameter& W) const {
    const Index N = W.shape().last();
    REQUIRE(static_cast<Index>(x.size()) == W.shape().dim(0));
    Row y = zeros(N);
    for (std::size_t j = 0; j < y.size(); ++j)
      for (std::size_t k = 0; k < x.size(); ++k) y.v[j] += x.v[k] * values_[W][static_cast<Index>(k) * N + static_cast<Index>(j)];
    return y;
  }
  // x U + h W + b
  Row sum(const Row& x, const Parameter& U, const Row& h, const Parameter& W, const Parameter& b) const {
    return product(x, U) + product(h, W) + (*this)(b);
  }

 private:
  const ParameterValues<double>& values_;
};

// ---- one step of a cell; `recurrent` is what the products with W see ----

inline Row step(const Numbers& p, const Gru& c, const Row& x, const Row& h, const Row& recurrent) {
  const Row r = sigmoid(p.sum(x, c.r.U, recurrent, c.r.W, c.r.b)), z = sigmoid(p.sum(x, c.z.U, recurrent, c.z.W, c.z.b));
  const Row n = tanh(p.sum(x, c.n.U, r * recurrent, c.n.W, c.n.b));
  return z * h + one_minus(z) * n;
}

inline Row step(const Numbers& p, const GruResetAfter& c, const Row& x, const Row& h, const Row& recurrent) {
  const Row r = sigmoid(p.sum(x, c.r.U, recurrent, c.r.W, c.r.b)), z = sigmoid(p.sum(x, c.z.U, recurrent, c.z.W, c.z.b));
  const Row n = tanh(p.product(x, c.n.U) + p(c.n.b) + r * (p.product(recurrent, c.n.W) + p(c.c_n)));
  return z * h + one_minus(z) * n;
}

inline Row step(const Numbers& p, const FirstGenerationLstm& c, const Row& x, const Row& s, const Row& recurrent) {
  const Row i = sigmoid(p.sum(x, c.i.U, recurrent, c.i.W, c.i.b)), f = sigmoid(p.sum(x, c.f.U, recurrent, c.f.W, c.f.b));
  const Row o = sigmoid(p.sum(x, c.o.U, recurrent, c.o.W, c.o.b));
  const Row n = tanh(p.sum(x, c.n.U, o * recurrent, c.n.W, c.n.b));
  return f * s + i * n;
}

struct Memory {
  Row h, c;
};

inline Memory step(const Numbers& p, const Lstm& c, const Row& x, const Memory& s, const Row& recurrent) {
  const Row i = sigmoid(p.sum(x, c.i.U, recurrent, c.i.W, c.i.b)), f = sigmoid(p.sum(x, c.f.U, recurrent, c.f.W, c.f.b));
  const Row o = sigmoid(p.sum(x, c.o.U, recurrent, c.o.W, c.o.b)), g = tanh(p.sum(x, c.g.U, recurrent, c.g.W, c.g.b));
  const Row next = f * s.c + i * g;
  return {o * tanh(next), next};
}

// i and f see the memory as it was, o as it becomes.
inline Memory step(const Numbers& p, const PeepholeLstm& c, const Row& x, const Memory& s, const Row& recurrent) {
  const Row i = sigmoid(p.sum(x, c.i.U, recurrent, c.i.W, c.i.b) + p(c.p_i) * s.c);
  const Row f = sigmoid(p.sum(x, c.f.U, recurrent, c.f.W, c.f.b) + p(c.p_f) * s.c);
  const Row g = tanh(p.sum(x, c.g.U, recurrent, c.g.W, c.g.b));
  const Row next = f * s.c + i * g;
  const Row o = sigmoid(p.sum(x, c.o.U, recurrent, c.o.W, c.o.b) + p(c.p_o) * next);
  return {o * tanh(next), next};
}

template <class Cell>
auto step(const Numbers& p, const Cell& c, const Row& x, const Row& h) {
  return step(p, c, x, h, h);
}
template <class Cell>
auto step(const Numbers& p, const Cell& c, const Row& x, const Memory& s) {
  return step(p, c, x, s, s.h);
}

}  // namespace reel::test::plain
