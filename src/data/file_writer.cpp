#include <reel/data/file_writer.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <random>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <reel/graph/error.h>

namespace reel {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".partial";
constexpr std::size_t kDigits = 16;

// The names that this file gives: the target's, 16 digits that nobody knows beforehand, ".partial".
bool is_partial_of(std::string_view target, std::string_view name) {
  if (name.size() != target.size() + 1 + kDigits + kSuffix.size() || !name.starts_with(target) || !name.ends_with(kSuffix))
    return false;
  name.remove_prefix(target.size());
  return name[0] == '.' && name.substr(1, kDigits).find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// Whoever writes such a file holds its lock.
void remove_if_abandoned(int folder, const char* name) {
  const int descriptor = ::openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (descriptor < 0) return;
  struct stat status;
  if (::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) && ::flock(descriptor, LOCK_EX | LOCK_NB) == 0)
    ::unlinkat(folder, name, 0);
  ::close(descriptor);
}

// A folder that cannot be listed has nothing to remove. (Iterators of std::filesystem end the program where memory runs out.)
void remove_abandoned(const fs::path& folder, std::string_view target) {
  DIR* list = ::opendir(folder.c_str());
  if (!list) return;
  while (const dirent* entry = ::readdir(list))
    if (is_partial_of(target, entry->d_name)) remove_if_abandoned(::dirfd(list), entry->d_name);
  ::closedir(list);
}

}  // namespace

// Steps give errno where they fail, else 0. Nothing is allocated once the file is open.
class FileWriter::Replacement {
 public:
  explicit Replacement(fs::path target) : target_(std::move(target)), folder_(target_.parent_path()) {
    if (folder_.empty()) folder_ = ".";
    existed_ = ::stat(target_.c_str(), &before_) == 0;
    remove_abandoned(folder_, target_.filename().string());
  }
  ~Replacement() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (opened_ && !done_) ::unlink(name_.c_str());
  }
  Replacement(const Replacement&) = delete;
  Replacement& operator=(const Replacement&) = delete;

  // A file that nobody made or linked there, and that is ours alone.
  int open() {
    std::random_device random;
    for (int tries = 0; tries < 100; ++tries) {
      name_ = fmt::format("{}.{:08x}{:08x}{}", target_.string(), random(), random(), kSuffix);
      descriptor_ = ::open(name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
      if (descriptor_ < 0 && errno == EEXIST) continue;
      if (descriptor_ < 0) return errno;
      opened_ = true;
      if (locked()) break;
      ::close(std::exchange(descriptor_, -1));
    }
    if (descriptor_ < 0) return EEXIST;
    if (!existed_) return 0;
    if (::fchown(descriptor_, before_.st_uid, before_.st_gid) != 0) errno = 0;  // only the owner's and root's to give
    return ::fchmod(descriptor_, before_.st_mode & 07777) == 0 ? 0 : errno;
  }

  int write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::write(descriptor_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return errno;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return 0;
  }

  int commit() {
    if (::fsync(descriptor_) != 0) return errno;
    if (::rename(name_.c_str(), target_.c_str()) != 0) return errno;
    done_ = true;
    ::close(std::exchange(descriptor_, -1));
    // The name is as durable as its folder.
    if (const int folder = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); folder >= 0) {
      ::fsync(folder);
      ::close(folder);
    }
    return 0;
  }

 private:
  // Another FileWriter may have taken it for abandoned before its lock was ours.
  bool locked() const {
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) return errno != EWOULDBLOCK;  // a file system without locks
    struct stat named, held;
    return ::stat(name_.c_str(), &named) == 0 && ::fstat(descriptor_, &held) == 0 && named.st_ino == held.st_ino;
  }

  fs::path target_, folder_;
  std::string name_;
  struct stat before_ = {};
  bool existed_ = false, opened_ = false, done_ = false;
  int descriptor_ = -1;
};

FileWriter::FileWriter(const std::string& path) : path_(path) {
  std::error_code unknown;
  const fs::file_status status = fs::status(path, unknown);
  if (fs::exists(status) && !fs::is_regular_file(status))
    throw FileError(
        fmt::format("{}: cannot be written: it is {}", path, fs::is_directory(status) ? "a directory" : "no regular file"));
  // What a link points to is written, and the link stays.
  const fs::path real = fs::weakly_canonical(path, unknown);
  replacement_ = std::make_unique<Replacement>(unknown ? fs::path(path) : real);
  require(replacement_->open());
}
FileWriter::~FileWriter() = default;
FileWriter::FileWriter(FileWriter&&) noexcept = default;
FileWriter& FileWriter::operator=(FileWriter&&) noexcept = default;

void FileWriter::require(int reason) const {
  if (reason != 0) throw FileError(fmt::format("{}: cannot be written: {}", path_, std::strerror(reason)));
}

void FileWriter::write(std::string_view bytes) { require(replacement_->write(bytes)); }

void FileWriter::write(std::span<const std::byte> bytes) {
  write(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

void FileWriter::commit() { require(replacement_->commit()); }

}  // namespace reel
