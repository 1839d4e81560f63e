#include <algorithm>
#include <cstring>

#include <reel/data/files.h>
#include <reel/data/safetensors.h>

#include "directory.h"
#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

// A file of such a header, and as many bytes after it: 0, 1, 2, ...
std::string file_of(const std::string& header, std::size_t data) {
  std::string bytes(8, '\0');
  const std::uint64_t length = header.size();
  std::memcpy(bytes.data(), &length, 8);
  bytes += header;
  for (std::size_t i = 0; i < data; ++i) bytes += static_cast<char>(i);
  return bytes;
}

SafetensorsFile parsed(const std::string& bytes) {
  return SafetensorsFile(std::as_bytes(std::span(bytes.data(), bytes.size())), "some.safetensors");
}

void check_refused(const std::string& bytes, std::initializer_list<const char*> parts) {
  std::vector<const char*> all{"some.safetensors: "};
  all.insert(all.end(), parts);
  try {
    parsed(bytes);
    FAIL("was read: ", bytes.substr(8));
  } catch (const FileError& e) {
    for (const char* part : all) CHECK_MESSAGE(std::string(e.what()).find(part) != std::string::npos, e.what(), " lacks: ", part);
    CHECK(std::string_view(e.what()).size() < 600);
  }
}

const std::string kOne = R"("a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]})";

}  // namespace

TEST_CASE("safetensors: tensors of all types are read by name, as they lie and by value") {
  const std::string bytes =
      file_of(R"({"__metadata__":{"k":"v","":"\u00e9"},"b":{"dtype":"I16","shape":[2,1],"data_offsets":[4,8]},)"
              R"("a":{"data_offsets":[0,4],"dtype":"U8","shape":[4]},"none":{"dtype":"F32","shape":[3,0],"data_offsets":[8,8]},)"
              R"("s":{"dtype":"F16","shape":[],"data_offsets":[8,10]}}   )",
              10);
  const SafetensorsFile file = parsed(bytes);
  REQUIRE(file.tensors().size() == 4);
  CHECK(file.tensors()[0].name == "a");
  CHECK(file.at("b").text() == "I16 [2, 1]");
  CHECK(file.find("c") == nullptr);
  CHECK(file.metadata().at("k") == "v");
  CHECK(file.metadata().at("") == "é");
  check_close(file.read<double>("a"), {0, 1, 2, 3});
  CHECK(file.read<std::int32_t>("b").shape() == Shape{2, 1});
  CHECK(file.read<std::int32_t>("b")[1] == 6 + 256 * 7);
  CHECK(file.read<float>("none").shape() == Shape{3, 0});
  CHECK(file.read<float>("s").shape() == Shape{});
  CHECK(file.bytes(file.at("b"))[1] == std::byte{5});
  check_throws<FileError>([&] { file.read<float>("aa"); }, {"some.safetensors", "no tensor \"aa\"", "\"b\""});
  std::array<float, 3> three;
  check_throws<InputError>([&] { file.read<float>(file.at("a"), three); }, {"\"a\" U8 [4]", "3 elements"});
}

TEST_CASE("safetensors: an empty file of tensors, and metadata alone") {
  CHECK(parsed(file_of("{}", 0)).tensors().empty());
  CHECK(parsed(file_of(R"({"__metadata__":{}})", 0)).metadata().empty());
  CHECK(parsed(file_of(R"(  {"__metadata__":{"a":"b"}})", 0)).metadata().size() == 1);
}

