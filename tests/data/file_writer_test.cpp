#include <csignal>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <reel/data/file_writer.h>
#include <reel/data/files.h>

#include "directory.h"
#include "support.h"

using namespace reel;
using namespace reel::test;

TEST_CASE("file writer: pieces become a file at commit, and nothing without it") {
  const Directory directory;
  const std::string path = directory.write("file", "before");
  {
    FileWriter file(path);
    file.write("one");
    CHECK(read_file(path) == "before");
    CHECK(directory.files() == 2);
  }
  CHECK(read_file(path) == "before");
  CHECK(directory.files() == 1);
  FileWriter file(path);
  file.write("one");
  file.write(std::as_bytes(std::span("two", 3)));
  file.write("");
  FileWriter moved = std::move(file);
  moved.commit();
  CHECK(read_file(path) == "onetwo");
  CHECK(directory.files() == 1);
}

TEST_CASE("file writer: what a killed program left is taken away, and nothing else") {
  const Directory directory;
  const std::string path = directory.write("file", "before");
  const std::string abandoned = directory.write("file.0123456789abcdef.partial", "half");
  // Of others: another file's, a user's own, a folder's, one that is still being written.
  directory.write("other.0123456789abcdef.partial", "x");
  directory.write("file.partial", "x");
  directory.write("file.0123456789abcdeg.partial", "x");
  directory.write("file.0123456789abcdef0.partial", "x");
  std::filesystem::create_directory(directory / "file.1111111111111111.partial");
  const std::string target = directory.write("precious", "x");
  std::filesystem::create_symlink(target, directory / "file.2222222222222222.partial");
  const std::string busy = directory.write("file.3333333333333333.partial", "x");
  const int lock = ::open(busy.c_str(), O_RDONLY);
  REQUIRE(::flock(lock, LOCK_EX) == 0);
  const std::size_t before = directory.files();
  write_file(path, "after");
  CHECK(read_file(path) == "after");
  CHECK(!std::filesystem::exists(abandoned));
  CHECK(directory.files() == before - 1);
  CHECK(read_file(target) == "x");
  ::close(lock);
  write_file(path, "again");
  CHECK(!std::filesystem::exists(busy));
}

TEST_CASE("file writer: a disk that fills up leaves what was there, and nothing else") {
  const Directory directory;
  const std::string path = directory.write("file", "before");
  // A limit on the size of files does what a full disk does: a write that fails in the middle.
  rlimit before;
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 10000;
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  check_throws<FileError>([&] { write_file(path, std::string(50000, 'x')); }, {path.c_str(), "cannot be written", "large"});
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  CHECK(read_file(path) == "before");
  CHECK(directory.files() == 1);
  if (::geteuid() == 0) return;  // who may write everywhere
  ::chmod(directory.path().c_str(), 0500);
  check_throws<FileError>([&] { write_file(path, "x"); }, {path.c_str(), "Permission denied"});
  ::chmod(directory.path().c_str(), 0700);
  CHECK(read_file(path) == "before");
}

TEST_CASE("file writer: two at once do not disturb each other; the last to commit wins") {
  const Directory directory;
  const std::string path = directory / "file";
  FileWriter one(path), two(path);
  one.write("one");
  two.write("two");
  two.commit();
  CHECK(read_file(path) == "two");
  one.commit();
  CHECK(read_file(path) == "one");
  CHECK(directory.files() == 1);
}

TEST_CASE("keep last files: ages move on by one, the oldest goes, and the file itself is always there") {
  const Directory directory;
  const std::string path = directory / "file";
  for (int i = 1; i <= 6; ++i) {
    keep_last_files(path, 3);
    CHECK((i == 1 || read_file(path) == std::to_string(i - 1)));
    write_file(path, std::to_string(i));
  }
  CHECK(read_file(path) == "6");
  CHECK(read_file(path + ".1") == "5");
  CHECK(read_file(path + ".2") == "4");
  CHECK(directory.files() == 3);
  keep_last_files(path, 1);
  CHECK(directory.files() == 3);
  check_throws<InputError>([&] { keep_last_files(path, 0); }, {path.c_str(), "at least one", "0"});
}
