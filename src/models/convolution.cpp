#include <reel/models/convolution.h>

#include <algorithm>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/ops/activation.h>
#include <reel/ops/joining.h>
#include <reel/ops/pooling.h>
#include <reel/ops/reduction.h>
#include <reel/ops/reshape.h>
#include <reel/ops/selection.h>

namespace reel {
namespace {

// ReLU follows in every network here.
Linear window_layer(ParameterSet& set, const std::string& name, Index inputs, Index F) {
  return Linear(set, name, inputs, F, init::he());
}

}  // namespace

SequenceConvolution::SequenceConvolution(ParameterSet& set, const std::string& name, Index width, Index C, Index F, Index padding)
    : width_(width), padding_(padding), linear_(window_layer(set, name, checked_product(width, C), F)) {}

Var SequenceConvolution::operator()(Operand x) const {
  const auto here = at("sequence_convolution", x);
  return linear_(unfold_sequence(x, width_, 1, padding_));
}

ImageConvolution::ImageConvolution(ParameterSet& set, const std::string& name, Index size, Index C, Index F, Index stride,
                                   Index padding)
    : size_(size),
      stride_(stride),
      padding_(padding),
      linear_(window_layer(set, name, checked_product(checked_product(size, size), C), F)) {}

Var ImageConvolution::operator()(Operand x) const {
  const Window window{.height = size_, .width = size_, .stride = stride_, .pad_height = padding_, .pad_width = padding_};
  const auto here = at("image_convolution", x);
  return linear_(unfold(x, window));
}

TextCnn::TextCnn(ParameterSet& set, const std::string& name, const std::vector<Index>& widths, Index E, Index F)
    : widths_(widths), features_(static_cast<Index>(widths.size()) * F) {
  if (widths.empty()) throw InputError(fmt::format("TextCnn {}: needs at least one width", name));
  for (Index width : widths)
    if (width < 1) throw InputError(fmt::format("TextCnn {}: a width must be 1 or more, not {}", name, width));
  for (Index width : widths) convolutions_.emplace_back(set, fmt::format("{}.{}", name, width), width, E, F);
}

Var TextCnn::operator()(Operand x) const { return best(x, nullptr); }
Var TextCnn::operator()(Operand x, Operand mask) const { return best(x, &mask); }

Var TextCnn::best(Operand x, const Operand* words) const {
  const auto here = at("text_cnn", x);
  Tape& tape = tape_of("text_cnn", {&x});
  Var v = x.on(tape), keep;
  if (words) {
    keep = words->on(tape);
    keep = reshape(keep, keep.shape().with_last(1));
    v = mask(v, keep);
  }
  std::vector<Var> all;
  for (std::size_t i = 0; i < widths_.size(); ++i) {
    const Var padded = widths_[i] > 1 ? pad(v, -2, 0, widths_[i] - 1) : v;
    Var y = relu(convolutions_[i](padded));
    if (keep) y = mask(y, keep);  // 0 is never more than what a word's window has
    all.push_back(max(y, -2));
  }
  return all.size() == 1 ? all[0] : concat(all);
}

ImageCnn::ImageCnn(ParameterSet& set, const std::string& name, Index H, Index W, Index C, const std::vector<Index>& channels,
                   Index features)
    : name_(name), image_{H, W, C} {
  if (channels.empty()) throw InputError(fmt::format("ImageCnn {}: needs at least one convolution", name));
  for (std::size_t i = 0; i < channels.size(); ++i) {
    convolutions_.emplace_back(set, fmt::format("{}.{}", name, i), 3, C, channels[i], 1, 1);
    C = channels[i];
    if (H >= 2 && W >= 2) H /= 2, W /= 2;
  }
  out_.emplace(set, name + ".features", checked_product(checked_product(H, W), C), features, init::he());
}

Var ImageCnn::map(Operand x) const {
  const auto here = at("image_cnn", x);
  Var y = x.on(tape_of("image_cnn", {&x}));
  for (const ImageConvolution& convolution : convolutions_) {
    y = convolution(y);
    if (y.shape().dim(-3) >= 2 && y.shape().dim(-2) >= 2) y = max_pool(y, 2);
    y = relu(y);  // after the pooling: the same numbers, a quarter of the work
  }
  return y;
}

Var ImageCnn::operator()(Operand x) const {
  const auto here = at("image_cnn", x);
  const Var v = x.on(tape_of("image_cnn", {&x}));
  if (v.shape().rank() < 3 || !std::ranges::equal(v.shape().dims().last(3), image_.dims()))
    throw ShapeError(fmt::format("[image_cnn] ImageCnn {} needs images [.., {}, {}, {}], not {} ({})", name_, image_.dim(0),
                                 image_.dim(1), image_.dim(2), v.tape().describe(v.id()), x.site().text()));
  const Var y = map(x);
  const Shape& s = y.shape();
  const Index numbers = s.dim(-3) * s.dim(-2) * s.dim(-1);
  return relu((*out_)(reshape(y, s.without(-1).without(-1).with_dim(-1, numbers))));
}

Sequence steps_of(Operand x) {
  const auto here = at("steps_of", x);
  const Var v = x.on(tape_of("steps_of", {&x}));
  if (v.shape().rank() < 2)
    throw ShapeError(fmt::format("[steps_of] needs [B, T, F], not {} ({})", v.tape().describe(v.id()), x.site().text()));
  Sequence steps;
  for (Index t = 0; t < v.shape().dim(0); ++t) steps.push_back(reshape(slice(v, 0, t, t + 1), v.shape().without(0)));
  return steps;
}

}  // namespace reel