TEST_CASE("safetensors: each malformed file is refused for its own reason") {
  const auto with = [](const std::string& entry, std::size_t data, std::initializer_list<const char*> parts) {
    check_refused(file_of("{" + entry + "}", data), parts);
  };
  // Lengths.
  for (std::size_t size = 0; size < 8; ++size) check_refused(std::string(size, '\0'), {"too short", "8"});
  check_refused(std::string("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8), {"18446744073709551615", "limit"});
  check_refused(std::string("\x01\xE1\xF5\x05\0\0\0\0", 8), {"100000001", "limit is 100000000"});
  check_refused(std::string("\x00\xE1\xF5\x05\0\0\0\0", 8), {"100000000", "only 0 more", "cut short"});
  check_refused(file_of("{}", 0).substr(0, 9), {"header of 2 bytes", "only 1 more"});
  // No JSON, or another kind.
  check_refused(file_of("", 0), {"no JSON", "byte 1"});
  check_refused(file_of("{", 0), {"no JSON"});
  check_refused(file_of("}", 0), {"no JSON", "byte 1"});
  check_refused(file_of("{} x", 0), {"no JSON", "byte 4"});
  check_refused(file_of("{}{}", 0), {"no JSON"});
  check_refused(file_of(std::string("{}\0", 3), 0), {"no JSON"});
  check_refused(file_of("[]", 0), {"JSON object", "a list"});
  check_refused(file_of("3", 0), {"JSON object", "a number"});
  check_refused(file_of("-3", 0), {"JSON object", "a number"});
  check_refused(file_of("3.5", 0), {"JSON object", "a number"});
  check_refused(file_of("null", 0), {"JSON object", "null"});
  check_refused(file_of("true", 0), {"JSON object", "a truth value"});
  check_refused(file_of("\"x\"", 0), {"JSON object", "a text"});
  check_refused(file_of("{'a':1}", 0), {"no JSON"});
  check_refused(file_of("{\"a\xFF\":{}}", 0), {"no JSON"});
  check_refused(file_of("{/* */}", 0), {"no JSON"});
  check_refused(file_of(std::string(100000, '['), 0), {"JSON object"});
  check_refused(file_of(R"({"a":)" + std::string(100000, '{'), 0), {"no JSON"});
  check_refused(file_of(R"({"a":{"shape":)" + std::string(100000, '['), 0), {"\"a\"", "numbers", "a list"});
  with(kOne + ",", 4, {"no JSON"});
  // An entry that is no tensor.
  with(R"("a":3)", 0, {"\"a\"", "an object", "a number"});
  with(R"("a":-3)", 0, {"\"a\"", "an object", "a number"});
  with(R"("a":3.5)", 0, {"\"a\"", "an object", "a number"});
  with(R"("a":null)", 0, {"\"a\"", "null"});
  with(R"("a":true)", 0, {"\"a\"", "a truth value"});
  with(R"("a":"x")", 0, {"\"a\"", "a text"});
  with(R"("a":[1])", 0, {"\"a\"", "a list"});
  with(R"("a":{})", 0, {"\"a\" has no dtype"});
  with(R"("a":{"shape":[4],"data_offsets":[0,4]})", 4, {"\"a\" has no dtype"});
  with(R"("a":{"dtype":"U8","data_offsets":[0,4]})", 4, {"\"a\" has no shape"});
  with(R"("a":{"dtype":"U8","shape":[4]})", 4, {"\"a\" has no data_offsets"});
  with(R"("a":{"dtype":"U8","shape":[4],"data_offsets":[0,4],"more":1})", 4, {"\"a\"", "\"more\"", "does not know"});
  // Its type.
  for (const char* type : {"", "f32", "F8_E4M3", "FLOAT", "U9"})
    with(fmt::format(R"("a":{{"dtype":"{}","shape":[4],"data_offsets":[0,4]}})", type), 4, {"\"a\"", "not known", type});
  with(R"("a":{"dtype":3,"shape":[4],"data_offsets":[0,4]})", 4, {"the dtype of \"a\"", "a text", "a number"});
  with(R"("a":{"dtype":["U8"],"shape":[4],"data_offsets":[0,4]})", 4, {"the dtype of \"a\"", "a list"});
  with(R"("a":{"dtype":null,"shape":[4],"data_offsets":[0,4]})", 4, {"the dtype of \"a\"", "null"});
  // Its numbers.
  with(R"("a":{"dtype":"U8","shape":[-4],"data_offsets":[0,4]})", 4, {"shape of \"a\"", "negative", "-4"});
  with(R"("a":{"dtype":"U8","shape":[4.0],"data_offsets":[0,4]})", 4, {"shape of \"a\"", "not whole", "4.0"});
  with(R"("a":{"dtype":"U8","shape":[4e0],"data_offsets":[0,4]})", 4, {"shape of \"a\"", "not whole"});
  with(R"("a":{"dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,4]})", 4, {"shape of \"a\"", "larger than 2^63 - 1"});
  with(R"("a":{"dtype":"U8","shape":[99999999999999999999999],"data_offsets":[0,4]})", 4, {"shape of \"a\"", "larger than"});
  with(R"("a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,4]})", 4,
       {"\"a\"", "more elements than can be counted"});
  with(R"("a":{"dtype":"F64","shape":[4611686018427387904],"data_offsets":[0,4]})", 4, {"\"a\"", "more elements than"});
  with(R"("a":{"dtype":"U8","shape":["4"],"data_offsets":[0,4]})", 4, {"the shape of \"a\"", "numbers", "a text"});
  with(R"("a":{"dtype":"U8","shape":[null],"data_offsets":[0,4]})", 4, {"the shape of \"a\"", "null"});
  with(R"("a":{"dtype":"U8","shape":[[4]],"data_offsets":[0,4]})", 4, {"the shape of \"a\"", "a list"});
  with(R"("a":{"dtype":"U8","shape":[{}],"data_offsets":[0,4]})", 4, {"the shape of \"a\"", "an object"});
  with(R"("a":{"dtype":"U8","shape":4,"data_offsets":[0,4]})", 4, {"the shape of \"a\"", "a list of numbers", "a number"});
  with(R"("a":{"dtype":"U8","shape":{"x":4},"data_offsets":[0,4]})", 4, {"the shape of \"a\"", "an object"});
  with(R"("a":{"dtype":"U8","shape":[4],"data_offsets":[-1,3]})", 4, {"data_offsets of \"a\"", "negative", "-1"});
  with(R"("a":{"dtype":"U8","shape":[4],"data_offsets":[0,4.5]})", 4, {"data_offsets of \"a\"", "not whole"});
  with(R"("a":{"dtype":"U8","shape":[4],"data_offsets":[0]})", 4, {"\"a\"", "1 data_offsets, not 2"});
  with(R"("a":{"dtype":"U8","shape":[4],"data_offsets":[]})", 4, {"\"a\"", "0 data_offsets"});
  with(R"("a":{"dtype":"U8","shape":[4],"data_offsets":[0,4,4]})", 4, {"\"a\"", "3 data_offsets"});
  with(R"("a":{"dtype":"U8","shape":[4],"data_offsets":[4,0]})", 4, {"\"a\"", "end before they begin", "4 and 0"});
  with(R"("a":{"dtype":"U8","shape":[4],"data_offsets":[0,18446744073709551615]})", 4, {"data_offsets of \"a\"", "larger"});
  // Names that come twice.
  with(kOne + "," + kOne, 4, {"\"a\" comes twice"});
  with(kOne + R"(,"\u0061":{"dtype":"U8","shape":[4],"data_offsets":[4,8]})", 8, {"\"a\" comes twice"});
  with(R"("a":{"dtype":"U8","dtype":"I8","shape":[4],"data_offsets":[0,4]})", 4, {"the dtype of \"a\" comes twice"});
  with(R"("a":{"dtype":"U8","shape":[4],"shape":[4],"data_offsets":[0,4]})", 4, {"the shape of \"a\" comes twice"});
  with(R"("a":{"dtype":"U8","shape":[4],"data_offsets":[0,4],"data_offsets":[0,4]})", 4,
       {"the data_offsets of \"a\" comes twice"});
  with(R"("__metadata__":{},"__metadata__":{})", 0, {"__metadata__ comes twice"});
  with(R"("__metadata__":{"k":"a","k":"b"})", 0, {"the metadata \"k\" comes twice"});
  // Metadata that is no text.
  with(R"("__metadata__":3)", 0, {"\"__metadata__\"", "an object", "a number"});
  with(R"("__metadata__":"x")", 0, {"\"__metadata__\"", "a text"});
  with(R"("__metadata__":{"k":3})", 0, {"metadata \"k\"", "a text", "a number"});
  with(R"("__metadata__":{"k":null})", 0, {"metadata \"k\"", "null"});
  with(R"("__metadata__":{"k":{}})", 0, {"metadata \"k\"", "an object"});
  with(R"("__metadata__":{"k":["x"]})", 0, {"metadata \"k\"", "a list"});
  with(R"("__metadata__":{"k":true})", 0, {"metadata \"k\"", "a truth value"});
  // Places.
  with(R"("a":{"dtype":"U8","shape":[3],"data_offsets":[0,4]})", 4, {"\"a\" U8 [3]", "needs 3 bytes", "0 and 4 hold 4"});
  with(R"("a":{"dtype":"F32","shape":[4],"data_offsets":[0,4]})", 4, {"\"a\" F32 [4]", "needs 16", "hold 4"});
  with(R"("a":{"dtype":"U8","shape":[],"data_offsets":[0,0]})", 0, {"\"a\" U8 []", "needs 1", "hold 0"});
  with(R"("a":{"dtype":"U8","shape":[0],"data_offsets":[0,4]})", 4, {"needs 0", "hold 4"});
  with(kOne, 3, {"\"a\"", "byte 4", "only 3", "cut short"});
  with(kOne, 5, {"1 bytes follow after the last tensor"});
  with(R"("a":{"dtype":"U8","shape":[4],"data_offsets":[1,5]})", 5, {"bytes 0 to 1", "no tensor"});
  with(kOne + R"(,"b":{"dtype":"U8","shape":[4],"data_offsets":[5,9]})", 9, {"bytes 4 to 5", "no tensor"});
  with(kOne + R"(,"b":{"dtype":"U8","shape":[4],"data_offsets":[3,7]})", 7, {"\"a\" and \"b\" overlap at byte 3"});
  with(kOne + R"(,"b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]})", 4, {"overlap at byte 0"});
  with(kOne + R"(,"b":{"dtype":"U8","shape":[0],"data_offsets":[2,2]})", 4, {"overlap", "\"b\""});
  with(R"("n":{"dtype":"U8","shape":[0],"data_offsets":[9,9]})", 0, {"\"n\"", "byte 9", "only 0"});
  check_refused(file_of("{}", 1), {"1 bytes follow"});
  // Names that are odd or long.
  with(R"("\u0001\n":3)", 0, {"\"??\""});
  with("\"" + std::string(1000, 'x') + "\":3", 0, {"xxx..."});
}

