#include <reel/data/record.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <reel/graph/error.h>

namespace reel {
namespace {

using Json = nlohmann::json;

constexpr int kMostLevels = 3;  // an object, a list, and what it must not hold

// A parser would follow brackets as deep as they go.
void check_levels(std::string_view json, const std::string& where) {
  int level = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    if (in_text && json[i] == '\\') {
      ++i;
    } else if (json[i] == '"') {
      in_text = !in_text;
    } else if (!in_text) {
      level += (json[i] == '{' || json[i] == '[') - (json[i] == '}' || json[i] == ']');
      if (level > kMostLevels) throw FileError(fmt::format("{}: brackets more than {} deep", where, kMostLevels));
    }
  }
}

bool is_whole(const Json& j) {
  return j.is_number_integer() && (!j.is_number_unsigned() || j.get<std::uint64_t>() <= static_cast<std::uint64_t>(INT64_MAX));
}

template <class T, class Holds>
std::optional<std::vector<T>> list_of(const Json& json, Holds holds) {
  std::vector<T> list;
  for (const Json& element : json) {
    if (!holds(element)) return std::nullopt;
    list.push_back(element.get<T>());
  }
  return list;
}

}  // namespace

Record& Record::put(const std::string& name, Value value) {
  const auto check_text = [&](const std::string& text) {
    try {
      Json(text).dump();
    } catch (const Json::exception&) {
      throw InputError(fmt::format("{}: {} is no UTF-8", where_, name));
    }
  };
  const auto check_real = [&](double x) {
    if (!std::isfinite(x)) throw InputError(fmt::format("{}: {} must be finite, not {}", where_, name, x));
  };
  check_text(name);
  if (const auto* text = std::get_if<std::string>(&value)) check_text(*text);
  if (const auto* texts = std::get_if<std::vector<std::string>>(&value)) std::ranges::for_each(*texts, check_text);
  if (const auto* x = std::get_if<double>(&value)) check_real(*x);
  if (const auto* list = std::get_if<std::vector<double>>(&value)) std::ranges::for_each(*list, check_real);
  values_.insert_or_assign(name, std::move(value));
  return *this;
}

std::string Record::json() const {
  Json json = Json::object();
  for (const auto& [name, value] : values_) std::visit([&, &key = name](const auto& v) { json[key] = v; }, value);
  return json.dump();
}

Record Record::of_json(std::string_view text, std::string where) {
  check_levels(text, where);
  if (const auto zero = text.find('\0'); zero != std::string_view::npos)  // a parser would take it for the end
    throw FileError(fmt::format("{}: is no JSON: byte {} is zero", where, zero + 1));
  std::set<std::string> seen;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth == 1 && event == Json::parse_event_t::key && !seen.insert(parsed.get<std::string>()).second)
      throw FileError(fmt::format("{}: {} comes twice", where, parsed.get<std::string>()));
    return true;
  };
  Json json;
  try {
    json = Json::parse(text, watch);
  } catch (const Json::parse_error& e) {
    throw FileError(fmt::format("{}: is no JSON: byte {} is not what must follow there", where, e.byte));
  }
  if (!json.is_object()) throw FileError(fmt::format("{}: must be a JSON object, not {}", where, json.type_name()));
  Record record(std::move(where));
  for (const auto& [name, value] : json.items()) {
    if (value.is_string()) {
      record.put(name, value.get<std::string>());
    } else if (value.is_boolean()) {
      record.put(name, value.get<bool>());
    } else if (is_whole(value)) {
      record.put(name, value.get<Index>());
    } else if (value.is_number()) {
      record.put(name, value.get<double>());
    } else if (!value.is_array()) {
      throw FileError(fmt::format("{}: {} is {}, of which a record has none", record.where_, name, value.type_name()));
    } else if (auto wholes = list_of<Index>(value, is_whole)) {
      record.put(name, std::move(*wholes));
    } else if (auto reals = list_of<double>(value, [](const Json& j) { return j.is_number(); })) {
      record.put(name, std::move(*reals));
    } else if (auto texts = list_of<std::string>(value, [](const Json& j) { return j.is_string(); })) {
      record.put(name, std::move(*texts));
    } else {
      throw FileError(fmt::format("{}: {} is a list of neither texts nor numbers alone", record.where_, name));
    }
  }
  return record;
}

std::vector<std::string> Record::names() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : values_) names.push_back(name);
  return names;
}

const Record::Value& Record::find(std::string_view name) const {
  const auto at = values_.find(name);
  if (at == values_.end()) throw FileError(fmt::format("{}: there is no {}", where_, name));
  return at->second;
}

void Record::refuse(std::string_view name, const std::string& expected) const {
  constexpr std::string_view kKinds[] = {"a text",          "a truth value",           "a whole number",   "a real number",
                                         "a list of texts", "a list of whole numbers", "a list of numbers"};
  throw FileError(fmt::format("{}: {} must be {}, not {}", where_, name, expected, kKinds[find(name).index()]));
}

const std::string& Record::text(std::string_view name) const {
  if (const auto* text = std::get_if<std::string>(&find(name))) return *text;
  refuse(name, "a text");
}
Index Record::whole(std::string_view name) const {
  if (const auto* number = std::get_if<Index>(&find(name))) return *number;
  refuse(name, "a whole number");
}
Index Record::count(std::string_view name, Index least) const {
  const Index n = whole(name);
  if (n < least) throw FileError(fmt::format("{}: {} must be {} or more, not {}", where_, name, least, n));
  return n;
}
double Record::real(std::string_view name) const {
  if (const auto* number = std::get_if<double>(&find(name))) return *number;
  if (const auto* number = std::get_if<Index>(&find(name))) return static_cast<double>(*number);
  refuse(name, "a number");
}
bool Record::flag(std::string_view name) const {
  if (const auto* flag = std::get_if<bool>(&find(name))) return *flag;
  refuse(name, "true or false");
}
std::vector<std::string> Record::texts(std::string_view name) const {
  const Value& value = find(name);
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) return *list;
  if (const auto* none = std::get_if<std::vector<Index>>(&value); none && none->empty()) return {};
  refuse(name, "a list of texts");
}
std::vector<Index> Record::wholes(std::string_view name) const {
  if (const auto* list = std::get_if<std::vector<Index>>(&find(name))) return *list;
  refuse(name, "a list of whole numbers");
}
std::vector<double> Record::reals(std::string_view name) const {
  const Value& value = find(name);
  if (const auto* list = std::get_if<std::vector<double>>(&value)) return *list;
  if (const auto* list = std::get_if<std::vector<Index>>(&value)) return {list->begin(), list->end()};
  refuse(name, "a list of numbers");
}

}  // namespace reel
