#include <reel/data/files.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#include <fmt/format.h>
#include <zlib.h>

namespace reel {
namespace {

// zlib's message, which may or may not begin with the path.
std::string told(const std::string& path, std::string_view message) {
  return message.starts_with(path) ? std::string(message) : fmt::format("{}: {}", path, message);
}

}  // namespace

std::string read_file(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) throw FileError(fmt::format("{}: is a directory", path));
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  if (!file) throw FileError(fmt::format("{}: {}", path, std::strerror(errno)));
  std::string bytes;
  std::array<char, 1 << 16> buffer;
  int n;
  while ((n = gzread(file.get(), buffer.data(), buffer.size())) > 0) bytes.append(buffer.data(), static_cast<std::size_t>(n));
  int code = Z_OK;
  const char* message = gzerror(file.get(), &code);
  if (n < 0 || (code != Z_OK && code != Z_STREAM_END))
    throw FileError(code == Z_ERRNO ? fmt::format("{}: {}", path, std::strerror(errno)) : told(path, message));
  return bytes;
}

void write_file(const std::string& path, std::string_view contents) {
  std::error_code unknown;
  const std::filesystem::file_status status = std::filesystem::status(path, unknown);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
    throw FileError(fmt::format("{}: cannot be written: it is {}", path,
                                std::filesystem::is_directory(status) ? "a directory" : "no regular file"));
  // What a link points to is written, and the link stays.
  const std::filesystem::path real = std::filesystem::weakly_canonical(path, unknown);
  const std::string target = unknown ? path : real.string(), partial = target + ".partial";
  std::FILE* file = std::fopen(partial.c_str(), "wb");
  if (!file) throw FileError(fmt::format("{}: cannot be written: {}", path, std::strerror(errno)));
  bool written = std::fwrite(contents.data(), 1, contents.size(), file) == contents.size();
  int reason = errno;
  if (std::fclose(file) != 0 && written) {
    written = false;
    reason = errno;
  }
  std::error_code failed(written ? 0 : reason, std::generic_category());
  if (written) std::filesystem::rename(partial, target, failed);
  if (!failed) return;
  std::error_code ignored;
  std::filesystem::remove(partial, ignored);
  throw FileError(fmt::format("{}: cannot be written: {}", path, failed.message()));
}

Tensor<std::int32_t> read_idx(const std::string& path) {
  const std::string bytes = read_file(path);
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  if (bytes.size() < 4 || at(0) != 0 || at(1) != 0 || at(2) != 8 || at(3) == 0 || at(3) > Shape::kMaxRank)
    throw FileError(fmt::format("{}: is no IDX file of unsigned bytes", path));
  const std::size_t rank = at(3), header = 4 + 4 * rank;
  if (bytes.size() < header) throw FileError(fmt::format("{}: its IDX header is cut short", path));
  std::vector<Index> dims;
  for (std::size_t d = 0; d < rank; ++d) {
    const std::size_t i = 4 + 4 * d;
    dims.push_back(static_cast<Index>(at(i)) << 24 | static_cast<Index>(at(i + 1)) << 16 | static_cast<Index>(at(i + 2)) << 8 |
                   at(i + 3));
  }
  Shape shape;
  try {
    shape = Shape(RowCount(), dims);
  } catch (const ShapeError& e) {
    throw FileError(fmt::format("{}: its header promises too much: {}", path, e.what()));
  }
  if (bytes.size() - header != static_cast<std::size_t>(shape.row_size()))
    throw FileError(fmt::format("{}: its header promises {} = {} bytes, but {} follow", path, shape.text(), shape.row_size(),
                                bytes.size() - header));
  Tensor<std::int32_t> result(shape);
  for (Index i = 0; i < result.size(); ++i) result[i] = at(header + static_cast<std::size_t>(i));
  return result;
}

}  // namespace reel