TEST_CASE("safetensors: any cut and any changed byte of a file is read or refused, and never more") {
  const std::string whole =
      file_of(R"({"__metadata__":{"k":"v"},)" + kOne + R"(,"b":{"dtype":"F32","shape":[1,2],"data_offsets":[4,12]}})", 12);
  CHECK(parsed(whole).tensors().size() == 2);
  for (std::size_t n = 0; n < whole.size(); ++n) CHECK_THROWS_AS(parsed(whole.substr(0, n)), FileError);
  for (std::size_t i = 0; i < whole.size(); ++i)
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = whole;
      changed[i] = static_cast<char>(changed[i] ^ 1 << bit);
      try {
        const SafetensorsFile file = parsed(changed);
        for (const StoredTensor& t : file.tensors()) CHECK(file.bytes(t).size() == t.end - t.begin);
      } catch (const FileError&) {
      }
    }
}

TEST_CASE("safetensors: what is written is read again, aligned, and the same bytes for the same content") {
  const Directory directory;
  const std::string path = directory / "m.safetensors", other = directory / "n.safetensors";
  const Tensor<float> f(Shape{2, 3}, std::array{1.f, -2.f, 3.5f, 0.f, 1e-40f, 6.f});
  const Tensor<double> d(Shape{}, std::array{1e300});
  const Tensor<std::int32_t> i(Shape{3}, std::array{-1, 0, 7});
  const std::vector<std::uint8_t> u{1, 2, 3};
  const std::vector<std::int64_t> l{INT64_MIN, INT64_MAX};
  const auto tensors = [&](bool reversed) {
    std::vector<TensorToStore> list{{"z", f.view()},
                                    {"d", d.view()},
                                    {"a\"\n\u00e9", i.view()},
                                    {"u", {3}, std::span<const std::uint8_t>(u)},
                                    {"l", {2, 1}, std::span<const std::int64_t>(l)},
                                    {"half", f.view(), StoredType::f16},
                                    {"none", Tensor<float>(Shape{0, 4}).view()}};
    if (reversed) std::ranges::reverse(list);
    return list;
  };
  write_safetensors(path, tensors(false), {{"k", "v"}, {"\u00fc", ""}});
  write_safetensors(other, tensors(true), {{"\u00fc", ""}, {"k", "v"}});
  CHECK(read_file(path) == read_file(other));

  const SafetensorsFile file(path);
  CHECK(file.metadata().at("\u00fc").empty());
  for (const StoredTensor& t : file.tensors())
    CHECK(reinterpret_cast<std::uintptr_t>(file.bytes(t).data()) % stored_bytes(t.type) == 0);
  check_close(file.read<float>("z"), {1, -2, 3.5, 0, 1e-40, 6});
  CHECK(file.read<float>("z").shape() == Shape{2, 3});
  CHECK(file.read<double>("d")[0] == 1e300);
  check_close(file.read<double>("a\"\n\u00e9"), {-1, 0, 7});
  check_close(file.read<float>("half"), {1, -2, 3.5, 0, 0, 6});
  std::vector<std::int64_t> back(2);
  file.read<std::int64_t>(file.at("l"), back);
  CHECK(back == l);
  check_throws<FileError>([&] { file.read<float>("d"); }, {path.c_str(), "element 0 of \"d\" F64 []", "1e+300", "F32"});
  check_throws<FileError>([&] { file.read<std::int32_t>("z"); }, {"element 2 of \"z\"", "3.5", "I32"});
}

