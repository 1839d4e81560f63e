#include <reel/ops/dropout.h>

#include <cmath>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/graph/random.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/rowwise.h>

namespace reel {
namespace {

// One number of 32 bits decides: of a rate closer to 1 it would not tell how close.
constexpr double kLargestRate = 1 - 0x1p-20;

// Of 2^32 numbers so many drop an element.
std::uint32_t threshold_of(double rate) { return static_cast<std::uint32_t>(std::llround(std::ldexp(rate, 32))); }

class DropoutMask final : public RowOp<DropoutMask> {
 public:
  static constexpr std::string_view kName = "dropout_mask";
  DropoutMask(Shape shape, double rate, std::uint32_t random_key) : shape_(shape), rate_(rate), random_key_(random_key) {}
  auto key() const { return std::tuple(shape_, rate_, random_key_); }
  std::string attributes() const override { return fmt::format("rate={} key={}", rate_, random_key_); }
  Signature infer(const Arguments& x) const override {
    x.require_count(0);
    return {Type::real, shape_};
  }
  Traits traits() const override { return {.varies = true, .draws = true}; }

  template <class Row>
  void row(const Row& r) const {
    using S = typename Row::Number;
    S* y = r.y();
    const std::uint32_t threshold = threshold_of(rate_);
    const S kept = static_cast<S>(1.0 / (1.0 - rate_));
    const auto row = static_cast<std::uint32_t>(shape_.batched() ? r.run().dealt.in_batch(r.index()) : 0);
    for (Index i = 0; i < shape_.row_size(); i += 4) {
      const auto bits =
          mask_words(r.run().seed, random_key_, row, static_cast<std::uint32_t>(i / 4), static_cast<std::uint32_t>(r.run().run));
      for (Index j = 0; j < 4 && i + j < shape_.row_size(); ++j)
        y[i + j] = bits[static_cast<std::size_t>(j)] < threshold ? S(0) : kept;
    }
  }

 private:
  Shape shape_;
  double rate_;
  std::uint32_t random_key_;
};

void check_rate(double rate, CallSite site) {
  if (!(rate >= 0 && rate < 1))
    throw InputError(fmt::format("[dropout] the rate must be in [0, 1), not {} ({})", rate, site.text()));
  if (rate > kLargestRate)
    throw InputError(fmt::format("[dropout] a rate of {} leaves nothing: it must be at most 1 - 2^-20 ({})", rate, site.text()));
}

}  // namespace

Var dropout_mask(Tape& tape, Shape shape, double rate, CallSite site) {
  check_rate(rate, tape.site(site));
  const std::uint32_t key = tape.next_random_key();
  if (key >= kMaskKeys) throw InputError(fmt::format("[dropout] a tape has at most 2^28 masks ({})", tape.site(site).text()));
  return tape.append(DropoutMask(shape, rate, key), {}, site);
}

Var dropout(Operand x, double rate, Mode mode) {
  const auto here = at("dropout", x);
  Tape& tape = tape_of("dropout", {&x});
  const Var v = x.on(tape);
  check_rate(rate, tape.site(x.site()));
  if (mode == Mode::inference || rate == 0) return v;
  return v * dropout_mask(tape, v.shape(), rate);
}

}  // namespace reel
