#include <reel/models/sequence_classifier.h>

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <reel/graph/error.h>
#include <reel/models/bidirectional.h>
#include <reel/models/cells/cells.h>
#include <reel/models/cells/with_dropout.h>
#include <reel/models/convolution.h>
#include <reel/models/hierarchical.h>
#include <reel/models/sizes.h>
#include <reel/ops/activation.h>
#include <reel/ops/joining.h>
#include <reel/ops/selection.h>

namespace reel {

struct SequenceClassifier::Body {
  virtual ~Body() = default;
  virtual Var features(const SequenceInput& input, Mode mode) const = 0;  // [B, F]
  virtual Index size() const = 0;                                         // F
};

namespace {

using Options = SequenceClassifierOptions;

void check_input(const SequenceInput& in) {
  if (in.x.empty()) throw InputError("SequenceClassifier: the sequence is empty, T = 0");
  if (!in.mask.empty() && in.mask.size() != in.x.size())
    throw InputError(fmt::format("SequenceClassifier: a sequence of {} steps with masks of {}", in.x.size(), in.mask.size()));
  if (!in.counts.empty() && in.mask.empty())
    throw InputError("SequenceClassifier: counts of rows without the masks that say the same");
  if (!in.counts.empty() && in.counts.size() != in.x.size())
    throw InputError(
        fmt::format("SequenceClassifier: a sequence of {} steps with counts of rows for {}", in.x.size(), in.counts.size()));
}

Lengths lengths_of(const SequenceInput& in) {
  if (!in.counts.empty()) return Lengths::packed(in.counts);
  return in.mask.empty() ? Lengths() : Lengths::padded(in.mask);
}

// 1 where one of the masks is not 0, else 0.
Var any_of(const Sequence& masks) {
  Var any = masks[0].tape().zeros(masks[0].shape());
  for (const Var& m : masks) any = select(m, 1.0, any);
  return any;
}

// The state of one cell after each row's last step.
template <class C>
class Recurrent final : public SequenceClassifier::Body {
 public:
  Recurrent(ParameterSet& set, const std::string& name, const Options& o)
      : cell_(set, name + ".cell", o.inputs, o.units), rates_{o.dropout, o.dropout}, units_(o.units) {}
  Var features(const SequenceInput& in, Mode mode) const override {
    const AnyCell cell = WithDropout(cell_, rates_, mode);
    return cell.output(unroll(cell, in.x, zero_state(in.x[0].tape(), cell), lengths_of(in)).last);
  }
  Index size() const override { return units_; }

 private:
  C cell_;
  DropoutRates rates_;
  Index units_;
};

class BothWays final : public SequenceClassifier::Body {
 public:
  BothWays(ParameterSet& set, const std::string& name, const Options& o)
      : forward_(set, name + ".forward", o.inputs, o.units),
        backward_(set, name + ".backward", o.inputs, o.units),
        rates_{o.dropout, o.dropout},
        units_(o.units) {}
  Var features(const SequenceInput& in, Mode mode) const override {
    return Bidirectional(WithDropout(forward_, rates_, mode), WithDropout(backward_, rates_, mode))(in.x, lengths_of(in)).last;
  }
  Index size() const override { return 2 * units_; }

 private:
  Lstm forward_, backward_;
  DropoutRates rates_;
  Index units_;
};

class Chunks final : public SequenceClassifier::Body {
 public:
  Chunks(ParameterSet& set, const std::string& name, const Options& o)
      : lower_(set, name + ".lower", o.inputs, o.units),
        upper_(set, name + ".upper", o.units, o.units),
        rates_{o.dropout, o.dropout},
        units_(o.units),
        chunk_(static_cast<std::size_t>(o.chunk)) {}
  Var features(const SequenceInput& in, Mode mode) const override {
    std::vector<Sequence> chunks;
    std::vector<Lengths> lengths;
    Sequence present;  // whether a row has a chunk at all
    for (std::size_t t = 0; t < in.x.size(); t += chunk_) {
      const std::size_t end = std::min(t + chunk_, in.x.size());
      const auto part = [&](const Sequence& s) {
        return Sequence(s.begin() + static_cast<std::ptrdiff_t>(t), s.begin() + static_cast<std::ptrdiff_t>(end));
      };
      chunks.push_back(part(in.x));
      if (in.mask.empty()) continue;
      lengths.push_back(Lengths::padded(part(in.mask)));
      present.push_back(any_of(part(in.mask)));
    }
    const Hierarchical network(WithDropout(lower_, rates_, mode), WithDropout(upper_, rates_, mode));
    return network.output(network(chunks, lengths, present.empty() ? Lengths() : Lengths::padded(present)));
  }
  Index size() const override { return units_; }

