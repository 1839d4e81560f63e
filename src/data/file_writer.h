// FileWriter: writes a file piece by piece, whole or not at all, and durably.
//
//   FileWriter file("model.safetensors");
//   file.write(header);
//   file.write(numbers);
//   file.commit();
//
// What is written goes to a new file beside the one that is meant, which is on the disk before it takes that one's name. Always
// holds: until commit() has ended what was at the path is as before, and without it nothing else is left. What a program that was
// killed left there ("path.<16 digits>.partial", locked by nobody) the next FileWriter of the same path takes away. The file
// keeps its mode and, where that is allowed, its owner. Of a symbolic link the file that it points to is written; what is no
// regular file, such as a device, is refused. Threads: one thread at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace reel {

class FileWriter {
 public:
  // FileError, with the path and the reason, when it cannot be written; so do the others.
  explicit FileWriter(const std::string& path);
  ~FileWriter();
  FileWriter(FileWriter&&) noexcept;
  FileWriter& operator=(FileWriter&&) noexcept;

  void write(std::string_view bytes);
  void write(std::span<const std::byte> bytes);
  void commit();

 private:
  class Replacement;
  void require(int reason) const;
  std::string path_;
  std::unique_ptr<Replacement> replacement_;
};

}  // namespace reel
