#include "common/sentences.h"

#include <array>

namespace sentences {
namespace {

using reel::Index;
using Random = reel::RandomStream;

template <std::size_t N>
std::string one_of(const std::array<const char*, N>& list, Random& random) {
  return list[static_cast<std::size_t>(random.below(static_cast<Index>(N)))];
}

constexpr std::array kNames = {"Anna",  "Ben",  "Clara", "David", "Edith", "Farid",
                               "Greta", "Hugo", "Ines",  "Jonas", "Kira",  "Leon"};
constexpr std::array kFamilies = {"Adler", "Bach", "Costa", "Dietz", "Engel", "Falk", "Gomez", "Haas", "Ivanov", "Jung"};
constexpr std::array kFirms = {"Nordwind", "Halden", "Veritas", "Brightwater", "Solaris", "Kestrel", "Meridian", "Ostara"};
constexpr std::array kForms = {"Ltd", "Inc", "Group", "Works"};
constexpr std::array kPlaces = {"Oslo", "Turin", "Lyon", "Vienna", "Porto", "Gdansk", "Leeds", "Basel", "Ghent", "Malmo"};
constexpr std::array kRelatives = {"brother", "sister", "cousin", "uncle", "daughter", "neighbour"};
constexpr std::array kArts = {"painter", "sculptor", "composer", "singer", "photographer", "poet"};
constexpr std::array kArtDeeds = {"showed new portraits in", "recorded an album in", "wrote two operas in",
                                  "carved a fountain for", "published verses in"};
constexpr std::array kSports = {"sprinter", "goalkeeper", "swimmer", "cyclist", "boxer", "skier"};
constexpr std::array kSportDeeds = {"won a medal in", "broke the record in", "played the final in", "finished second in",
                                    "trained for years in"};
constexpr std::array kFirmDeeds = {"sells pumps from", "builds turbines in", "makes furniture in", "ships grain through",
                                   "writes software in"};

std::string person(Random& random) { return one_of(kNames, random) + " " + one_of(kFamilies, random); }
std::string firm(Random& random) { return one_of(kFirms, random) + " " + one_of(kForms, random); }

// What is said of somebody or something of the class, beginning with a verb.
std::string deed(Index label, Random& random) {
  const std::string place = one_of(kPlaces, random);
  if (label == 2) return one_of(kFirmDeeds, random) + " " + place;
  if (random.below(2) == 0) return (label == 0 ? one_of(kArtDeeds, random) : one_of(kSportDeeds, random)) + " " + place;
  return "is a " + (label == 0 ? one_of(kArts, random) : one_of(kSports, random)) + " from " + place;
}

}  // namespace

Labelled draw(Random& random) {
  constexpr std::array kLabels = {"Artist", "Athlete", "Company"};
  const Index label = random.below(3);
  const std::string subject = label == 2 ? firm(random) : person(random);
  std::string text = subject + " ";
  if (random.below(2) == 0) {
    const Index other = random.below(3);
    const std::string who = label == 2 ? "founder" : one_of(kRelatives, random);
    text += ", whose " + (other == 2 ? "employer " + deed(2, random) : who + " " + deed(other, random)) + ", ";
  }
  text += deed(label, random);
  if (random.below(4) == 0) {
    const Index other = random.below(3);
    text += ", where " + (other == 2 ? firm(random) : person(random)) + " " + deed(other, random);
  }
  return {kLabels[static_cast<std::size_t>(label)], text + "."};
}

}  // namespace sentences
