#include "shrink.h"

#include <limits>

namespace reel::test {
namespace {

class Shrinker {
 public:
  Shrinker(Recipe recipe, const std::function<bool(const Recipe&)>& fails) : best_(std::move(recipe)), fails_(fails) {}

  Recipe run() {
    bool smaller = true;
    while (smaller) {
      smaller = drop_unread();
      smaller |= fewer_repetitions();
      smaller |= drop_marks();
      smaller |= drop_instructions();
      smaller |= simpler_instructions();
      smaller |= smaller_leaves();
      smaller |= fitting_leaves();
    }
    return std::move(best_);
  }

 private:
  bool accept(Recipe candidate) try {
    if (!fails_(candidate)) return false;
    best_ = std::move(candidate);
    return true;
  } catch (const std::exception&) {  // not recordable at all
    return false;
  }
  template <class F>
  bool with(F change) {
    Recipe candidate = best_;
    change(candidate);
    return accept(std::move(candidate));
  }
  template <class F>
  bool with(std::size_t i, F change) {
    return with([&](Recipe& r) { change(r.instructions[i]); });
  }
  std::size_t size() const { return best_.instructions.size(); }
  const Instruction& at(std::size_t i) const { return best_.instructions[i]; }

  // `recipe` without instruction i, whose readers read `instead` (-1: nobody may read it).
  static void remove(Recipe& recipe, int i, int instead) {
    const auto moved = [&](int x) { return x == i ? (instead > i ? instead - 1 : instead) : x > i ? x - 1 : x; };
    recipe.instructions.erase(recipe.instructions.begin() + i);
    for (Instruction& user : recipe.instructions) {
      for (int& x : user.x) x = moved(x);
      if (user.next >= 0) user.next = moved(user.next);
    }
  }

  bool is_read(int i) const {
    return std::ranges::any_of(best_.instructions, [&](const Instruction& user) {
      return user.next == i || std::ranges::find(user.x, i) != user.x.end();
    });
  }

  // All that no output needs at once, for a quick start.
  bool drop_unread() {
    return with([&](Recipe& r) {
             std::vector<char> needed(r.instructions.size(), 0);
             for (bool more = true; more;) {
               more = false;
               for (std::size_t k = r.instructions.size(); k-- > 0;) {
                 const Instruction& i = r.instructions[k];
                 if (!needed[k] && (i.output || i.in_loss)) needed[k] = 1, more = true;
                 if (!needed[k]) continue;
                 for (int x : i.x) more |= !std::exchange(needed[static_cast<std::size_t>(x)], 1);
                 if (i.next >= 0) more |= !std::exchange(needed[static_cast<std::size_t>(i.next)], 1);
               }
             }
             for (std::size_t k = needed.size(); k-- > 0;)
               if (!needed[k]) remove(r, static_cast<int>(k), -1);
           }) &&
           false;  // alone it is no progress
  }

  bool fewer_repetitions() {
    bool any = false;
    if (best_.second_order) any |= with([](Recipe& r) { r.second_order = false; });
    while (best_.runs > 1 && with([](Recipe& r) { --r.runs; })) any = true;
    if (best_.joining) any |= with([](Recipe& r) { r.joining = false; });
    any |= lower([](Recipe& r) -> Index& { return r.counts; }, 0);
    any |= lower([](Recipe& r) -> Index& { return r.T; }, 0);
    any |= lower([](Recipe& r) -> Index& { return r.rows; }, 1);
    return any;
  }

  // The number to the least that still fails, or near it.
  template <class F>
  bool lower(F number, Index least) {
    bool any = false;
    for (bool more = true; more;) {
      more = false;
      const Index now = number(best_);
      for (Index to : {least, least + 1, now / 2, now - 1}) {
        if (to < least || to >= now) continue;
        if ((more = with([&](Recipe& r) { number(r) = to; }))) break;
      }
      any |= more;
    }
    return any;
  }

