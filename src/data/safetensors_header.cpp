#include <reel/data/safetensors_header.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <reel/graph/error.h>

namespace reel {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kMetadata = "__metadata__";
constexpr std::size_t kLengthBytes = 8;

// Takes the header as it is parsed: nothing is kept but what the format has, at no more than three levels.
class HeaderParser : public nlohmann::json_sax<Json> {
 public:
  explicit HeaderParser(const std::string& path) : path_(path) {}

  std::vector<StoredTensor> tensors;
  std::map<std::string, std::string> metadata;

  bool start_object(std::size_t) override {
    if (place_ == Place::begin)
      place_ = Place::names;
    else if (place_ == Place::names)
      place_ = in_metadata_ ? Place::metadata : Place::tensor;
    else
      fail("an object");
    return true;
  }
  bool end_object() override {
    if (place_ == Place::names) {
      place_ = Place::end;
      return true;
    }
    if (place_ == Place::tensor) end_tensor();
    place_ = Place::names;
    return true;
  }
  bool key(std::string& name) override {
    if (place_ == Place::names)
      begin_entry(name);
    else if (place_ == Place::metadata)
      begin_text(name);
    else
      begin_field(name);
    return true;
  }
  bool string(std::string& text) override {
    if (place_ == Place::metadata) {
      metadata[key_] = std::move(text);
    } else if (place_ == Place::tensor && field_ == Field::type) {
      const auto known = stored_type(text);
      if (!known) refuse(fmt::format("{} has the type {}, which is not known", shown_name(name_), shown_name(text)));
      type_ = *known;
    } else {
      fail("a text");
    }
    return true;
  }
  bool start_array(std::size_t) override {
    if (place_ != Place::tensor || field_ == Field::type) fail("a list");
    place_ = Place::list;
    return true;
  }
  bool end_array() override {
    if (field_ == Field::offsets && numbers_.size() != 2)
      refuse(fmt::format("{} has {} data_offsets, not 2", shown_name(name_), numbers_.size()));
    (field_ == Field::shape ? shape_ : offsets_) = std::move(numbers_);
    numbers_.clear();
    place_ = Place::tensor;
    return true;
  }
  bool number_unsigned(std::uint64_t number) override {
    if (place_ != Place::list) fail("a number");
    if (number > static_cast<std::uint64_t>(std::numeric_limits<Index>::max())) too_large(fmt::format("{}", number));
    numbers_.push_back(static_cast<Index>(number));
    return true;
  }
  bool number_integer(std::int64_t number) override {
    if (place_ != Place::list) fail("a number");
    refuse(fmt::format("a number among the {} of {} is negative: {}", field_name(), shown_name(name_), number));
  }
  bool number_float(double, const std::string& text) override {
    if (place_ != Place::list) fail("a number");
    if (text.find_first_of(".eE") == std::string::npos) too_large(text);
    refuse(fmt::format("a number among the {} of {} is not whole: {}", field_name(), shown_name(name_), text.substr(0, 40)));
  }
  bool boolean(bool) override { fail("a truth value"); }
  bool null() override { fail("null"); }
  bool binary(Json::binary_t&) override { fail("binary data"); }
  // Of what the parser says only the place: its message holds bytes of the file.
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    refuse(fmt::format("its header is no JSON: byte {} of it is not what must follow there", position));
  }

 private:
  enum class Place { begin, names, metadata, tensor, list, end };
  enum class Field { none, type, shape, offsets };

  [[noreturn]] void refuse(const std::string& what) const { throw FileError(fmt::format("{}: {}", path_, what)); }
  [[noreturn]] void too_large(const std::string& number) const {
    refuse(fmt::format("a number among the {} of {} is larger than 2^63 - 1: {}", field_name(), shown_name(name_),
                       number.substr(0, 40)));
  }
  // There is something where something else must be.
  [[noreturn]] void fail(std::string_view found) const {
    switch (place_) {
      case Place::begin:
      case Place::end:
        refuse(fmt::format("its header must be a JSON object, not {}", found));
      case Place::names:
        refuse(fmt::format("{} in its header must be an object, not {}", shown_name(in_metadata_ ? kMetadata : name_), found));
      case Place::metadata:
        refuse(fmt::format("the metadata {} must be a text, not {}", shown_name(key_), found));
      case Place::tensor:
        refuse(fmt::format("the {} of {} must be {}, not {}", field_name(), shown_name(name_),
                           field_ == Field::type ? "a text" : "a list of numbers", found));
      case Place::list:
        refuse(fmt::format("the {} of {} must hold numbers, not {}", field_name(), shown_name(name_), found));
    }
    refuse("its header is not as the format has it");
  }
  std::string_view field_name() const {
    return field_ == Field::type ? "dtype" : field_ == Field::shape ? "shape" : "data_offsets";
  }

