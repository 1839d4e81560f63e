// Reading and writing files whole, with errors that name the path.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <reel/graph/tensor.h>

namespace reel {

// What one file may cost.
struct ReadLimits {
  std::size_t bytes = std::size_t{1} << 30;  // that it holds, unpacked
};

// The bytes of a file; gzip files are unpacked. FileError when it is missing, damaged, larger than the limit, or no regular file:
// a directory, a device, a pipe.
std::string read_file(const std::string& path, const ReadLimits& limits = {});

// The same of a text in UTF-8, or of any bytes that are no text, without the byte order mark that some programs begin it with.
// FileError also for one that says that it is UTF-16 or UTF-32.
std::string read_text(const std::string& path, const ReadLimits& limits = {});

// The lines of a text, of which no more is read than is asked for. Errors as read_text; the limit is that of a line. Threads:
// one.
class LineReader {
 public:
  explicit LineReader(const std::string& path, const ReadLimits& limits = {.bytes = std::size_t{1} << 26});
  ~LineReader();
  LineReader(LineReader&&) noexcept;
  LineReader& operator=(LineReader&&) noexcept;

  // The next line, without its end of either kind; false at the end of the file.
  bool next(std::string& line);
  std::size_t number() const;  // of that line, from 1
  std::string place() const;   // "path:number", for messages

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Writes a file whole or not at all, and durably (data/file_writer.h). FileError with the reason when that fails; what was at
// `path` is then as before, and nothing else is left.
void write_file(const std::string& path, std::string_view contents);

// Before a file is written anew: what was there stays as "path.1", what was there before as "path.2", and so on, so that with the
// new one there are `count` files; what is older goes. At no moment is there no file at `path`. InputError for a count below 1;
// FileError where the names cannot be given.
void keep_last_files(const std::string& path, int count);

// An IDX file of unsigned bytes (the format of MNIST; LeCun, Cortes and Burges), perhaps gzipped: its bytes as numbers 0..255.
// FileError when the header or the length is wrong, and as read_file.
Tensor<std::int32_t> read_idx(const std::string& path, const ReadLimits& limits = {});

}  // namespace reel
