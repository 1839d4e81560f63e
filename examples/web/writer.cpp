// What the page calls: an emitted character model, built for WebAssembly by build.sh.
#include "writer.h"

namespace {
writer::Model model;
float logits[writer::Model::logits_size];
}  // namespace

extern "C" {
__attribute__((export_name("reset"))) void reset() { model.reset(); }
__attribute__((export_name("step"))) bool step(std::int32_t id) { return model.step(&id, logits); }
__attribute__((export_name("logits"))) const float* where_logits_lie() { return logits; }
__attribute__((export_name("self_test"))) bool self_test() { return writer::self_test(); }
}
