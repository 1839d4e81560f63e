// Decoder: embedded words through a recurrent cell to logits of the next word. It is what writes: a language model, a captioner
// (one-to-many), and the second half of an encoder-decoder.
#pragma once

#include <functional>

#include <reel/models/cells/deep.h>
#include <reel/models/layers.h>
#include <reel/models/unroll.h>

namespace reel {

// h [B, H] -> logits [B, V] through the words' own vectors: h E^T + b (Press and Wolf, 2017). H is the size of a word vector.
// Parameter "<name>.b" [V]; the table belongs to the Embedding.
class TiedHead {
 public:
  TiedHead(ParameterSet& set, const std::string& name, const Embedding& words);
  Var operator()(Operand h) const;
  Parameter table, b;
};

class Decoder {
 public:
  using Head = std::function<Var(Operand)>;           // h [B, H] -> logits [B, V]
  Decoder(Embedding words, AnyCell cell, Head head);  // InputError for an empty Head

  struct Step {
    Var logits;
    AnyCell::State state;
  };
  Step step(Var word, const AnyCell::State& state) const;  // word: ids [B]

  // Logits [B, V] for the word after each of `words`, ids [B], which are given (teacher forcing). What follows the end of a
  // shorter text is computed as well: its weight in the loss is 0.
  Sequence logits(const Sequence& words, const AnyCell::State& initial) const;
  const AnyCell& cell() const { return cell_; }

 private:
  Embedding words_;
  AnyCell cell_;
  Head head_;
};

// A cell whose first step sees one thing more: its input is [x_t, v_t], with v_1 = v and v_t = 0 afterwards. With U = [Wxh; Wih]
// an Elman cell is then h = tanh(x Wxh + h' Whh + v Wih) with the image at the first step only (Karpathy and Li, 2015); so are
// the gates of the others. v is a part of the state, "first" [B, D], after the cell's own.
class FirstInput {
 public:
  struct State {
    AnyCell::State cell;
    Var first;
    std::vector<Var*> parts();
  };
  // cell: of I + D inputs.
  FirstInput(AnyCell cell, Index D) : cell_(std::move(cell)), D_(D) {}
  State step(Var x, const State& previous) const;
  Var output(const State& state) const { return cell_.output(state.cell); }
  std::vector<StatePart> state_layout() const;
  State make_state(std::span<const Var> parts) const;
  // The state before the first step, which will see v [B, D]. ShapeError for another v.
  State begin(Var v) const;
  // What the first step will see, of the state of a FirstInput behind an AnyCell. REQUIRES: it is one.
  static Var& seen(AnyCell::State& state) { return state.vars.back(); }

 private:
  AnyCell cell_;
  Index D_;
};

}  // namespace reel
