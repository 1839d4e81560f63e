#include <reel/models/exchange/naming.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <type_traits>
#include <utility>
#include <variant>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <reel/graph/error.h>
#include <reel/models/exchange/keras.h>
#include <reel/models/exchange/pytorch.h>
#include <reel/models/model_file.h>

namespace reel {
namespace {

struct Norm {
  Parameter gain, bias;
};
using AnyLayer = std::variant<Lstm, Gru, GruResetAfter, Elman, Linear, Embedding, Norm, SequenceConvolution, ImageConvolution>;

const char* kind_of(const AnyLayer& layer) {
  constexpr const char* kNames[] = {"Lstm",      "Gru",        "GruResetAfter",       "Elman",           "Linear",
                                    "Embedding", "layer norm", "SequenceConvolution", "ImageConvolution"};
  static_assert(std::size(kNames) == std::variant_size_v<AnyLayer>);
  return kNames[layer.index()];
}

// A layer, and where another framework has it.
struct Named {
  std::string name, prefix;
  pytorch::Place place = {};
  AnyLayer layer;
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A PyTorch cell's place, from "weight_ih_l1_reverse"; nothing for other names.
std::optional<pytorch::Place> place_of(std::string_view name) {
  constexpr std::string_view kBegin = "weight_ih";
  if (!name.starts_with(kBegin)) return std::nullopt;
  name.remove_prefix(kBegin.size());
  if (name.empty()) return pytorch::Place{.cell = true};
  pytorch::Place place;
  if (name.ends_with("_reverse")) place.reverse = true, name.remove_suffix(8);
  if (name.size() < 3 || name.size() > 6 || !name.starts_with("_l")) return std::nullopt;
  for (char c : name.substr(2)) {
    if (!is_digit(c)) return std::nullopt;
    place.layer = place.layer * 10 + (c - '0');
  }
  return place;
}

// The tensors of one name up to the last separator, by the rest of their names.
struct Group {
  std::string prefix;  // with the separator
  std::map<std::string, const StoredTensor*, std::less<>> tensors;

  std::string name() const { return prefix.empty() ? "" : prefix.substr(0, prefix.size() - 1); }
  bool is(std::initializer_list<std::string_view> names) const {
    return tensors.size() == names.size() && std::ranges::all_of(names, [&](auto n) { return tensors.contains(n); });
  }
  // That of the group, with so many dimensions, none of them 0.
  const StoredTensor* find(std::string_view name, std::size_t rank) const {
    const auto at = tensors.find(name);
    if (at == tensors.end() || at->second->dims.size() != rank) return nullptr;
    return std::ranges::find(at->second->dims, 0) == at->second->dims.end() ? at->second : nullptr;
  }
};

class Renaming {
 public:
  Renaming(const SafetensorsFile& file, Naming from) : file_(file) {
    std::map<std::string, Group> groups;
    for (const StoredTensor& tensor : file.tensors()) {
      if (tensor.name.starts_with("example.")) continue;
      const std::size_t end = tensor.name.rfind(from == Naming::keras ? '/' : '.');
      const std::string prefix = end == std::string::npos ? "" : tensor.name.substr(0, end + 1);
      Group& group = groups[prefix];
      group.prefix = prefix;
      group.tensors[tensor.name.substr(prefix.size())] = &tensor;
    }
    for (const auto& [prefix, group] : groups) {
      if (from == Naming::reel) add_reel(group);
      if (from == Naming::pytorch) add_pytorch(group);
      if (from == Naming::keras) add_keras(group);
    }
    if (!unknown_.empty())
      throw FileError(fmt::format("{}: of no layer that is known by its names: {}", file.path(), fmt::join(unknown_, "; ")));
    if (layers_.empty()) throw FileError(fmt::format("{}: holds no layer", file.path()));
  }

