// What a plan computes from parameters alone, packed weights above all: once for each version of the values, for all workspaces
// of the plan. Internal to src/plan.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include <reel/graph/parameter.h>

namespace reel {

class CachedShelf;

// Of which parameters they are.
struct CachedKey {
  std::shared_ptr<const char> parameters;  // their identity; none: of constants alone
  std::uint64_t version = 0;
  bool operator==(const CachedKey&) const = default;
};

struct CachedValues {
  AlignedBytes bytes;
  std::size_t size = 0;
  std::shared_ptr<CachedShelf> shelf;  // of the plan that computed them; none while that goes on
  CachedKey key;

  bool are(const std::shared_ptr<CachedShelf>& plan, const CachedKey& wanted) const { return shelf == plan && key == wanted; }
};

// The cached values of one plan that some workspace holds. Threads: safe. Always holds: values on a shelf are not written to.
class CachedShelf {
 public:
  // Those of these parameters, or nothing.
  std::shared_ptr<CachedValues> find(const CachedKey& key);
  // Puts values there, complete; gives equal ones that another was quicker to put.
  static std::shared_ptr<CachedValues> put(const std::shared_ptr<CachedShelf>& shelf, std::shared_ptr<CachedValues> values,
                                           CachedKey key);
  // Memory to write so many bytes to: what is given, where nobody else holds it and it is large enough. MemoryError.
  static std::shared_ptr<CachedValues> writable(std::shared_ptr<CachedValues> own, std::size_t bytes);

 private:
  std::shared_ptr<CachedValues> locked_find(const CachedKey& key);
  std::mutex mutex_;
  std::vector<std::weak_ptr<CachedValues>> values_;
};

}  // namespace reel
