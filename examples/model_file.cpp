// Looks into model files and checkpoints: what is in them, whether they are whole, how two differ; converts their numbers and
// names; and writes models as C++ and ONNX.
#include <algorithm>
#include <cmath>

#include "common/program.h"
#include "common/served.h"

#include <reel/data/safetensors.h>
#include <reel/export/emit_cpp.h>
#include <reel/export/export_onnx.h>
#include <reel/models/exchange/naming.h>

using namespace reel;

namespace {

// What a tensor's numbers are like.
struct Range {
  double low = INFINITY, high = -INFINITY, square_sum = 0;
  Index finite = 0, nan = 0, infinite = 0;
  void add(double x) {
    if (std::isnan(x)) {
      ++nan;
    } else if (std::isinf(x)) {
      ++infinite;
    } else {
      low = std::min(low, x), high = std::max(high, x);
      square_sum += x * x;
      ++finite;
    }
  }
  double root_mean_square() const { return finite == 0 ? 0 : std::sqrt(square_sum / static_cast<double>(finite)); }
};

// The numbers of a tensor, some at a time, so that a large one costs no second copy.
template <class F>
void for_each_number(const SafetensorsFile& file, const StoredTensor& tensor, F f) {
  constexpr std::size_t kSome = 8192;
  const auto bytes = file.bytes(tensor);
  const std::size_t each = stored_bytes(tensor.type), count = bytes.size() / each;
  std::vector<double> numbers(std::min(kSome, count));
  for (std::size_t first = 0; first < count; first += kSome) {
    const auto some = std::span(numbers).first(std::min(kSome, count - first));
    if (from_stored<double>(tensor.type, bytes.subspan(first * each, some.size() * each), some))
      throw FileError(fmt::format("{}: a number of {} is too long for a double", file.path(), tensor.name));
    for (double x : some) f(x);
  }
}

Range range_of(const SafetensorsFile& file, const StoredTensor& tensor) {
  Range range;
  for_each_number(file, tensor, [&](double x) { range.add(x); });
  return range;
}

// Where the range lies between -most and most.
std::string bar(const Range& range, double most) {
  constexpr int kHalf = 12;
  std::string shown(2 * kHalf + 1, ' ');
  if (range.finite > 0 && most > 0) {
    const auto column = [&](double x) { return kHalf + static_cast<int>(std::lround(kHalf * x / most)); };
    for (int i = column(range.low); i <= column(range.high); ++i) shown[static_cast<std::size_t>(i)] = '=';
  }
  if (shown[kHalf] == ' ') shown[kHalf] = '|';
  return shown;
}

std::string warning(const Range& range) {
  std::string text;
  if (range.nan > 0) text += fmt::format("  {} NaN!", range.nan);
  if (range.infinite > 0) text += fmt::format("  {} infinite!", range.infinite);
  return text;
}

std::string megabytes(std::size_t bytes) {
  return bytes < 1'000'000 ? fmt::format("{:.1f} kB", static_cast<double>(bytes) / 1e3)
                           : fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

void show(const std::string& path) {
  const SafetensorsFile file(path);
  Index elements = 0;
  std::vector<Range> ranges;
  double most = 0;
  std::size_t widest = 4;
  for (const StoredTensor& tensor : file.tensors()) {
    ranges.push_back(range_of(file, tensor));
    elements += tensor.elements();
    if (ranges.back().finite > 0 && stored_real(tensor.type))
      most = std::max({most, std::abs(ranges.back().low), std::abs(ranges.back().high)});
    widest = std::max(widest, tensor.name.size());
  }
  fmt::print("{}: {} tensors, {} numbers, {}\n", path, file.tensors().size(), elements, megabytes(file.bytes()));
  for (const auto& [key, value] : file.metadata()) fmt::print("  {}: {}\n", key, value);
  if (most > 0) fmt::print("ranges between -{0:.3g} and {0:.3g}\n", most);
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    const StoredTensor& tensor = file.tensors()[i];
    const std::string shown = stored_real(tensor.type) ? bar(ranges[i], most) : std::string();
    fmt::print("{:<{}}  {:<20} {:<25}  rms {:.3g}{}\n", tensor.name, std::min<std::size_t>(widest, 40), tensor.text(), shown,
               ranges[i].root_mean_square(), warning(ranges[i]));
  }
}

// NumericError where a number is not finite.
void check(const std::string& path) {
  const SafetensorsFile file(path);
  std::string bad;
  for (const StoredTensor& tensor : file.tensors())
    if (const std::string text = warning(range_of(file, tensor)); !text.empty()) bad += fmt::format("; {}:{}", tensor.name, text);
  if (!bad.empty()) throw NumericError(fmt::format("{}: is whole, but holds numbers that are not finite{}", path, bad));
  fmt::print("{}: whole, {} tensors, all numbers finite\n", path, file.tensors().size());
}

void convert_type(const SafetensorsFile& file, const std::string& to, const std::string& type) {
  const StoredType wanted = *stored_type(type);
  std::vector<std::vector<double>> numbers(file.tensors().size());
  std::vector<std::vector<std::int64_t>> wholes(file.tensors().size());
  std::vector<TensorToStore> tensors;
  for (std::size_t i = 0; i < file.tensors().size(); ++i) {
    const StoredTensor& tensor = file.tensors()[i];
    const auto count = static_cast<std::size_t>(tensor.elements());
    if (stored_real(tensor.type)) {
      numbers[i].resize(count);
      file.read<double>(tensor, numbers[i]);
      tensors.emplace_back(tensor.name, tensor.dims, std::span<const double>(numbers[i]), wanted);
    } else {  // whole numbers stay what they are
      wholes[i].resize(count);
      file.read<std::int64_t>(tensor, wholes[i]);
      tensors.emplace_back(tensor.name, tensor.dims, std::span<const std::int64_t>(wholes[i]), tensor.type);
    }
  }
  write_safetensors(to, std::move(tensors), file.metadata());
  fmt::print("{}: {}\n", to, megabytes(SafetensorsFile(to).bytes()));
}

struct Conversion {
  std::string type;  // empty: as it is
  std::string from = "reel", to = "reel";
};

const std::map<std::string, Naming> kNamings = {{"reel", Naming::reel}, {"pytorch", Naming::pytorch}, {"keras", Naming::keras}};

void convert(const std::string& from, const std::string& to, const Conversion& how) {
  const SafetensorsFile file(from);
  if (how.from == how.to) return convert_type(file, to, how.type.empty() ? "BF16" : how.type);
  for (const std::string& line : rename_layers(file, kNamings.at(how.from), kNamings.at(how.to), to)) fmt::print("{}\n", line);
  if (!how.type.empty())
    convert_type(SafetensorsFile(to), to, how.type);
  else
    fmt::print("{}: {}\n", to, megabytes(SafetensorsFile(to).bytes()));
}

void emit(const std::string& from, const std::string& to, const std::string& name) {
  const program::Served model = program::served(from);
  const std::string text = emit_cpp(model.outputs, model.values, {.name = name, .description = model.about});
  write_file(to, text);
  fmt::print("{}: {}, namespace {}\n", to, megabytes(text.size()), name);
}

void to_onnx(const std::string& from, const std::string& to) {
  const program::Served model = program::served(from);
  const std::string bytes = export_onnx(model.outputs, model.values, {.description = model.about});
  write_file(to, bytes);
  fmt::print("{}: {}\n", to, megabytes(bytes.size()));
}

// True where the files hold the same.
bool diff(const std::string& path_a, const std::string& path_b) {
  const SafetensorsFile a(path_a), b(path_b);
  bool same = true;
  const auto differs = [&](const std::string& what) {
    fmt::print("{}\n", what);
    same = false;
  };
  for (const StoredTensor& tensor : a.tensors()) {
    const StoredTensor* other = b.find(tensor.name);
    if (!other) {
      differs(fmt::format("{} {}: only in {}", tensor.name, tensor.text(), path_a));
    } else if (other->dims != tensor.dims) {
      differs(fmt::format("{}: {} and {}", tensor.name, tensor.text(), other->text()));
    } else {
      std::vector<double> x, y;
      for_each_number(a, tensor, [&](double v) { x.push_back(v); });
      for_each_number(b, *other, [&](double v) { y.push_back(v); });
      double worst = 0;
      Index count = 0;
      std::size_t at = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        if (x[i] == y[i] || (std::isnan(x[i]) && std::isnan(y[i]))) continue;
        ++count;
        const double off = std::abs(x[i] - y[i]);
        if (!(off <= worst)) worst = off, at = i;
      }
      if (count > 0)
        differs(fmt::format("{} {}: {} of {} differ, most of all element {}: {} and {}", tensor.name, tensor.text(), count,
                            x.size(), at, x[at], y[at]));
      else if (other->type != tensor.type)
        differs(fmt::format("{}: the same numbers as {} and {}", tensor.name, tensor.text(), other->text()));
    }
  }
  for (const StoredTensor& tensor : b.tensors())
    if (!a.find(tensor.name)) differs(fmt::format("{} {}: only in {}", tensor.name, tensor.text(), path_b));
  auto keys = a.metadata();
  keys.insert(b.metadata().begin(), b.metadata().end());
  for (const auto& [key, ignored] : keys) {
    const auto in_a = a.metadata().find(key), in_b = b.metadata().find(key);
    if (in_a == a.metadata().end() || in_b == b.metadata().end() || in_a->second != in_b->second)
      differs(fmt::format("metadata {}: {} and {}", key, in_a == a.metadata().end() ? "none" : in_a->second,
                          in_b == b.metadata().end() ? "none" : in_b->second));
  }
  if (same) fmt::print("the same\n");
  return same;
}

}  // namespace

