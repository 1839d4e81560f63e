#include <reel/data/versioned_record.h>

#include "directory.h"
#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

constexpr VersionedRecord kFirst{.key = "test.notes", .what = "a file of notes", .version = 1},
    kSecond{"test.notes", "a file of notes", 2};

SafetensorsFile with(const Directory& directory, const std::map<std::string, std::string>& metadata) {
  write_safetensors(directory / "file", {}, metadata);
  return SafetensorsFile(directory / "file");
}

}  // namespace

TEST_CASE("versioned record: what is written is read, by this version and by later ones") {
  const Directory directory;
  Record record;
  record.set("units", 3).set("name", "x");
  const SafetensorsFile file = with(directory, {{"test.notes", kFirst.json(record)}});
  CHECK(kFirst.read(file) == record);
  CHECK(kSecond.read(file) == record);
}

TEST_CASE("versioned record: refuses files without one, of later versions, and what is no record") {
  const Directory directory;
  const auto refuses = [&](const std::map<std::string, std::string>& metadata, const char* what) {
    CHECK_THROWS_WITH_AS(kFirst.read(with(directory, metadata)), doctest::Contains(what), FileError);
  };
  refuses({}, "is not a file of notes: its metadata lack test.notes");
  refuses({{"test.notes", kSecond.json(Record())}}, "is a file of notes of version 2; this library reads versions up to 1");
  refuses({{"test.notes", "{}"}}, "test.notes");
  refuses({{"test.notes", R"({"reel": 0})"}}, "test.notes");
  refuses({{"test.notes", R"({"reel": "1"})"}}, "test.notes");
  refuses({{"test.notes", "["}}, "test.notes");
}