 private:
  Lstm lower_, upper_;
  DropoutRates rates_;
  Index units_;
  std::size_t chunk_;
};

class Convolution final : public SequenceClassifier::Body {
 public:
  Convolution(ParameterSet& set, const std::string& name, const Options& o)
      : cnn_(set, name + ".cnn", {2, 3, 4}, o.inputs, o.units) {}
  Var features(const SequenceInput& in, Mode) const override {
    const Var x = stack(in.x);
    return in.mask.empty() ? cnn_(x) : cnn_(x, stack(in.mask));
  }
  Index size() const override { return cnn_.features(); }

 private:
  TextCnn cnn_;
};

class ConvolutionThenLstm final : public SequenceClassifier::Body {
 public:
  ConvolutionThenLstm(ParameterSet& set, const std::string& name, const Options& o)
      : convolution_(set, name + ".convolution", 3, o.inputs, o.units, 1),
        cell_(set, name + ".cell", o.units, o.units),
        rates_{o.dropout, o.dropout},
        units_(o.units) {}
  Var features(const SequenceInput& in, Mode mode) const override {
    Sequence x = in.x;
    for (std::size_t t = 0; t < in.mask.size(); ++t) x[t] = mask(x[t], in.mask[t]);  // padding is what lies around a sequence
    const AnyCell cell = WithDropout(cell_, rates_, mode);
    const Sequence y = steps_of(relu(convolution_(stack(x))));
    return cell.output(unroll(cell, y, zero_state(y[0].tape(), cell), lengths_of(in)).last);
  }
  Index size() const override { return units_; }

 private:
  SequenceConvolution convolution_;
  Lstm cell_;
  DropoutRates rates_;
  Index units_;
};

using Make = std::shared_ptr<const SequenceClassifier::Body> (*)(ParameterSet&, const std::string&, const Options&);

template <class Body>
std::shared_ptr<const SequenceClassifier::Body> make_as(ParameterSet& set, const std::string& name, const Options& o) {
  return std::make_shared<const Body>(set, name, o);
}

constexpr std::pair<std::string_view, Make> kKinds[] = {
    {"elman", make_as<Recurrent<Elman>>},      {"gru", make_as<Recurrent<Gru>>},  {"lstm", make_as<Recurrent<Lstm>>},
    {"bidirectional", make_as<BothWays>},      {"hierarchical", make_as<Chunks>}, {"cnn", make_as<Convolution>},
    {"cnn-lstm", make_as<ConvolutionThenLstm>}};

std::shared_ptr<const SequenceClassifier::Body> make_body(std::string_view kind, ParameterSet& set, const std::string& name,
                                                          const Options& o) {
  require_sizes(fmt::format("SequenceClassifier {}", name),
                {{"inputs", o.inputs}, {"classes", o.classes}, {"units", o.units}, {"chunk", o.chunk}});
  for (const auto& [known, make] : kKinds)
    if (known == kind) return make(set, name, o);
  throw InputError(fmt::format("there is no network \"{}\"; known are {}", kind, fmt::join(SequenceClassifier::kinds(), ", ")));
}

}  // namespace

SequenceClassifier::SequenceClassifier(std::string_view kind, ParameterSet& set, const std::string& name, const Options& o)
    : body_(make_body(kind, set, name, o)), dropout_(o.dropout), head_(set, name + ".head", body_->size(), o.classes) {}

Var SequenceClassifier::operator()(const SequenceInput& input, Mode mode) const {
  check_input(input);
  return head_(dropout(body_->features(input, mode), dropout_, mode));
}

std::vector<std::string> SequenceClassifier::kinds() {
  std::vector<std::string> names;
  for (const auto& [name, make] : kKinds) names.emplace_back(name);
  return names;
}

}  // namespace reel
