// The header of a safetensors file: read from bytes, and made for tensors. Threads: pure functions.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <reel/data/safetensors.h>

namespace reel {

struct SafetensorsHeader {
  std::vector<StoredTensor> tensors;  // in the order of their names
  std::map<std::string, std::string> metadata;
  std::size_t end = 0;  // where the numbers begin
};

// FileError, beginning with `path`, for whatever is not as the format has it. It costs no more memory than a small multiple of
// the bytes that there are.
SafetensorsHeader parse_safetensors_header(std::span<const std::byte> file, const std::string& path,
                                           const SafetensorsLimits& limits);

// The length and the JSON, padded with spaces to a multiple of eight bytes, of tensors in the order of their bytes. InputError
// for a text that is no UTF-8.
std::string make_safetensors_header(std::span<const StoredTensor> tensors, const std::map<std::string, std::string>& metadata);

// A name from a file as messages show it: in quotes, without control characters, its beginning where it is long.
std::string shown_name(std::string_view name);

}  // namespace reel
