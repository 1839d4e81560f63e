// A Record in the metadata of a safetensors file, with the version of what it means.
#pragma once

#include <string>

#include <reel/data/record.h>
#include <reel/data/safetensors.h>

namespace reel {

struct VersionedRecord {
  const char* key;   // of the metadata
  const char* what;  // what a file with it is: "a model file"
  Index version;     // that is written; all up to it are read

  std::string json(Record record) const;
  // Without the version. FileError for a file that has none, or one of a later version.
  Record read(const SafetensorsFile& file) const;
};

}  // namespace reel
