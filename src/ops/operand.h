// Operand: what an op's function accepts: a Var, a Parameter or a number, with the line of the program that wrote it.
#pragma once

#include <initializer_list>
#include <string_view>
#include <variant>

#include <reel/graph/tape.h>

namespace reel {

class Operand {
 public:
  Operand(Var v, CallSite site = CallSite::current()) : value_(v), site_(site) {}               // NOLINT: implicit
  Operand(const Parameter& p, CallSite site = CallSite::current()) : value_(p), site_(site) {}  // NOLINT: implicit
  Operand(double number, CallSite site = CallSite::current()) : value_(number), site_(site) {}  // NOLINT: implicit

  Tape* tape() const;        // of a Var; nullptr otherwise
  bool empty() const;        // a Var of no tape
  Var on(Tape& tape) const;  // as a node of this tape
  CallSite site() const { return site_; }

 private:
  std::variant<Var, Parameter, double> value_;
  CallSite site_;
};

// The tape of the operands. InputError when none of them is a Var (a Parameter alone knows no tape).
Tape& tape_of(std::string_view op, std::initializer_list<const Operand*> operands);

// For composite ops, which are written as plain mathematics: while the returned object lives, all that is recorded names the line
// that called them. InputError as tape_of.
[[nodiscard]] Tape::Site at(std::string_view op, std::initializer_list<const Operand*> operands);
[[nodiscard]] inline Tape::Site at(std::string_view op, const Operand& x) { return at(op, {&x}); }

// Records an op over operands that need no broadcasting.
template <class O>
Var record(O op, const Operand& x) {
  Tape& tape = tape_of(O::kName, {&x});
  return tape.append(std::move(op), {x.on(tape)}, x.site());
}
template <class O>
Var record(O op, const Operand& a, const Operand& b) {
  Tape& tape = tape_of(O::kName, {&a, &b});
  const Var left = a.on(tape);
  return tape.append(std::move(op), {left, b.on(tape)}, a.site());
}

}  // namespace reel