  template <class T>
  void write(Naming from, Naming to, const std::string& path) {
    auto values = set_.initial<T>(0);
    if (from == Naming::reel)
      load_model(file_, set_, values);
    else
      for (const Named& named : layers_) load_layout(file_, named.prefix, layout(named, from), values);
    if (to == Naming::reel) {
      SaveOptions options;
      for (const Parameter& p : set_.all()) options.more.emplace_back(p.name(), values[p]);
      write_safetensors(path, std::move(options.more), file_.metadata());
      return;
    }
    StoredLayouts stored;
    for (Named& named : layers_) {
      named.place = {};
      if (to == Naming::pytorch) find_place(named);
      if (to == Naming::keras) named.prefix = with(named.name, '.', '/') + "/";
      stored.add(named.prefix, layout(named, to), values);
    }
    try {
      stored.write(path, file_.metadata());
    } catch (const InputError& e) {  // two layers of one name
      throw FileError(fmt::format("{}: {}", file_.path(), e.what()));
    }
  }

  std::vector<std::string> lines(Naming to) const {
    std::vector<std::string> all;
    for (const Named& n : layers_)
      all.push_back(
          fmt::format("{} {}: {}", kind_of(n.layer), n.name, to == Naming::reel ? "from " + n.prefix : "to " + n.prefix));
    return all;
  }

 private:
  template <class L, class... A>
  void add(std::string name, std::string prefix, pytorch::Place place, A... sizes) {
    AnyLayer layer = [&]() -> AnyLayer {
      if constexpr (std::is_same_v<L, Norm>)
        return Norm{set_.add(name + ".gain", {sizes...}, init::constant(1)), set_.add(name + ".bias", {sizes...}, init::zeros())};
      else
        return L(set_, name, sizes...);
    }();
    layers_.push_back({std::move(name), std::move(prefix), place, std::move(layer)});
  }
  // Recurrent layers by the number of their gates.
  void add_cell(const std::string& name, const std::string& prefix, pytorch::Place place, Index gates, Index I, Index H) {
    if (gates == 4) add<Lstm>(name, prefix, place, I, H);
    if (gates == 3) add<GruResetAfter>(name, prefix, place, I, H);
    if (gates == 1) add<Elman>(name, prefix, place, I, H);
  }
  void refuse(const Group& group) {
    for (const auto& [name, tensor] : group.tensors) unknown_.push_back(fmt::format("{} {}", tensor->name, tensor->text()));
  }

  void add_reel(const Group& group) {
    const std::string name = group.name();
    // The sizes of a cell, from the input's weights of one of its gates.
    const auto* U = group.find("U", 2);
    for (const char* gate : {"U_i", "U_r"})
      if (!U) U = group.find(gate, 2);
    const auto* W = group.find("W", 2);
    if (U && group.is({"U_i", "W_i", "b_i", "U_f", "W_f", "b_f", "U_o", "W_o", "b_o", "U_g", "W_g", "b_g"}))
      add<Lstm>(name, "", {}, U->dims[0], U->dims[1]);
    else if (U && group.is({"U_r", "W_r", "b_r", "U_z", "W_z", "b_z", "U_n", "W_n", "b_n"}))
      add<Gru>(name, "", {}, U->dims[0], U->dims[1]);
    else if (U && group.is({"U_r", "W_r", "b_r", "U_z", "W_z", "b_z", "U_n", "W_n", "b_n", "c_n"}))
      add<GruResetAfter>(name, "", {}, U->dims[0], U->dims[1]);
    else if (U && group.is({"U", "W", "b"}))
      add<Elman>(name, "", {}, U->dims[0], U->dims[1]);
    else if (W && group.is({"W", "b"}))
      add<Linear>(name, "", {}, W->dims[0], W->dims[1]);
    else
      add_tables(group);
  }
  // Embeddings, whose names say nothing: matrices, but for those that are called as weights of a layer are.
  void add_tables(const Group& group) {
    const auto is_weight = [](std::string_view name) { return name.size() == 1 || (name.size() > 2 && name[1] == '_'); };
    const bool tables = std::ranges::all_of(
        group.tensors, [&](const auto& item) { return !is_weight(item.first) && group.find(item.first, 2) != nullptr; });
    if (!tables) return refuse(group);
    for (const auto& [name, tensor] : group.tensors) add<Embedding>(tensor->name, "", {}, tensor->dims[0], tensor->dims[1]);
  }