TEST_CASE("safetensors: what cannot be written is refused, and nothing is left") {
  const Directory directory;
  const std::string path = directory / "m.safetensors";
  const Tensor<float> x(Shape{2}, std::array{1.f, 70000.f});
  write_file(path, "before");
  const auto refused = [&](std::vector<TensorToStore> tensors, std::map<std::string, std::string> metadata,
                           std::initializer_list<const char*> parts) {
    check_throws<InputError>([&] { write_safetensors(path, tensors, metadata); }, parts);
    CHECK(read_file(path) == "before");
    CHECK(directory.files() == 1);
  };
  refused({{"a", x.view()}, {"a", x.view()}}, {}, {"\"a\" comes twice"});
  refused({{"__metadata__", x.view()}}, {}, {"__metadata__"});
  refused({{"a\xFF", x.view()}}, {}, {"no UTF-8"});
  refused({{"a", x.view()}}, {{"k", "\xFF"}}, {"metadata", "no UTF-8"});
  refused({{"a", {3}, std::span<const float>(x.data(), 2)}}, {}, {"\"a\" F32 [3]", "2 numbers"});
  refused({{"a", {-1, -2}, std::span<const float>(x.data(), 2)}}, {}, {"\"a\""});
  refused({{"a", {Index{1} << 40, Index{1} << 40}, std::span<const float>(x.data(), 2)}}, {}, {"\"a\""});
  refused({{"a", x.view(), StoredType::f16}}, {}, {"element 1 of \"a\"", "70000", "F16"});
  check_throws<FileError>([&] { write_safetensors(directory.path(), {}); }, {"a directory"});
  check_throws<FileError>([&] { write_safetensors(directory / "no/such", {}); }, {"No such file"});
  check_throws<FileError>([&] { SafetensorsFile file(directory / "missing"); }, {"missing", "No such file"});
  check_throws<FileError>([&] { SafetensorsFile file(directory.path()); }, {"a directory"});
  check_throws<FileError>([&] { SafetensorsFile file("/dev/zero"); }, {"no regular file"});
  check_throws<FileError>([&] { SafetensorsFile file(directory.write("empty", "")); }, {"too short", "0 bytes"});
}
