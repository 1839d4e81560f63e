// What streams of a model share. Internal to src/plan/stream.
#pragma once

#include <reel/plan/stream/weights.h>

namespace reel::streams {

struct Model {
  std::shared_ptr<const PlanData> plan;
  std::vector<std::string> output_names;
  std::shared_ptr<Exchange> weights;
};

}  // namespace reel::streams
