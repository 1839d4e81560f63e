#include "common/scenes.h"

#include <algorithm>
#include <cmath>

#include <reel/data/words.h>

namespace scenes {
namespace {

constexpr double kRadius[] = {3.9, 6.6};  // small, large
constexpr double kRgb[][3] = {{.95, .15, .15}, {.15, .8, .2}, {.2, .35, 1}, {.95, .9, .2}, {.7, .2, .8}, {.2, .9, .9}};

// How much of the pixel at (x, y) from the centre the object covers, 0..1.
double coverage(const Object& o, double x, double y) {
  const double r = kRadius[o.size];
  double outside = 0;  // distance to the edge, negative within
  if (o.shape == 0) {
    outside = std::hypot(x, y) - r;
  } else if (o.shape == 1) {
    outside = std::max(std::abs(x), std::abs(y)) - .88 * r;
  } else {  // a triangle standing on its base
    const double slope = std::sqrt(5.0) / 2;
    outside = std::max(y - .85 * r, (2 * std::abs(x) - (y + r)) / (2 * slope));
  }
  return std::clamp(.5 - outside, 0.0, 1.0);
}

Object draw_object(reel::RandomStream& random, const std::vector<bool>& allowed) {
  for (;;) {
    const Object o{random.below(static_cast<Index>(kShapes.size())), random.below(static_cast<Index>(kColours.size())),
                   random.below(static_cast<Index>(kSizes.size()))};
    if (allowed[static_cast<std::size_t>(o.pair())]) return o;
  }
}

void place(Scene& s, reel::RandomStream& random) {
  const double r1 = kRadius[s.first.size], r2 = kRadius[s.second.size], gap = r1 + r2 + 1.5;
  const auto between = [&](double r) { return random.uniform(r + .5, static_cast<double>(kSide) - r - .5); };
  for (;;) {
    s.x[0] = between(r1), s.y[0] = between(r1), s.x[1] = between(r2), s.y[1] = between(r2);
    const double right = s.x[1] - s.x[0], down = s.y[1] - s.y[0];
    const double along = s.relation == 0 ? right : s.relation == 1 ? -right : s.relation == 2 ? down : -down;
    const double across = std::abs(s.relation < 2 ? down : right);
    if (along >= gap && across < .6 * along) return;  // clearly one relation
  }
}

}  // namespace

Scene turned(const Scene& s) { return {s.second, s.first, s.relation ^ 1, {s.x[1], s.x[0]}, {s.y[1], s.y[0]}}; }

std::vector<std::string> caption(const Scene& s) {
  std::string text;
  const auto describe = [&](const Object& o) {
    const char* colour = kColours[static_cast<std::size_t>(o.colour)];
    text += std::string("a ") + kSizes[static_cast<std::size_t>(o.size)] + " " + colour + " " +
            kShapes[static_cast<std::size_t>(o.shape)];
  };
  describe(s.first);
  text += std::string(" ") + kRelations[static_cast<std::size_t>(s.relation)] + " ";
  describe(s.second);
  return reel::split_words(text);
}

std::size_t place_of_colour(const Scene& scene, const Object& object) {
  if (&object == &scene.first) return 2;  // a large red ..
  return 4 + reel::split_words(kRelations[static_cast<std::size_t>(scene.relation)]).size() + 2;
}

std::vector<std::string> words() {
  std::vector<std::string> all{"a"};
  const auto add = [&](const auto& list) {
    for (const char* text : list)
      for (const std::string& word : reel::split_words(text)) all.push_back(word);
  };
  add(kSizes), add(kColours), add(kShapes), add(kRelations);
  return all;
}

std::vector<bool> choose_held_out(reel::RandomStream& random) {
  const auto shapes = static_cast<Index>(kShapes.size()), colours = static_cast<Index>(kColours.size());
  std::vector<Index> order;
  for (Index c = 0; c < colours; ++c) order.push_back(c);
  reel::shuffle(order, random);
  std::vector<bool> held(static_cast<std::size_t>(kPairs), false);
  const Index first = random.below(shapes), count = (kPairs + 4) / 5;
  for (Index i = 0; i < count; ++i)
    held[static_cast<std::size_t>(Object{(first + i) % shapes, order[static_cast<std::size_t>(i)], 0}.pair())] = true;
  return held;
}

Scene draw_scene(reel::RandomStream& random, const std::vector<bool>& allowed, const std::vector<bool>* needs) {
  Scene s{};
  s.first = draw_object(random, needs ? *needs : allowed);
  s.second = draw_object(random, allowed);
  s.relation = random.below(static_cast<Index>(kRelations.size()));
  place(s, random);
  const bool equal = s.first.size == s.second.size;
  return s.first.size > s.second.size || (equal && s.relation % 2 == 0) ? s : turned(s);
}

void paint(const Scene& s, reel::RandomStream& random, float* pixels) {
  double rgb[2][3];  // no two objects of one colour are quite alike
  for (int k = 0; k < 2; ++k) {
    const double light = random.uniform(.7, 1);
    const Object& o = k == 0 ? s.first : s.second;
    for (int c = 0; c < 3; ++c) rgb[k][c] = std::clamp(light * kRgb[o.colour][c] + random.uniform(-.06, .06), 0.0, 1.0);
  }
  for (Index i = 0; i < kSide; ++i)
    for (Index j = 0; j < kSide; ++j, pixels += 3) {
      for (int c = 0; c < 3; ++c) pixels[c] = static_cast<float>(.08 + .04 * random.uniform());
      const double x = static_cast<double>(j) + .5, y = static_cast<double>(i) + .5;
      for (int k = 0; k < 2; ++k) {
        const Object& o = k == 0 ? s.first : s.second;
        const double part = coverage(o, x - s.x[k], y - s.y[k]);
        for (int c = 0; c < 3; ++c) pixels[c] += static_cast<float>(part * (rgb[k][c] - pixels[c]));
      }
    }
}

}  // namespace scenes
