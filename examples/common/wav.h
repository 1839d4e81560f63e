// Sound files.
#pragma once

#include <span>
#include <string>

namespace program {

// Writes one channel as a WAV file of 16 bits; what is beyond [-1, 1] is cut. Whole or not at all, as reel::write_file.
void write_wav(const std::string& path, std::span<const float> samples, int rate);

}  // namespace program
