#include <reel/data/files.h>
#include <reel/models/cells/lstm.h>
#include <reel/models/layers.h>
#include <reel/models/model_file.h>

#include "directory.h"
#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

struct Model {
  ParameterSet set;
  Lstm cell;
  Linear head;
  explicit Model(Index I = 3, Index H = 4) : cell(set, "lstm", I, H), head(set, "head", H, 2) {}
};

template <class T>
bool same_values(const ParameterSet& set, const ParameterValues<T>& a, const ParameterValues<T>& b) {
  return std::ranges::all_of(set.all(), [&](const Parameter& p) { return std::ranges::equal(a[p], b[p]); });
}

}  // namespace

TEST_CASE_TEMPLATE("model file: parameters and description come back, bit for bit", T, float, double) {
  const Directory directory;
  const std::string path = directory / "m.safetensors";
  const Model model;
  const auto values = model.set.initial<T>(1);
  auto other = model.set.initial<T>(2);
  Record description;
  description.set("cell", "lstm").set("units", 4);
  save_model(path, model.set, values, description, {.metadata = {{"author", "me"}}});
  CHECK(!same_values(model.set, values, other));
  const SafetensorsFile file(path);
  CHECK(load_model(file, model.set, other).empty());
  CHECK(same_values(model.set, values, other));
  CHECK(model_description(file) == description);
  CHECK(file.metadata().at("author") == "me");
  const std::string bytes = read_file(path);
  save_model(path, model.set, other, description, {.metadata = {{"author", "me"}}});
  CHECK(read_file(path) == bytes);
}

TEST_CASE("model file: float files load into double models and the other way, by value") {
  const Directory directory;
  const std::string path = directory / "m.safetensors";
  const Model model;
  const auto f = model.set.initial<float>(1);
  auto d = model.set.initial<double>(2);
  save_model(path, model.set, f);
  load_model(path, model.set, d);
  for (const Parameter& p : model.set.all())
    CHECK(std::ranges::equal(d[p], f[p], [](double a, float b) { return a == static_cast<double>(b); }));
  auto back = model.set.initial<float>(3);
  save_model(path, model.set, d);
  load_model(path, model.set, back);
  CHECK(same_values(model.set, f, back));
  // Types that are asked for.
  for (const StoredType type : {StoredType::bf16, StoredType::f16, StoredType::f64}) {
    save_model(path, model.set, f, {}, {.type = type});
    CHECK(SafetensorsFile(path).at("head.W").type == type);
    load_model(path, model.set, back);
    for (const Parameter& p : model.set.all())
      for (Index i = 0; i < back[p].size(); ++i) CHECK(back[p][i] == doctest::Approx(f[p][i]).epsilon(.005));
  }
  // A number that float does not have leaves everything as it was.
  d.edit(model.set.find("head.b"))[1] = 1e300;
  save_model(path, model.set, d);
  const auto before = back;
  check_throws<FileError>([&] { load_model(path, model.set, back); }, {path.c_str(), "element 1 of \"head.b\"", "1e+300"});
  CHECK(same_values(model.set, before, back));
}

TEST_CASE("model file: all that does not fit is listed in one error, and nothing is changed") {
  const Directory directory;
  const std::string path = directory / "m.safetensors";
  const Model model(3, 4), wider(3, 5);
  Model more(3, 4);
  more.set.add("extra", {7});
  auto values = model.set.initial<float>(1);
  const auto before = values;
  save_model(path, wider.set, wider.set.initial<float>(1));
  check_throws<FileError>(
      [&] { load_model(path, model.set, values); },
      {path.c_str(), "does not fit", "is [4, 2] in the model, but F32 [5, 2] in the file", "head.W", "lstm."});
  save_model(path, more.set, more.set.initial<float>(1));
  check_throws<FileError>([&] { load_model(path, model.set, values); }, {"extra F32 [7] is not in the model"});
  save_model(path, model.set, before);
  auto large = more.set.initial<float>(2);
  check_throws<FileError>([&] { load_model(path, more.set, large); }, {"extra [7] is not in the file"});
  CHECK(load_model(path, more.set, large, {.match = Match::common}) == std::vector<std::string>{"extra"});
  CHECK(large[more.set.find("head.W")][0] == before[model.set.find("head.W")][0]);
  // Shapes must fit even then, and something must be common.
  auto wide = wider.set.initial<float>(1);
  check_throws<FileError>([&] { load_model(path, wider.set, wide, {.match = Match::common}); }, {"does not fit", "head.W"});
  ParameterSet strange;
  strange.add("strange", {1});
  auto none = strange.initial<float>(1);
  check_throws<FileError>([&] { load_model(path, strange, none, {.match = Match::common}); },
                          {"none of the model's 1 parameters"});
  CHECK(same_values(model.set, before, values));
}

TEST_CASE("model file: a prefix chooses among the tensors of a file") {
  const Directory directory;
  const std::string path = directory / "m.safetensors";
  const Model model;
  const auto values = model.set.initial<float>(1);
  save_model(path, model.set, values, {}, {.prefix = "encoder."});
  auto back = model.set.initial<float>(2);
  check_throws<FileError>([&] { load_model(path, model.set, back); }, {"lstm.", "is not in the file", "encoder.head.W"});
  load_model(path, model.set, back, {.prefix = "encoder."});
  CHECK(same_values(model.set, values, back));
}

TEST_CASE("model file: a description that is missing, broken or of a later version is refused") {
  const Directory directory;
  const std::string path = directory / "m.safetensors";
  const auto described = [&](std::map<std::string, std::string> metadata, std::initializer_list<const char*> parts) {
    write_safetensors(path, {}, metadata);
    check_throws<FileError>([&] { model_description(SafetensorsFile(path)); }, parts);
  };
  described({}, {path.c_str(), "is not a model file with a description", "reel.model"});
  described({{"reel.model", "{"}}, {path.c_str(), "reel.model", "no JSON"});
  described({{"reel.model", "{}"}}, {"there is no reel"});
  described({{"reel.model", R"({"reel":2})"}}, {"version 2", "up to 1"});
  described({{"reel.model", R"({"reel":"x"})"}}, {"reel must be a whole number"});
  const Model model;
  check_throws<InputError>(
      [&] {
        save_model(path, model.set, model.set.initial<float>(1), {}, {.metadata = {{"reel.model", "x"}}});
      },
      {"reel.model"});
}
