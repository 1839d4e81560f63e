// Scenes of two objects, drawn as small pictures, and what can be said about them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <reel/graph/random.h>

namespace scenes {

using reel::Index;

inline constexpr Index kSide = 32;  // of a picture, in pixels
inline constexpr std::array kShapes = {"circle", "square", "triangle"};
inline constexpr std::array kColours = {"red", "green", "blue", "yellow", "purple", "cyan"};
inline constexpr std::array kSizes = {"small", "large"};
inline constexpr std::array kRelations = {"left of", "right of", "above", "below"};

struct Object {
  Index shape, colour, size;
  Index pair() const { return shape * static_cast<Index>(kColours.size()) + colour; }
};
inline constexpr Index kPairs = static_cast<Index>(kShapes.size() * kColours.size());

// The first object's place is `relation` the second's. It is the larger one; of two alike, the one on the left or above.
struct Scene {
  Object first, second;
  Index relation;
  double x[2], y[2];  // centres, in pixels
};

// The same scene told from its second object.
Scene turned(const Scene& scene);
// Words of "a small red circle left of a large blue square".
std::vector<std::string> caption(const Scene& scene);
// Where in the caption the colour of one of the scene's objects stands; its shape follows.
std::size_t place_of_colour(const Scene& scene, const Object& object);
// All words of captions.
std::vector<std::string> words();

// A fifth of the pairs of shape and colour, of different colours, so that every shape and every colour is still seen.
std::vector<bool> choose_held_out(reel::RandomStream& random);

// An arrangement whose objects do not touch; `allowed` says which pairs may appear. With `needs`, one of these does.
Scene draw_scene(reel::RandomStream& random, const std::vector<bool>& allowed, const std::vector<bool>* needs = nullptr);

// kSide x kSide x 3 numbers of [0, 1]: objects with soft edges on a dark, slightly noisy ground.
void paint(const Scene& scene, reel::RandomStream& random, float* pixels);

}  // namespace scenes