int main(int argc, char** argv) {
  std::string first, second;
  Conversion conversion;
  CLI::App app("Looks into model files and checkpoints.", "model_file");
  app.require_subcommand(1);
  const auto files = [&](CLI::App* command, bool two) {
    command->add_option("file", first, "The file")->required()->check(program::not_empty());
    if (two) command->add_option("other", second, "The other file")->required()->check(program::not_empty());
    return command;
  };
  const auto* shows = files(app.add_subcommand("show", "Names, types, shapes, ranges, and the metadata"), false);
  const auto* checks = files(app.add_subcommand("check", "Whether the file is whole and all its numbers are finite"), false);
  auto* converts =
      files(app.add_subcommand("convert",
                               "Writes the other file with another type of real numbers, or with the names of another framework"),
            true);
  converts->add_option("--type", conversion.type, "F64, F32, F16 or BF16; by default BF16 where names stay as they are")
      ->check(CLI::IsMember({"F64", "F32", "F16", "BF16"}));
  for (const auto& [option, value, told] : {std::tuple("--from", &conversion.from, "Whose names the file has"),
                                            std::tuple("--to", &conversion.to, "Whose names the other file gets")})
    converts->add_option(option, *value, told)->check(CLI::IsMember({"reel", "pytorch", "keras"}))->capture_default_str();
  const auto* diffs =
      files(app.add_subcommand("diff", "What differs between two files; the status is 1 where something does"), true);
  std::string name = "model";
  auto* emits =
      files(app.add_subcommand("emit", "Writes one step of the model as the other file: a header of C++17 that needs no library"),
            true);
  emits->add_option("--name", name, "The header's namespace")->capture_default_str();
  const auto* onnx = files(app.add_subcommand("onnx", "Writes one step of the model as the other file, in ONNX"), true);
  bool differ = false;
  const int status = program::run(app, argc, argv, [&] {
    if (shows->parsed()) show(first);
    if (checks->parsed()) check(first);
    if (converts->parsed()) convert(first, second, conversion);
    if (onnx->parsed()) to_onnx(first, second);
    if (emits->parsed()) emit(first, second, name);
    if (diffs->parsed()) differ = !diff(first, second);
  });
  return status != 0 ? status : differ;
}
