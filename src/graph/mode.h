// Mode: what a model is recorded for. Dropout acts in training alone.
#pragma once

#include <cstdint>

namespace reel {

enum class Mode : std::uint8_t { training, inference };

}  // namespace reel
