#include <reel/data/versioned_record.h>

#include <fmt/format.h>

#include <reel/graph/error.h>

namespace reel {
namespace {

constexpr const char* kVersion = "reel";

}  // namespace

std::string VersionedRecord::json(Record record) const { return record.set(kVersion, version).json(); }

Record VersionedRecord::read(const SafetensorsFile& file) const {
  const auto text = file.metadata().find(key);
  if (text == file.metadata().end()) throw FileError(fmt::format("{}: is not {}: its metadata lack {}", file.path(), what, key));
  Record record = Record::of_json(text->second, fmt::format("{}: {}", file.path(), key));
  const Index there = record.count(kVersion);
  if (there > version)
    throw FileError(
        fmt::format("{}: is {} of version {}; this library reads versions up to {}", file.path(), what, there, version));
  record.erase(kVersion);
  return record;
}

}  // namespace reel