  void begin_entry(const std::string& name) {
    in_metadata_ = name == kMetadata;
    if (in_metadata_) {
      if (metadata_seen_) refuse(fmt::format("{} comes twice in its header", kMetadata));
      metadata_seen_ = true;
      return;
    }
    name_ = name;
    type_.reset(), shape_.reset(), offsets_.reset();
    field_ = Field::none;
  }
  void begin_text(std::string& key) {
    if (metadata.contains(key)) refuse(fmt::format("the metadata {} comes twice", shown_name(key)));
    key_ = std::move(key);
  }
  void begin_field(const std::string& key) {
    field_ = key == "dtype" ? Field::type : key == "shape" ? Field::shape : key == "data_offsets" ? Field::offsets : Field::none;
    if (field_ == Field::none)
      refuse(fmt::format("{} has {}, which the format does not know", shown_name(name_), shown_name(key)));
    if (field_ == Field::type ? type_.has_value() : (field_ == Field::shape ? shape_ : offsets_).has_value())
      refuse(fmt::format("the {} of {} comes twice", field_name(), shown_name(name_)));
  }
  void end_tensor() {
    const auto require = [&](bool has, std::string_view what) {
      if (!has) refuse(fmt::format("{} has no {}", shown_name(name_), what));
    };
    require(type_.has_value(), "dtype");
    require(shape_.has_value(), "shape");
    require(offsets_.has_value(), "data_offsets");
    if ((*offsets_)[0] > (*offsets_)[1])
      refuse(fmt::format("the data_offsets of {} end before they begin: {} and {}", shown_name(name_), (*offsets_)[0],
                         (*offsets_)[1]));
    tensors.push_back({std::move(name_), *type_, std::move(*shape_), static_cast<std::size_t>((*offsets_)[0]),
                       static_cast<std::size_t>((*offsets_)[1])});
    name_.clear();
  }

  const std::string& path_;
  Place place_ = Place::begin;
  bool in_metadata_ = false, metadata_seen_ = false;
  std::string key_;   // of the metadata
  std::string name_;  // of the tensor
  Field field_ = Field::none;
  std::optional<StoredType> type_;
  std::optional<std::vector<Index>> shape_, offsets_;
  std::vector<Index> numbers_;
};

// Nothing where the product is beyond what an Index holds.
std::optional<Index> product(std::span<const Index> dims) {
  if (std::ranges::find(dims, 0) != dims.end()) return 0;
  Index n = 1;
  for (Index d : dims)
    if (__builtin_mul_overflow(n, d, &n)) return std::nullopt;
  return n;
}

void check_sizes(const std::string& path, std::span<const StoredTensor> tensors) {
  for (const StoredTensor& t : tensors) {
    const auto elements = product(t.dims);
    Index bytes = 0;
    if (!elements || __builtin_mul_overflow(*elements, static_cast<Index>(stored_bytes(t.type)), &bytes))
      throw FileError(fmt::format("{}: {} {} has more elements than can be counted", path, shown_name(t.name), t.text()));
    if (t.end - t.begin != static_cast<std::size_t>(bytes))
      throw FileError(fmt::format("{}: {} {} needs {} bytes, but its data_offsets {} and {} hold {}", path, shown_name(t.name),
                                  t.text(), bytes, t.begin, t.end, t.end - t.begin));
  }
}

