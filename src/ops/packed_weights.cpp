#include <reel/ops/packed_weights.h>

#include <algorithm>
#include <type_traits>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/ops/grouped_matmul.h>
#include <reel/ops/kernels/bf16.h>
#include <reel/ops/kernels/pack.h>
#include <reel/ops/scalar.h>

namespace reel {
namespace {

// The weights of one term, one per group, side by side in the panel layout of the GEMM. Some may be packed as their
// transposes: `transposed`, by group, tells.
class Pack final : public OpOf<Pack> {
 public:
  static constexpr std::string_view kName = "pack";
  Pack(std::vector<bool> transposed, Element element, Precision products)
      : transposed_(std::move(transposed)), element_(element), products_(products), form_(element, products) {}
  auto key() const { return std::tuple_cat(std::tuple(transposed_, static_cast<int>(element_)), form_.key()); }
  std::string attributes() const override {
    std::string text = std::ranges::find(transposed_, true) == transposed_.end() ? "" : "transposed";
    if (form_.pairs()) text += text.empty() ? "bf16" : " bf16";
    return text;
  }
  Element stored_as(Element plan) const override { return form_.pairs() ? Element::bf16 : plan; }

  Signature infer(const Arguments& x) const override {
    x.require_count(static_cast<int>(transposed_.size()));
    if (x.size() > kMostGroups) throw ShapeError(fmt::format("packs at most {} weights, was given {}", kMostGroups, x.size()));
    const auto [K, N] = extents(0, x.shape(0));
    for (int g = 1; g < x.size(); ++g)
      if (extents(g, x.shape(g)) != std::pair(K, N))
        throw ShapeError(fmt::format("shapes differ: {} and {}", x.describe(0), x.describe(g)));
    const Index columns = round_up(N, form_.lanes);
    return {Type::real, Shape{checked_product(form_.kept(K), checked_product(columns, x.size()))}};
  }
  double flop(std::span<const Signature>, const Signature&, const RunContext&) const override { return 0; }

  template <class S>
  void evaluate_as(const Evaluation<S>& e) const {
    const auto [K, N] = extents(0, *e.x[0].shape);
    const auto G = static_cast<Index>(e.x.size());
    std::fill_n(e.y.real, e.y.size, S{});
    for (Index g = 0; g < G; ++g) {
      const auto& x = e.x[static_cast<std::size_t>(g)];
      const auto w = view(static_cast<std::size_t>(g), *x.shape, static_cast<const S*>(x.real));
      for (Index n = 0; n < N; ++n)
        for (Index k = 0; k < K; ++k) {
          const S value = w.data[k * w.k_stride + n * w.n_stride];
          e.y.real[form_.place(K, N, G, g, k, n)] = form_.pairs() ? rounded_to_bf16(value) : value;
        }
    }
  }

  template <class T>
  void run_as(const KernelCall& c) const {
    kernels::WeightView<T> views[kMostGroups];
    for (std::size_t g = 0; g < c.x.size(); ++g) views[g] = view(g, *c.x[g].shape, c.x[g].row<const T>(0));
    const auto [K, N] = extents(0, *c.x[0].shape);
    const std::span<const kernels::WeightView<T>> all(views, c.x.size());
    if constexpr (std::is_same_v<T, float>)
      if (form_.pairs()) return kernels::bf16_kernels(kernels::bf16_path(products_)).pack(K, N, all, c.y.row<Bf16>(0));
    kernels::pack<T>(K, N, all, c.y.row<T>(0));
  }

 private:
  std::pair<Index, Index> extents(std::size_t g, const Shape& w) const {
    return transposed_[g] ? std::pair(w.dim(1), w.dim(0)) : std::pair(w.dim(0), w.dim(1));
  }
  template <class S>
  kernels::WeightView<S> view(std::size_t g, const Shape& w, const S* data) const {
    return transposed_[g] ? kernels::WeightView<S>{data, 1, w.dim(1)} : kernels::WeightView<S>{data, w.dim(1), 1};
  }

  std::vector<bool> transposed_;
  Element element_;
  Precision products_;
  PackedForm form_;
};

}  // namespace

Var packed_weights(Tape& tape, std::span<const Var> weights, const std::vector<bool>& transposed, Element element,
                   Precision products, CallSite site) {
  return tape.append(Pack(transposed, element, products), weights, site);
}

}  // namespace reel
