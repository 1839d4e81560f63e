// The example that a file may carry: inputs, and the outputs that the model must give for them. What was stored by another
// program, or on another machine, is so recomputed before it is trusted.
//
// Tensors "example.input.<name>" and "example.output.<name>" [as bound and as given], and in the metadata "example.tolerance":
// how far an element may be from its own, as a share of the largest of its output, or of 1 where that is less.
#pragma once

#include <deque>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <reel/data/safetensors.h>
#include <reel/plan/session.h>

namespace reel {

bool has_example(const SafetensorsFile& file);

// Runs the session on the example's inputs, which are bound by their names, and compares its results of the outputs' names.
// FileError for a file without an example, for an output that differs by more than the tolerance, naming its worst element, for
// names that the session does not have, and for a tolerance that is no number.
template <class T>
void check_example(const SafetensorsFile& file, Session<T>& session);

// The same of a file to be: the inputs of a run, and the named results that the session gave. The tensors outlive what is
// written.
template <class T>
class Example {
 public:
  // Runs the session. InputError for a session without named results.
  Example(Session<T>& session, std::span<const Binding> inputs, double tolerance = 1e-5);
  void add_to(std::vector<TensorToStore>& tensors, std::map<std::string, std::string>& metadata) const;

 private:
  struct Kept {
    std::string name;
    Tensor<T> real;
    Tensor<std::int32_t> ids;
    bool is_ids;
  };
  std::deque<Kept> kept_;
  double tolerance_;
};

}  // namespace reel