// The tensors' bytes must be all of the buffer's, each once.
void check_places(const std::string& path, std::span<const StoredTensor> tensors, std::size_t buffer) {
  std::vector<const StoredTensor*> in_order;
  for (const StoredTensor& t : tensors) {
    if (t.end > buffer)
      throw FileError(fmt::format("{}: {} reaches to byte {} after the header, but only {} follow: the file is cut short", path,
                                  shown_name(t.name), t.end, buffer));
    in_order.push_back(&t);
  }
  std::ranges::sort(in_order, {}, [](const StoredTensor* t) { return std::pair(t->begin, t->end); });
  std::size_t end = 0;
  const StoredTensor* before = nullptr;
  for (const StoredTensor* t : in_order) {
    if (t->begin < end)
      throw FileError(
          fmt::format("{}: {} and {} overlap at byte {}", path, shown_name(before->name), shown_name(t->name), t->begin));
    if (t->begin > end) throw FileError(fmt::format("{}: the bytes {} to {} belong to no tensor", path, end, t->begin));
    end = t->end;
    before = t;
  }
  if (end != buffer) throw FileError(fmt::format("{}: {} bytes follow after the last tensor", path, buffer - end));
}

std::string json_text(std::string_view text, std::string_view what) {
  try {
    return Json(text).dump();
  } catch (const Json::exception&) {
    throw InputError(fmt::format("safetensors: {} {} is no UTF-8", what, shown_name(text)));
  }
}

}  // namespace

std::string shown_name(std::string_view name) {
  constexpr std::size_t kMost = 80;
  std::string shown(name.substr(0, kMost));
  for (char& c : shown)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  return fmt::format("\"{}{}\"", shown, name.size() > kMost ? "..." : "");
}

SafetensorsHeader parse_safetensors_header(std::span<const std::byte> file, const std::string& path,
                                           const SafetensorsLimits& limits) {
  if (file.size() < kLengthBytes)
    throw FileError(fmt::format("{}: is too short for a safetensors file: {} bytes, of which the first 8 are its header's length",
                                path, file.size()));
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), kLengthBytes);
  if (length > limits.header)
    throw FileError(fmt::format("{}: promises a header of {} bytes; the limit is {} (is it a safetensors file?)", path, length,
                                limits.header));
  if (length > file.size() - kLengthBytes)
    throw FileError(fmt::format("{}: promises a header of {} bytes, but has only {} more: it is cut short", path, length,
                                file.size() - kLengthBytes));
  const auto* text = reinterpret_cast<const char*>(file.data()) + kLengthBytes;
  // A parser would take it for the end.
  if (const auto* zero = static_cast<const char*>(std::memchr(text, 0, length)))
    throw FileError(fmt::format("{}: its header is no JSON: byte {} of it is zero", path, zero - text + 1));
  HeaderParser parser(path);
  Json::sax_parse(text, text + length, &parser);

  SafetensorsHeader header{std::move(parser.tensors), std::move(parser.metadata),
                           kLengthBytes + static_cast<std::size_t>(length)};
  std::ranges::sort(header.tensors, {}, &StoredTensor::name);
  const auto twice = std::ranges::adjacent_find(header.tensors, {}, &StoredTensor::name);
  if (twice != header.tensors.end())
    throw FileError(fmt::format("{}: {} comes twice in its header", path, shown_name(twice->name)));
  check_sizes(path, header.tensors);
  check_places(path, header.tensors, file.size() - header.end);
  return header;
}

std::string make_safetensors_header(std::span<const StoredTensor> tensors, const std::map<std::string, std::string>& metadata) {
  std::string json = "{";
  const auto entry = [&](std::string_view name, const std::string& value) {
    json += fmt::format("{}{}:{}", json.size() > 1 ? "," : "", json_text(name, "the name"), value);
  };
  if (!metadata.empty()) {
    std::string texts;
    for (const auto& [key, value] : metadata)
      texts += fmt::format("{}{}:{}", texts.empty() ? "" : ",", json_text(key, "the metadata's name"),
                           json_text(value, "the metadata"));
    entry(kMetadata, "{" + texts + "}");
  }
  for (const StoredTensor& t : tensors)
    entry(t.name, fmt::format(R"({{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})", stored_name(t.type),
                              fmt::join(t.dims, ","), t.begin, t.end));
  json += "}";
  json.resize((json.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = json.size();
  std::string header(kLengthBytes, '\0');
  std::memcpy(header.data(), &length, kLengthBytes);
  return header + json;
}

}  // namespace reel
