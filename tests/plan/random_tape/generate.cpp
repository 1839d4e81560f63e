#include <reel/ops/arithmetic.h>

#include "generate.h"

#include <set>

#include "random_cell.h"

namespace reel::test {
namespace {

struct Choice {
  std::string_view rule;
  int weight;
  std::vector<Want> operands;
};

const std::vector<Choice>& choices() {
  using enum Want;
  static const std::vector<Choice> all{
      {"tanh", 6, {any}},
      {"sigmoid", 6, {any}},
      {"relu", 4, {any}},
      {"satlins", 2, {any}},
      {"exp", 4, {any}},
      {"log", 2, {any}},
      {"sqrt", 2, {any}},
      {"square", 4, {any}},
      {"abs", 2, {any}},
      {"step", 1, {any}},
      {"sign", 1, {any}},
      {"negate", 2, {any}},
      {"affine", 4, {any}},
      {"stop_gradient", 1, {any}},
      {"add", 10, {any, any}},
      {"subtract", 5, {any, any}},
      {"multiply", 10, {any, any}},
      {"divide", 2, {any, any}},
      {"mask", 2, {any, any}},
      {"select", 2, {any, any, any}},
      {"matmul", 18, {vectors, matrix}},
      {"transpose", 4, {matrix}},
      {"weight_gradient", 3, {batched, batched}},
      {"concat", 5, {vectors, vectors}},
      {"concat3", 2, {vectors, vectors, vectors}},
      {"slice", 6, {vectors}},
      {"gate", 3, {vectors}},
      {"pad", 1, {vectors}},
      {"stack", 2, {batched, batched}},
      {"stack3", 1, {batched, batched, batched}},
      {"reshape", 2, {any}},
      {"to_batch", 2, {unbatched}},
      {"sum_over", 2, {vectors}},
      {"mean_over", 2, {vectors}},
      {"max_over", 1, {vectors}},
      {"mean", 1, {any}},
      {"batch_sum", 3, {batched}},
      {"batch_mean", 3, {batched}},
      {"softmax", 4, {vectors}},
      {"log_softmax", 2, {vectors}},
      {"layer_norm", 2, {vectors}},
      {"layer_norm_affine", 2, {vectors, any, any}},
      {"argmax", 1, {vectors}},
      {"embedding", 3, {ids, matrix}},
      {"scatter_add", 1, {ids, vectors}},
      {"dropout", 2, {any}},
      {"cross_entropy", 2, {vectors, ids}},
      {"weighted_cross_entropy", 1, {vectors, ids, any}},
      {"half_squared_error", 1, {any, any}},
      {"all_steps", 3, {of_step}},
      {"sum_of_steps", 2, {of_step}},
      {"surprise_of_steps", 1, {of_step}},
      {"first_rows", 8, {batched}},
      {"extend_rows", 3, {counted}},
      {"update_rows", 3, {batched, counted}},
  };
  return all;
}

class Generator : Growth {
 public:
  explicit Generator(std::uint64_t seed) : Growth(seed) {
    recipe.rows = rows();
    recipe.counts = chance(0.4) ? 1 + below(3) : 0;
  }

  Recipe run() {
    const bool recurrent = chance(0.5);
    leaves();
    if (!recurrent || chance(0.2)) grow(recurrent ? below(5) : 6 + below(30));
    if (recurrent) {
      section = Section::step;
      add_cells(*this);
      end_step();
      section = Section::after;
      grow(chance(0.6) ? below(8) : 0);
    }
    mark();
    recipe.T = recurrent ? steps() : 0;
    const bool counted = recipe.counts > 0 || has("step_rows");
    recipe.runs = has("carried") ? 1 + static_cast<int>(below(3)) : chance(counted ? 0.4 : 0.1) ? 2 : 1;
    recipe.joining = chance(0.3);
    const auto work = static_cast<Index>(recipe.instructions.size()) * std::max<Index>(1, recipe.T);
    recipe.second_order = work < 60 && chance(0.3);
    return std::move(recipe);
  }

 private:
  Index rows() {
    if (chance(0.02)) return 0;
    if (chance(0.3)) return 1 + below(70);
    static constexpr Index few[]{1, 2, 3, 5, 7, 13}, many[]{33, 64, 70};
    return chance(0.8) ? any_of(few) : any_of(many);
  }
  Index steps() { return chance(0.03) ? 0 : chance(0.6) ? 1 + below(5) : 1 + below(12); }

