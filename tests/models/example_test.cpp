#include <reel/models/example.h>
#include <reel/models/layers.h>
#include <reel/models/model_file.h>
#include <reel/ops/activation.h>
#include <reel/ops/reduction.h>

#include "directory.h"
#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

template <class T>
struct Model {
  ParameterSet set;
  Linear layer{set, "layer", 3, 2};
  Tape tape;
  Var y = tanh(layer(tape.input("x", {B, 3})));
  ParameterValues<T> values = set.initial<T>(1);
  Session<T> session{{{"y", y}, {"best", argmax(y)}}, &values};
};

}  // namespace

TEST_CASE_TEMPLATE("example: what a file carries is recomputed when it is loaded", T, float, double) {
  const Directory directory;
  const std::string path = directory / "m.safetensors";
  Model<T> model;
  const Tensor<T> x = cast<T>(random_tensor(Shape{4, 3}, 2));
  const std::vector<Binding> inputs{{"x", x}};
  const Example<T> example(model.session, inputs, 1e-6);
  SaveOptions options;
  example.add_to(options.more, options.metadata);
  save_model(path, model.set, model.values, {}, options);

  Model<T> other;
  other.values = other.set.template initial<T>(7);
  const SafetensorsFile file(path);
  CHECK(has_example(file));
  check_throws<FileError>([&] { check_example(file, other.session); },
                          {path.c_str(), "element", "example's output", "must be", "tolerance 1e-06"});
  load_model(file, other.set, other.values);  // the example is no parameter
  check_example(file, other.session);
  // One number that is off is found.
  other.values.edit(other.layer.b)[1] += T(.01);
  check_throws<FileError>([&] { check_example(file, other.session); }, {"example's output"});
  // A double model recomputes what a float model stored, within the tolerance.
  Model<double> wide;
  load_model(file, wide.set, wide.values);
  check_example(file, wide.session);
}

TEST_CASE("example: what does not fit is refused, naming what and where") {
  const Directory directory;
  const std::string path = directory / "m.safetensors";
  Model<double> model;
  const Tensor<double> x(Shape{1, 3}), y(Shape{1, 2}), nan(Shape{1, 2}, std::array{std::nan(""), 0.}), three(Shape{3});
  const auto refused = [&](std::vector<TensorToStore> tensors, std::map<std::string, std::string> metadata,
                           std::initializer_list<const char*> parts) {
    write_safetensors(path, std::move(tensors), metadata);
    check_throws<FileError>([&] { check_example(SafetensorsFile(path), model.session); }, parts);
  };
  const std::map<std::string, std::string> told{{"example.tolerance", "10"}};
  refused({{"example.input.x", x.view()}}, told, {path.c_str(), "no example"});
  refused({{"example.input.x", x.view()}, {"example.output.y", y.view()}}, {}, {"no example.tolerance"});
  for (const char* wrong : {"", "x", "-1", "1x", "nan", "inf"})
    refused({{"example.input.x", x.view()}, {"example.output.y", y.view()}}, {{"example.tolerance", wrong}},
            {"example.tolerance must be"});
  refused({{"example.input.x", x.view()}, {"example.output.z", y.view()}}, told, {"output z, which the model does not give"});
  refused({{"example.input.x", x.view()}, {"example.output.y", three.view()}}, told, {"F64 [3]", "gives 2 numbers"});
  refused({{"example.input.x", x.view()}, {"example.output.y", nan.view()}}, told, {"element 0", "nan"});
  write_safetensors(path, {{"example.input.z", x.view()}, {"example.output.y", y.view()}}, told);
  check_throws<InputError>([&] { check_example(SafetensorsFile(path), model.session); }, {"\"z\""});
  Session<double> nameless({model.y}, &model.values);
  const std::vector<Binding> inputs{{"x", x}};
  check_throws<InputError>([&] { Example<double>(nameless, inputs); }, {"none", "name"});
}
