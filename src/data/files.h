// Reading and writing files whole, with errors that name the path.
#pragma once

#include <string>
#include <string_view>

#include <reel/graph/tensor.h>

namespace reel {

// The bytes of a file; gzip files are unpacked. FileError when it is missing, a directory, or damaged.
std::string read_file(const std::string& path);

// Writes a file whole or not at all: the contents go to `path`.partial beside it, which then takes the file's name. FileError
// with the reason when that fails; what was at `path` is then as before, and no partial file is left. Of a symbolic link the file
// that it points to is written; what is no regular file, such as a device, is refused.
void write_file(const std::string& path, std::string_view contents);

// An IDX file of unsigned bytes (the format of MNIST; LeCun, Cortes and Burges), perhaps gzipped: its bytes as numbers 0..255.
// FileError when the header or the length is wrong.
Tensor<std::int32_t> read_idx(const std::string& path);

}  // namespace reel