  void add_pytorch(const Group& group) {
    const std::string name = group.name();
    std::set<std::string> used;
    for (const auto& [part, tensor] : group.tensors) {
      const auto place = place_of(part);
      if (!place || !group.find(part, 2)) continue;
      const std::string end = part.substr(std::string_view("weight_ih").size());
      const auto* hh = group.find("weight_hh" + end, 2);
      const Index H = hh ? hh->dims[1] : 0, gates = H > 0 ? hh->dims[0] / H : 0;
      if (!hh || gates * H != hh->dims[0] || (gates != 1 && gates != 3 && gates != 4)) continue;
      std::string own = name;
      if (!place->cell) own += std::to_string(place->layer);
      if (place->reverse) own += ".reverse";
      add_cell(own, group.prefix, *place, gates, tensor->dims[1], H);
      for (const char* kind : {"weight_ih", "weight_hh", "bias_ih", "bias_hh"}) used.insert(kind + end);
    }
    const bool alone = group.is({"weight"});
    if (used.empty() && (alone || group.is({"weight", "bias"}))) {
      used = {"weight", "bias"};
      if (const auto* w = group.find("weight", 2); w && alone)
        add<Embedding>(name, group.prefix, {}, w->dims[0], w->dims[1]);
      else if (w)
        add<Linear>(name, group.prefix, {}, w->dims[1], w->dims[0]);
      else if (const auto* gain = group.find("weight", 1); gain && !alone)
        add<Norm>(name, group.prefix, {}, gain->dims[0]);
      else if (const auto* x = group.find("weight", 3))
        add<SequenceConvolution>(name, group.prefix, {}, x->dims[2], x->dims[1], x->dims[0]);
      else if (const auto* image = group.find("weight", 4); image && image->dims[2] == image->dims[3])
        add<ImageConvolution>(name, group.prefix, {}, image->dims[2], image->dims[1], image->dims[0]);
      else
        used.clear();
    }
    for (const auto& [part, tensor] : group.tensors)
      if (!used.contains(part)) unknown_.push_back(fmt::format("{} {}", tensor->name, tensor->text()));
  }

  void add_keras(const Group& group) {
    const std::string name = with(group.name(), '/', '.');
    // What stands after the names, such as ":0", stands after all of them.
    suffix_ = group.tensors.begin()->first.ends_with(":0") ? ":0" : "";
    const auto has = [&](const char* part, std::size_t rank) { return group.find(part + suffix_, rank); };
    const auto *kernel = has("kernel", 2), *recurrent = has("recurrent_kernel", 2), *table = has("embeddings", 2);
    const bool bias = group.tensors.contains("bias" + suffix_);
    const std::size_t expected = static_cast<std::size_t>(kernel != nullptr) + static_cast<std::size_t>(recurrent != nullptr) +
                                 static_cast<std::size_t>(table != nullptr) + static_cast<std::size_t>(bias);
    const std::string prefix = group.prefix;
    const Index H = recurrent ? recurrent->dims[0] : 0, gates = H > 0 ? recurrent->dims[1] / H : 0;
    if (expected != group.tensors.size() || (recurrent && gates * H != recurrent->dims[1]))
      refuse(group);
    else if (table && !kernel && !recurrent && !bias)
      add<Embedding>(name, prefix, {}, table->dims[0], table->dims[1]);
    else if (kernel && !recurrent && !table)
      add<Linear>(name, prefix, {}, kernel->dims[0], kernel->dims[1]);
    else if (kernel && recurrent && gates == 3 && has("bias", 1))
      add<Gru>(name, prefix, {}, kernel->dims[0], H);
    else if (kernel && recurrent && (gates == 1 || gates == 3 || gates == 4))
      add_cell(name, prefix, {}, gates, kernel->dims[0], H);
    else
      refuse(group);
  }

