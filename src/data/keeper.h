// Keeper: what a program must know to go on where it stopped, by name: written to a file, or restored from one, by the same
// lines.
//
//   const auto more = [&](Keeper& keep) {
//     keep("epoch", epoch);
//     keep("random", random);
//     keep("order", order);
//   };
//   trainer.save("run.checkpoint", more);     // and, in another process, trainer.resume("run.checkpoint", more)
//
// A class of one's own can be kept when it has a member `void keep(Keeper&)`, which keeps its parts. Errors, when restoring, are
// FileErrors that name the path, the item, what was found and what was expected. Threads: one thread at a time.
#pragma once

#include <concepts>
#include <cstdint>
#include <deque>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <reel/data/safetensors.h>
#include <reel/graph/random.h>

namespace reel {

class Keeper {
 public:
  Keeper() = default;                                             // keeps
  explicit Keeper(const SafetensorsFile& file) : file_(&file) {}  // restores; the file outlives it

  bool restores() const { return file_ != nullptr; }

  // Keeps a copy of the value, or gives it the one of the file.
  template <std::integral I>
  void operator()(std::string_view name, I& value) {
    auto whole = static_cast<std::int64_t>(value);
    integer(name, whole);
    value = static_cast<I>(whole);
    if (static_cast<std::int64_t>(value) != whole) refuse(name, std::to_string(whole) + " is beyond the range here");
  }
  void operator()(std::string_view name, double& value);
  void operator()(std::string_view name, std::string& text);  // any bytes
  void operator()(std::string_view name, RandomStream& random);
  template <class T>
  requires(std::same_as<T, double> || std::same_as<T, float> || std::same_as<T, std::int64_t> ||
           std::same_as<T, std::int32_t>) void
  operator()(std::string_view name, std::vector<T>& list) {
    std::vector<Index> dims{static_cast<Index>(list.size())};
    numbers(name, dims, list);
  }
  template <class T>
  void operator()(std::string_view name, Tensor<T>& tensor);  // float, double, std::int32_t; restored in the file's shape
  template <class K>
  requires requires(K& object, Keeper& keeper) { object.keep(keeper); }
  void operator()(std::string_view name, K& object) {
    const std::size_t outer = prefix_.size();
    prefix_ += std::string(name) + "/";
    object.keep(*this);
    prefix_.resize(outer);
  }

  // Keeps what must be the same when it is restored; else FileError.
  template <std::integral I>
  void same(std::string_view name, I value) {
    auto whole = static_cast<std::int64_t>(value);
    integer(name, whole);
    if (whole != static_cast<std::int64_t>(value))
      refuse(name, "it is " + std::to_string(whole) + " there, but " + std::to_string(value) + " here");
  }
  void same(std::string_view name, std::string_view text);

  // Numbers of a known shape (float, double), which are not copied: they outlive the keeper. To keep, and to restore into.
  template <class T>
  void refer(std::string_view name, TensorView<const T> numbers);
  template <class T>
  void restore(std::string_view name, TensorView<T> to);
  template <class T>
  void in_place(std::string_view name, TensorView<T> numbers) {
    if (file_)
      restore<T>(name, numbers);
    else
      refer<T>(name, numbers);
  }

  // FileError where the file holds what nobody asked for: it was kept by another program.
  void require_all_restored() const;
  // Writes all that was kept, whole or not at all.
  void write(const std::string& path, const std::map<std::string, std::string>& metadata) const;

 private:
  std::string full(std::string_view name) const { return prefix_ + std::string(name); }
  [[noreturn]] void refuse(std::string_view name, const std::string& what) const;
  void integer(std::string_view name, std::int64_t& value);
  template <class T>
  void numbers(std::string_view name, std::vector<Index>& dims, std::vector<T>& list);
  const StoredTensor& stored(std::string_view name, StoredType type);

  const SafetensorsFile* file_ = nullptr;
  std::string prefix_;
  std::vector<TensorToStore> kept_;
  std::deque<std::vector<std::byte>> copies_;
  std::set<std::string> restored_;
};

}  // namespace reel
