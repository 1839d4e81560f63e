// A recipe while it grows: chance, instructions, and which registers fit where.
#pragma once

#include <reel/ops/arithmetic.h>

#include "recipe.h"

namespace reel::test {

enum class Want : std::uint8_t { any, vectors, matrix, batched, unbatched, counted, ids, of_step };

class Growth {
 public:
  // Everything is recorded at once on a scratch tape of one step, which tells shapes.
  explicit Growth(std::uint64_t seed) : random_(seed, 17), recorder_(scratch_, recipe) { recipe.seed = seed, recipe.T = 1; }

  // ---- chance ----
  Index below(Index n) { return random_.below(n); }
  bool chance(double p) { return random_.uniform() < p; }
  template <class V>
  const auto& any_of(const V& from) {
    return from[static_cast<std::size_t>(below(static_cast<Index>(std::size(from))))];
  }
  // Of a vector: mostly small, with tails in every kernel; sometimes several of a kernel's panels.
  Index width() { return chance(0.9) ? 1 + below(8) : chance(0.9) ? 9 + below(28) : 37 + below(40); }

  // ---- instructions ----
  // The new register, or the first operand where it would be too large.
  int add(std::string_view name, std::vector<int> x, std::array<Index, 3> n = {}) {
    Instruction i;
    i.rule = rule(name), i.x = std::move(x), i.n = n;
    return add(std::move(i));
  }
  int add(Instruction i) {
    const int index = static_cast<int>(recipe.instructions.size());
    i.section = section;
    i.stream = static_cast<std::uint64_t>(index);
    recipe.instructions.push_back(std::move(i));
    recorder_.record(index);
    const Shape& s = recorder_.at(index).shape();
    if (recipe.instructions.back().leaf() || (s.row_size() <= (s.batched() ? 400 : 8192) && s.rank() <= 3)) return index;
    const int instead = recipe.instructions.back().x.at(0);
    recipe.instructions.pop_back();
    return instead;
  }
  int leaf(std::string_view name, Shape shape, Index vocabulary = 0) {
    Instruction i;
    i.rule = rule(name), i.shape = shape, i.n = {vocabulary, 0, 0};
    return add(std::move(i));
  }
  // A parameter [K, N], new or used before.
  int weight(Index K, Index N) {
    if (chance(0.3))
      if (const int known = pick([&](Var v) { return v.shape() == Shape{K, N}; }); known >= 0) return known;
    return leaf("parameter", {K, N});
  }
  bool has(std::string_view name) const {
    return std::ranges::any_of(recipe.instructions, [&](const Instruction& i) { return i.rule->name == name; });
  }
  Instruction& at(int i) { return recipe.instructions[static_cast<std::size_t>(i)]; }
  Shape shape(int i) const { return recorder_.at(i).shape(); }

  // A register that fits, rather a recent one; -1: none.
  template <class F>
  int pick(F accept) {
    std::vector<int> found;
    for (int i = 0; i < static_cast<int>(recipe.instructions.size()); ++i)
      if (accept(recorder_.at(i))) found.push_back(i);
    if (found.empty()) return -1;
    if (found.size() > 5 && chance(0.5)) found.erase(found.begin(), found.end() - 5);
    return any_of(found);
  }
  // The same, or any real one.
  int pick(Want want) {
    const int found = pick([&](Var v) {
      const Shape& s = v.shape();
      if (want == Want::ids) return v.type() == Type::id;
      if (v.type() == Type::id) return false;
      if (want == Want::vectors) return s.rank() > 0;
      if (want == Want::matrix) return !s.batched() && s.rank() == 2;
      if (want == Want::counted) return s.rows().is_counted();
      if (want == Want::of_step) return at(index_of(v)).section == Section::step;
      return want == Want::any || s.batched() == (want == Want::batched);
    });
    return found >= 0 ? found : pick([](Var v) { return v.type() == Type::real; });
  }
  // From here on a state is what the step left.
  void end_step() {
    recorder_.end_step();
    recorder_.end_steps();
  }

  Recipe recipe;
  Section section = Section::before;  // of what is added

 private:
  int index_of(Var v) const {
    int i = 0;
    while (recorder_.at(i) != v) ++i;
    return i;
  }

  RandomStream random_;
  RandomTape scratch_;
  Recorder recorder_;
};

}  // namespace reel::test
