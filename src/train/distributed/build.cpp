#include <reel/train/distributed/build.h>

#include <cstring>
#include <string_view>

#include <elf.h>
#include <link.h>

#include <fmt/format.h>
#include <hwy/targets.h>

namespace reel {
namespace {

// Of the program, which is the first object and has no name, and of what it computes with.
int read_notes(dl_phdr_info* object, std::size_t, void* to) {
  const std::string_view name = object->dlpi_name;
  if (!name.empty() && name.find("/libreel") == name.npos && name.find("/libm.") == name.npos) return 0;
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const auto& header = object->dlpi_phdr[i];
    if (header.p_type != PT_NOTE) continue;
    const auto* at = reinterpret_cast<const char*>(object->dlpi_addr + header.p_vaddr);
    const char* end = at + header.p_memsz;
    while (at + sizeof(ElfW(Nhdr)) <= end) {
      ElfW(Nhdr) note;
      std::memcpy(&note, at, sizeof note);
      const auto padded = [](std::size_t n) { return (n + 3) / 4 * 4; };
      const char* description = at + sizeof note + padded(note.n_namesz);
      if (note.n_type == NT_GNU_BUILD_ID)
        for (std::size_t k = 0; k < note.n_descsz; ++k)
          *static_cast<std::string*>(to) += fmt::format("{:02x}", static_cast<unsigned char>(description[k]));
      at = description + padded(note.n_descsz);
    }
  }
  return 0;
}

}  // namespace

std::string build_id() {
  std::string id;
  dl_iterate_phdr(read_notes, &id);
  return id.empty() ? __VERSION__ : id;
}

std::string instruction_set() {
  const auto targets = hwy::SupportedTargets();
  return hwy::TargetName(targets & -targets);  // the lowest bit is the best
}

}  // namespace reel
