#include <reel/ops/operand.h>

#include <algorithm>

#include <fmt/format.h>

#include <reel/graph/error.h>

namespace reel {

Tape* Operand::tape() const {
  const Var* v = std::get_if<Var>(&value_);
  return v && *v ? &v->tape() : nullptr;
}

bool Operand::empty() const {
  const Var* v = std::get_if<Var>(&value_);
  return v && !*v;
}

Var Operand::on(Tape& tape) const {
  if (const Var* v = std::get_if<Var>(&value_)) return *v;
  if (const Parameter* p = std::get_if<Parameter>(&value_)) return tape.parameter(*p, site_);
  return tape.constant(std::get<double>(value_), site_);
}

Tape& tape_of(std::string_view op, std::initializer_list<const Operand*> operands) {
  for (const Operand* o : operands)
    if (Tape* tape = o->tape()) return *tape;
  if (std::ranges::any_of(operands, [](const Operand* o) { return o->empty(); }))
    throw InputError(fmt::format("[{}] an empty Var was used: a state or a result that nothing was put into ({})", op,
                                 (*operands.begin())->site().text()));
  throw InputError(
      fmt::format("[{}] none of its operands is a Var, so there is no tape to record on; wrap one with tape.parameter() ({})", op,
                  (*operands.begin())->site().text()));
}

Tape::Site at(std::string_view op, std::initializer_list<const Operand*> operands) {
  return tape_of(op, operands).at((*operands.begin())->site());
}

}  // namespace reel