  // ---- random DAGs ----
  void leaves() {
    const Index n = width(), m = 1 + below(3);
    const std::vector<Shape> shapes{{B, n}, {B}, {n}, {B, m, n}, {B, 1}, {}, {m, n}, {B, width()}};
    leaf("input", {B, n});
    for (Index i = below(4); i > 0; --i) leaf("input", any_of(shapes));
    leaf("parameter", {n, n});
    if (chance(0.6)) leaf("parameter", {n, 1 + below(6)});
    if (chance(0.5)) leaf("parameter", {n});
    if (chance(0.3)) leaf("constant", any_of(shapes).row());
    if (chance(0.4)) leaf("ids", {B}, 2 + below(5));
    if (chance(0.1)) leaf("ids", {B, m}, 2 + below(5));
    if (chance(0.2)) leaf("carried", any_of(shapes));
    if (chance(0.1)) leaf("share_of_batch", {});
    if (recipe.counts > 0 && chance(0.2)) leaf("share_of_rows", {}, below(3));
    const int all = static_cast<int>(recipe.instructions.size());
    for (int i = 0; i < all && recipe.counts > 0; ++i)
      if (shape(i).batched() && chance(i == 0 ? 0.9 : 0.4)) add("first_rows", {i}, {below(3), 0, 0});
  }

  void grow(Index count) {
    int total = 0;
    for (const Choice& c : choices()) total += c.weight;
    while (count-- > 0) {
      Index at = below(total);
      const Choice* choice = choices().data();
      while ((at -= choice->weight) >= 0) ++choice;
      const bool of_step = choice->operands[0] == Want::of_step;
      if (of_step && section != Section::after) continue;
      if (choice->rule.ends_with("_rows") && recipe.counts == 0) continue;
      std::vector<int> x;
      for (Want want : choice->operands) x.push_back(pick(want));
      if (choice->rule == "matmul") x[1] = matching(shape(x[0]).last(), x[1]);
      add(choice->rule, std::move(x), {below(8), below(8), below(8)});
    }
  }

  // A matrix that takes vectors of K elements, as it stands or transposed; another one is cut to fit.
  int matching(Index K, int otherwise) {
    const int found = pick([&](Var v) {
      const Shape& s = v.shape();
      return v.type() == Type::real && !s.batched() && s.rank() == 2 && (s.dim(0) == K || s.dim(1) == K);
    });
    return found >= 0 ? found : otherwise;
  }

  // ---- what is asked of the tape ----
  void mark() {
    const int count = static_cast<int>(recipe.instructions.size());
    for (int k = 0; k < count; ++k) {
      Instruction& i = recipe.instructions[static_cast<std::size_t>(k)];
      const bool last = k + 1 == count;
      i.output = last || (!i.leaf() && chance(0.08));
      i.in_loss |= last || (!i.leaf() && chance(i.section == Section::step ? 0.03 : 0.3));
      i.wrt = i.leaf() && chance(i.rule->name == "parameter" ? 0.9 : 0.5);
      if (i.rule->name == "carried") i.next = handed_on(k);
    }
  }

  int handed_on(int carried) {
    for (std::size_t s = 0; s < recipe.instructions.size(); ++s)
      if (recipe.instructions[s].rule->name == "state" && recipe.instructions[s].x[0] == carried) return static_cast<int>(s);
    return pick(Want::any);
  }
};

// Whether there was anything to soften.
bool soften(Recipe& recipe, std::span<const Offence> offences) {
  std::set<int> blamed;
  for (const Offence& o : offences) {
    if (o.instruction < 0 || o.reason.ends_with("ill conditioned")) continue;
    if (o.reason.ends_with("too large") && !blamed.empty()) continue;  // what follows from the first one
    blamed.insert(o.instruction);
  }
  bool any = false;
  for (int b : blamed) {
    Instruction& i = recipe.instructions[static_cast<std::size_t>(b)];
    if (i.leaf() || i.rule == rule("tanh") || i.rule == rule("state")) continue;
    i.rule = rule("tanh"), i.x.resize(1);
    any = true;
  }
  return any;
}

}  // namespace

Recipe random_recipe(std::uint64_t seed) { return Generator(seed).run(); }

Trial random_trial(std::uint64_t seed) {
  for (std::uint64_t attempt = 0;; ++attempt) {
    Recipe recipe = random_recipe(seed + attempt * 1'000'000'007);
    for (int repairs = 0; repairs < 12; ++repairs) {
      Trial trial(recipe);
      if (trial.fair()) return trial;
      if (!soften(recipe, trial.offences)) recipe.scale *= 0.6;
    }
  }
}

}  // namespace reel::test
