// Prints what every model records, with its parameters' names and first numbers and its gradients, in order: compilers evaluate
// arguments in orders of their own, and none of it may depend on that.
#include <reel/graph/gradients.h>
#include <reel/graph/print.h>
#include <reel/train/trainer.h>

#include "models/every_model.h"

using namespace reel;

int main() {
  for (const test::NamedModel& model : test::every_model()) {
    ParameterSet set;
    Tape tape;
    const Var loss = model.record(set, tape);
    gradients(loss, set.all());
    const auto values = set.initial<double>(1);
    fmt::print("== {}\n", model.name);
    for (const Parameter& p : set.all()) fmt::print("{} {} {:a}\n", p.name(), p.shape().text(), values[p][0]);
    fmt::print("{}\n", text(tape));
  }
}