  Layout layout(const Named& named, Naming naming) const {
    const auto none = [&](const char* where) -> Layout {
      throw FileError(fmt::format("{}: {} {} has no counterpart in {}", file_.path(), kind_of(named.layer), named.name, where));
    };
    try {
      return std::visit(
          [&]<class L>(const L& layer) -> Layout {
            if (naming == Naming::pytorch) {
              if constexpr (std::is_same_v<L, Lstm>) return pytorch::lstm(layer, named.place);
              if constexpr (std::is_same_v<L, Gru> || std::is_same_v<L, GruResetAfter>) return pytorch::gru(layer, named.place);
              if constexpr (std::is_same_v<L, Elman>) return pytorch::rnn(layer, named.place);
              if constexpr (std::is_same_v<L, Linear>) return pytorch::linear(layer);
              if constexpr (std::is_same_v<L, Embedding>) return pytorch::embedding(layer);
              if constexpr (std::is_same_v<L, Norm>) return pytorch::layer_norm(layer.gain, layer.bias);
              if constexpr (std::is_same_v<L, SequenceConvolution>) return pytorch::conv1d(layer);
              if constexpr (std::is_same_v<L, ImageConvolution>) return pytorch::conv2d(layer);
            }
            if constexpr (std::is_same_v<L, Lstm>) return keras::lstm(layer, suffix_);
            if constexpr (std::is_same_v<L, Gru> || std::is_same_v<L, GruResetAfter>) return keras::gru(layer, suffix_);
            if constexpr (std::is_same_v<L, Elman>) return keras::simple_rnn(layer, suffix_);
            if constexpr (std::is_same_v<L, Linear>) return keras::dense(layer, suffix_);
            if constexpr (std::is_same_v<L, Embedding>) return keras::embedding(layer, suffix_);
            return none("Keras");
          },
          named.layer);
    } catch (const InputError& e) {
      throw FileError(fmt::format("{}: {} {}: {}", file_.path(), kind_of(named.layer), named.name, e.what()));
    }
  }

  // "rnn1.reverse": layer 1 of nn.LSTM "rnn", backward. Without a number: layer 0.
  void find_place(Named& named) {
    std::string name = named.name;
    const bool recurrent = named.layer.index() < 4;
    if (recurrent && name.ends_with(".reverse")) {
      named.place.reverse = true;
      name.resize(name.size() - 8);
    }
    std::size_t digits = 0;
    while (digits < 3 && digits < name.size() && is_digit(name[name.size() - 1 - digits])) ++digits;
    if (recurrent && digits > 0) {
      named.place.layer = std::stoi(name.substr(name.size() - digits));
      name.resize(name.size() - digits);
    }
    named.prefix = name.empty() ? "" : name + ".";
  }

  static std::string with(std::string name, char from, char to) {
    std::ranges::replace(name, from, to);
    return name;
  }

  const SafetensorsFile& file_;
  std::string suffix_;  // of Keras' names
  ParameterSet set_;
  std::vector<Named> layers_;
  std::vector<std::string> unknown_;
};

}  // namespace

std::vector<std::string> rename_layers(const SafetensorsFile& file, Naming from, Naming to, const std::string& path) {
  Renaming renaming(file, from);
  const bool doubles = std::ranges::any_of(file.tensors(), [](const StoredTensor& t) { return t.type == StoredType::f64; });
  if (doubles)
    renaming.write<double>(from, to, path);
  else
    renaming.write<float>(from, to, path);
  return renaming.lines(to);
}

}  // namespace reel
