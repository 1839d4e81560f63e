// Record: a description of something by named values, such as the settings that a model is built from; written as JSON.
//
//   Record r;
//   r.set("cell", "lstm").set("units", 128).set("vocabulary", words);
//   r.count("units");                     // 128
//
// Values are texts (UTF-8), whole numbers, real numbers, truth values, and lists of texts or of numbers. Always holds: one value
// for a name; what is written is read as it was, and is the same text for the same values. Threads: as std::map.
#pragma once

#include <concepts>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <reel/graph/shape.h>

namespace reel {

class Record {
 public:
  Record() = default;
  // `where` stands before every message, such as the path of the file that it came from.
  explicit Record(std::string where) : where_(std::move(where)) {}
  // FileError for what is no JSON object of such values.
  static Record of_json(std::string_view json, std::string where);
  std::string json() const;

  // In place of what the name had. InputError for a real number that is not finite, and for a text that is no UTF-8.
  Record& set(const std::string& name, std::string_view text) { return put(name, std::string(text)); }
  Record& set(const std::string& name, const char* text) { return put(name, std::string(text)); }
  Record& set(const std::string& name, const std::string& text) { return put(name, text); }
  Record& set(const std::string& name, bool flag) { return put(name, flag); }
  template <std::integral I>
  requires(!std::same_as<I, bool>) Record& set(const std::string& name, I number) {
    return put(name, static_cast<Index>(number));
  }
  Record& set(const std::string& name, double number) { return put(name, number); }
  Record& set(const std::string& name, std::vector<std::string> texts) { return put(name, std::move(texts)); }
  Record& set(const std::string& name, std::vector<Index> numbers) { return put(name, std::move(numbers)); }
  Record& set(const std::string& name, std::vector<double> numbers) { return put(name, std::move(numbers)); }

  void erase(const std::string& name) { values_.erase(name); }

  bool has(std::string_view name) const { return values_.contains(name); }
  std::vector<std::string> names() const;  // ascending

  // FileError where there is no such value or it is of another kind. A whole number is also a real one.
  const std::string& text(std::string_view name) const;
  Index whole(std::string_view name) const;
  Index count(std::string_view name, Index least = 1) const;  // ... or less than that
  double real(std::string_view name) const;
  bool flag(std::string_view name) const;
  std::vector<std::string> texts(std::string_view name) const;
  std::vector<Index> wholes(std::string_view name) const;
  std::vector<double> reals(std::string_view name) const;

  bool operator==(const Record& other) const { return values_ == other.values_; }

 private:
  using Value = std::variant<std::string, bool, Index, double, std::vector<std::string>, std::vector<Index>, std::vector<double>>;
  Record& put(const std::string& name, Value value);
  const Value& find(std::string_view name) const;
  [[noreturn]] void refuse(std::string_view name, const std::string& expected) const;

  std::string where_ = "record";
  std::map<std::string, Value, std::less<>> values_;
};

}  // namespace reel