  bool drop_marks() {
    bool any = false;
    for (std::size_t i = 0; i < size(); ++i) {
      if (at(i).wrt) any |= with(i, [](Instruction& x) { x.wrt = false; });
      if (at(i).in_loss) any |= with(i, [](Instruction& x) { x.in_loss = false; });
      if (at(i).in_loss && !at(i).output) any |= with(i, [](Instruction& x) { x.in_loss = false, x.output = true; });
      if (at(i).output) any |= with(i, [](Instruction& x) { x.output = false; });
      if (at(i).next >= 0) any |= with(i, [](Instruction& x) { x.next = -1; });
    }
    return any;
  }

  bool drop_instructions() {
    bool any = false;
    for (int i = static_cast<int>(size()); i-- > 0;) any |= drop(i);
    return any;
  }

  // Its readers read one of its operands; of a leaf, another leaf. Where it has none, an operand takes its marks.
  bool drop(int i) {
    if (!is_read(i)) {
      if (with([&](Recipe& r) { remove(r, i, -1); })) return true;
      const Instruction last = at(static_cast<std::size_t>(i));
      return std::ranges::any_of(last.x, [&](int x) {
        return with([&](Recipe& r) {
          Instruction& now = r.instructions[static_cast<std::size_t>(x)];
          now.in_loss |= last.in_loss, now.output |= last.output;
          remove(r, i, -1);
        });
      });
    }
    for (int x : std::vector<int>(at(static_cast<std::size_t>(i)).x))
      if (with([&](Recipe& r) { remove(r, i, x); })) return true;
    if (!at(static_cast<std::size_t>(i)).leaf()) return false;
    for (int other = 0; other < i; ++other)
      if (at(static_cast<std::size_t>(other)).leaf() && with([&](Recipe& r) { remove(r, i, other); })) return true;
    return false;
  }

  bool simpler_instructions() {
    bool any = false;
    for (std::size_t i = 0; i < size(); ++i) {
      if (at(i).leaf()) continue;
      if (at(i).rule != rule("tanh") && at(i).rule != rule("state"))
        any |= with(i, [](Instruction& x) { x.rule = rule("tanh"), x.x.resize(1); });
      for (std::size_t k = 0; k < at(i).x.size(); ++k)
        if (at(i).x[k] != 0) any |= with(i, [&](Instruction& x) { x.x[k] = 0; });
      for (std::size_t k = 0; k < 3; ++k)
        if (at(i).n[k] != 0) any |= with(i, [&](Instruction& x) { x.n[k] = 0; });
    }
    return any;
  }

  bool smaller_leaves() {
    bool any = false;
    for (std::size_t i = 0; i < size(); ++i) {
      while (at(i).shape.rank() > 0 && shorter_tape(i, at(i).shape.without(0), 0)) any = true;
      for (int axis = 0; axis < at(i).shape.rank(); ++axis)
        for (Index to = 1; to < at(i).shape.dim(axis); ++to)
          if (shorter_tape(i, at(i).shape.with_dim(axis, to), 0)) any = true;
    }
    return any;
  }

  // Leaves of a shape that their readers need not bring to another one.
  bool fitting_leaves() {
    bool any = false;
    for (std::size_t i = 0; i < size(); ++i) {
      if (!at(i).leaf()) continue;
      const auto built = build(best_);
      for (NodeId id = 0; id < built->tape.size(); ++id)
        if (const Shape shape = built->tape.node(id).shape; shape != at(i).shape && !shape.rows().is_counted())
          any |= shorter_tape(i, shape, 1);
    }
    return any;
  }

  static std::size_t nodes(const Recipe& recipe) try { return build(recipe)->tape.size(); } catch (const std::exception&) {
    return std::numeric_limits<std::size_t>::max() / 2;
  }

  // Another shape of leaf i, if that makes the tape shorter by this much.
  bool shorter_tape(std::size_t i, const Shape& shape, std::size_t by) {
    Recipe candidate = best_;
    candidate.instructions[i].shape = shape;
    return nodes(candidate) + by <= nodes(best_) && accept(std::move(candidate));
  }

  Recipe best_;
  const std::function<bool(const Recipe&)>& fails_;
};

}  // namespace

Recipe shrink(Recipe recipe, const std::function<bool(const Recipe&)>& fails) { return Shrinker(std::move(recipe), fails).run(); }

}  // namespace reel::test
