#include <reel/data/files.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <reel/data/file_writer.h>

namespace reel {
namespace {

// zlib's message, which may or may not begin with the path.
std::string told(const std::string& path, std::string_view message) {
  return message.starts_with(path) ? std::string(message) : fmt::format("{}: {}", path, message);
}

// An open file that gzip may have packed.
class Unpacked {
 public:
  explicit Unpacked(const std::string& path) : path_(path) {
    // Opened without waiting: a pipe that nobody writes to would keep us for ever.
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) throw FileError(fmt::format("{}: {}", path, std::strerror(errno)));
    struct stat status;
    if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
      ::close(descriptor);
      throw FileError(fmt::format("{}: is {}", path, S_ISDIR(status.st_mode) ? "a directory" : "no regular file"));
    }
    file_.reset(gzdopen(descriptor, "rb"));
    if (file_) return;
    ::close(descriptor);
    throw std::bad_alloc();
  }

  // Up to `size` bytes more; 0 at the end.
  std::size_t read(char* to, unsigned size) {
    const int n = gzread(file_.get(), to, size);
    int code = Z_OK;
    const char* message = n <= 0 ? gzerror(file_.get(), &code) : "";
    if (code == Z_MEM_ERROR) throw std::bad_alloc();
    if (n < 0 || (code != Z_OK && code != Z_STREAM_END))
      throw FileError(code == Z_ERRNO ? fmt::format("{}: {}", path_, std::strerror(errno)) : told(path_, message));
    return static_cast<std::size_t>(n);
  }

 private:
  struct Close {
    void operator()(gzFile_s* file) const { gzclose(file); }
  };
  std::string path_;
  std::unique_ptr<gzFile_s, Close> file_;
};

constexpr unsigned kRead = 1 << 16;

// How long the mark is that a text begins with. FileError for the marks of other encodings than UTF-8.
std::size_t byte_order_mark(const std::string& path, std::string_view begin) {
  using namespace std::string_view_literals;
  if (begin.starts_with("\xEF\xBB\xBF"sv)) return 3;
  for (const std::string_view mark : {"\xFF\xFE"sv, "\xFE\xFF"sv, "\x00\x00\xFE\xFF"sv})
    if (begin.starts_with(mark)) throw FileError(path + ": is UTF-16 or UTF-32; only UTF-8 can be read");
  return 0;
}

}  // namespace

std::string read_file(const std::string& path, const ReadLimits& limits) {
  Unpacked file(path);
  std::string bytes;
  std::array<char, kRead> buffer;
  while (const std::size_t n = file.read(buffer.data(), kRead)) {
    if (n > limits.bytes - bytes.size())
      throw FileError(fmt::format("{}: holds more than {} bytes, the limit for a file that is read whole", path, limits.bytes));
    bytes.append(buffer.data(), n);
  }
  return bytes;
}

std::string read_text(const std::string& path, const ReadLimits& limits) {
  std::string text = read_file(path, limits);
  text.erase(0, byte_order_mark(path, text));
  return text;
}

struct LineReader::State {
  State(const std::string& path, const ReadLimits& limits) : path(path), limits(limits), file(path) {}

  std::string path;
  ReadLimits limits;
  Unpacked file;
  std::string read;  // what was read, of which the lines before `at` were given
  std::size_t at = 0, number = 0;
  bool begun = false, ended = false;

  // False at the end of the file.
  bool read_on() {
    if (ended) return false;
    read.erase(0, at);
    at = 0;
    if (read.size() >= limits.bytes)
      throw FileError(fmt::format("{}:{}: the line is longer than {} bytes, the limit", path, number + 1, limits.bytes));
    std::array<char, kRead> buffer;
    const std::size_t n = file.read(buffer.data(), kRead);
    read.append(buffer.data(), n);
    ended = n == 0;
    if (!begun) at = byte_order_mark(path, read);
    begun = true;
    return !ended;
  }
};

LineReader::LineReader(const std::string& path, const ReadLimits& limits) : state_(std::make_unique<State>(path, limits)) {}
LineReader::~LineReader() = default;
LineReader::LineReader(LineReader&&) noexcept = default;
LineReader& LineReader::operator=(LineReader&&) noexcept = default;

bool LineReader::next(std::string& line) {
  State& s = *state_;
  std::size_t end = s.read.find('\n', s.at);
  while (end == std::string::npos) {
    const std::size_t searched = s.read.size() - s.at;
    if (!s.read_on()) break;
    end = s.read.find('\n', s.at + searched);
  }
  if (end == std::string::npos && s.at >= s.read.size()) return false;
  line.assign(s.read, s.at, end == std::string::npos ? end : end - s.at);
  s.at = end == std::string::npos ? s.read.size() : end + 1;
  if (!line.empty() && line.back() == '\r') line.pop_back();
  ++s.number;
  return true;
}

std::size_t LineReader::number() const { return state_->number; }
std::string LineReader::place() const { return fmt::format("{}:{}", state_->path, state_->number); }

void write_file(const std::string& path, std::string_view contents) {
  FileWriter file(path);
  file.write(contents);
  file.commit();
}

void keep_last_files(const std::string& path, int count) {
  namespace fs = std::filesystem;
  if (count < 1) throw InputError(fmt::format("{}: at least one file is kept, not {}", path, count));
  const auto name = [&](int age) { return fmt::format("{}.{}", path, age); };
  std::error_code error;
  if (!fs::exists(path, error) || count == 1) return;
  // Before the first age that is free, or else over the oldest.
  int oldest = 1;
  while (oldest < count - 1 && fs::exists(name(oldest), error)) ++oldest;
  for (int age = oldest; age > 1; --age) {
    fs::rename(name(age - 1), name(age), error);
    if (error) throw FileError(fmt::format("{}: cannot become {}: {}", name(age - 1), name(age), error.message()));
  }
  fs::remove(name(1), error);
  fs::create_hard_link(path, name(1), error);
  if (error) throw FileError(fmt::format("{}: cannot become {}: {}", path, name(1), error.message()));
}

Tensor<std::int32_t> read_idx(const std::string& path, const ReadLimits& limits) {
  const std::string bytes = read_file(path, limits);
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
