#include <cmath>

#include <reel/data/record.h>

#include "support.h"

using namespace reel;
using namespace reel::test;

TEST_CASE("record: every kind of value is written and read as it was") {
  Record r;
  r.set("cell", "lstm").set("empty", "").set("odd", std::string("\n\"\u00e9\0x", 6)).set("units", 128).set("large", INT64_MIN);
  r.set("rate", .1).set("whole rate", 3.).set("tiny", 5e-324).set("on", true).set("off", false);
  r.set("words", std::vector<std::string>{"a", "", "ü"})
      .set("sizes", std::vector<Index>{1, -2})
      .set("means", std::vector{.1, 2., 1e300});
  r.set("no words", std::vector<std::string>{});
  const Record back = Record::of_json(r.json(), "there");
  CHECK(back.json() == r.json());
  CHECK(back.text("cell") == "lstm");
  CHECK(back.text("odd") == r.text("odd"));
  CHECK(back.count("units") == 128);
  CHECK(back.whole("large") == INT64_MIN);
  CHECK(back.real("rate") == .1);
  CHECK(back.real("whole rate") == 3);
  CHECK(back.real("units") == 128);
  CHECK(back.real("tiny") == 5e-324);
  CHECK(back.flag("on"));
  CHECK(!back.flag("off"));
  CHECK(back.texts("words") == r.texts("words"));
  CHECK(back.wholes("sizes") == r.wholes("sizes"));
  CHECK(back.reals("means") == r.reals("means"));
  CHECK(back.reals("sizes") == std::vector<double>{1, -2});
  CHECK(back.texts("no words").empty());
  CHECK(back.has("cell"));
  CHECK(!back.has("Cell"));
  CHECK(Record::of_json("{}", "there").names().empty());
  r.set("units", "many");  // in place of what it had
  CHECK(r.text("units") == "many");
}

TEST_CASE("record: what is missing or of another kind is refused, naming place, value and kinds") {
  const Record r = Record::of_json(R"({"a":"x","n":3,"f":2.5,"l":[1,2],"w":["x"],"m":[1,2.5]})", "m.safetensors: reel.model");
  const char* where = "m.safetensors: reel.model";
  check_throws<FileError>([&] { r.text("b"); }, {where, "there is no b"});
  check_throws<FileError>([&] { r.text("n"); }, {where, "n must be a text, not a whole number"});
  check_throws<FileError>([&] { r.whole("f"); }, {where, "f must be a whole number, not a real number"});
  check_throws<FileError>([&] { r.count("n", 4); }, {where, "n must be 4 or more, not 3"});
  check_throws<FileError>([&] { r.real("a"); }, {where, "a must be a number, not a text"});
  check_throws<FileError>([&] { r.flag("n"); }, {where, "n must be true or false"});
  check_throws<FileError>([&] { r.texts("l"); }, {where, "l must be a list of texts, not a list of whole numbers"});
  check_throws<FileError>([&] { r.wholes("m"); }, {where, "m must be a list of whole numbers, not a list of numbers"});
  check_throws<FileError>([&] { r.reals("w"); }, {where, "w must be a list of numbers, not a list of texts"});
}

TEST_CASE("record: malformed JSON and other values are refused") {
  const auto refused = [](const std::string& json, std::initializer_list<const char*> parts) {
    check_throws<FileError>([&] { Record::of_json(json, "there"); }, parts);
  };
  refused("", {"there", "no JSON"});
  refused("{", {"no JSON"});
  refused("{\"a\":1,}", {"no JSON"});
  refused(std::string("{}\0", 3), {"no JSON", "byte 3"});
  refused("[1]", {"JSON object", "array"});
  refused("3", {"JSON object", "number"});
  refused(R"({"a":1,"a":2})", {"a comes twice"});
  refused(R"({"a":null})", {"a is null"});
  refused(R"({"a":{"b":1}})", {"a is object"});
  refused(R"({"a":[1,"x"]})", {"a is a list of neither"});
  refused(R"({"a":[[1]]})", {"a is a list of neither"});
  refused(R"({"a":[null]})", {"a is a list of neither"});
  refused("{\"a\":\"\xFF\"}", {"no JSON"});
  refused(R"({"a":)" + std::string(100000, '['), {"deep"});
  refused(std::string(100000, '{'), {"deep"});
  CHECK(Record::of_json(R"({"a":"[[[[[[{{{{\"[[[["})", "there").text("a").size() == 15);
  CHECK(Record::of_json(R"({"a":18446744073709551615})", "there").real("a") == 18446744073709551615.);
}

TEST_CASE("record: numbers that are not finite, and texts that are no UTF-8, are refused at once") {
  Record r;
  check_throws<InputError>([&] { r.set("a", NAN); }, {"record", "a must be finite", "nan"});
  check_throws<InputError>([&] { r.set("a", std::vector<double>{1, INFINITY}); }, {"a must be finite", "inf"});
  check_throws<InputError>([&] { r.set("a", "\xFF"); }, {"a is no UTF-8"});
  check_throws<InputError>([&] { r.set("a", std::vector<std::string>{"\xFF"}); }, {"a is no UTF-8"});
  check_throws<InputError>([&] { r.set("\xFF", 1); }, {"is no UTF-8"});
  CHECK(r.names().empty());
}
