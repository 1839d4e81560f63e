// Model files: what a model has learnt, and what it is, in one safetensors file (data/safetensors.h).
//
//   Record description;
//   description.set("cell", "lstm").set("units", 128);
//   save_model("model.safetensors", set, trainer.parameters(), description);
//
//   SafetensorsFile file("model.safetensors");
//   const Record description = model_description(file);   // build the model from it, then
//   load_model(file, set, trainer.parameters());
//
// The file holds the parameters by their names, and in its metadata, under "reel.model", the description as a JSON object with
// the version of this layout as "reel". Errors are FileErrors that name the path.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <reel/data/record.h>
#include <reel/data/safetensors.h>
#include <reel/models/parameter_set.h>

namespace reel {

struct SaveOptions {
  std::optional<StoredType> type = std::nullopt;     // of the numbers in the file; by default that of the values
  std::string prefix = {};                           // stands before every name
  std::map<std::string, std::string> metadata = {};  // besides the description
  std::vector<TensorToStore> more = {};              // tensors besides the parameters, such as an example (models/example.h)
};

// Writes all parameters of the set, whole or not at all; the same bytes for the same content. InputError, with what was there
// before as it was, for values of another set, and for numbers that have no value in the type that is asked for.
template <class T>
void save_model(const std::string& path, const ParameterSet& set, const ParameterValues<T>& values,
                const Record& description = {}, const SaveOptions& options = {});

// The description that save_model was given. FileError for a file without one, or of a later version.
Record model_description(const SafetensorsFile& file);

enum class Match : std::uint8_t {
  all,     // every parameter is in the file, and every tensor of the file is one, but for those of an example
  common,  // what both have
};

struct LoadOptions {
  std::string prefix = {};  // only the tensors whose names begin with it count, by the rest of their names
  Match match = Match::all;
};

// Gives the set's parameters the numbers of the file, of any type, by value. FileError, with the values as they were, that lists
// all that does not fit: names that are missing or not known, other shapes; for a number that T does not have; and where nothing
// at all is common. Returns the names of the parameters that were not in the file.
template <class T>
std::vector<std::string> load_model(const SafetensorsFile& file, const ParameterSet& set, ParameterValues<T>& values,
                                    const LoadOptions& options = {});
template <class T>
std::vector<std::string> load_model(const std::string& path, const ParameterSet& set, ParameterValues<T>& values,
                                    const LoadOptions& options = {}) {
  return load_model(SafetensorsFile(path), set, values, options);
}

}  // namespace reel
