#include <reel/plan/cached_values.h>

#include <atomic>

namespace reel {

std::shared_ptr<CachedValues> CachedShelf::locked_find(const CachedKey& key) {
  std::erase_if(values_, [](const auto& held) { return held.expired(); });
  for (const auto& held : values_)
    if (auto values = held.lock(); values && values->key == key) return values;
  return nullptr;
}

std::shared_ptr<CachedValues> CachedShelf::find(const CachedKey& key) {
  const std::lock_guard lock(mutex_);
  return locked_find(key);
}

std::shared_ptr<CachedValues> CachedShelf::put(const std::shared_ptr<CachedShelf>& shelf, std::shared_ptr<CachedValues> values,
                                               CachedKey key) {
  const std::lock_guard lock(shelf->mutex_);
  if (auto equal = shelf->locked_find(key)) return equal;
  values->shelf = shelf;
  values->key = std::move(key);
  shelf->values_.push_back(values);
  return values;
}

std::shared_ptr<CachedValues> CachedShelf::writable(std::shared_ptr<CachedValues> own, std::size_t bytes) {
  if (own) {
    const std::shared_ptr<CachedShelf> shelf = own->shelf;
    std::unique_lock<std::mutex> lock;  // so that nobody takes it from the shelf meanwhile
    if (shelf) lock = std::unique_lock(shelf->mutex_);
    if (own.use_count() == 1) {
      std::atomic_thread_fence(std::memory_order_acquire);  // after the last reads of those who held it
      if (shelf) std::erase_if(shelf->values_, [&](const auto& held) { return held.lock() == own; });
      own->shelf = nullptr;
    } else {
      own = nullptr;
    }
  }
  if (own && own->bytes && bytes <= own->size) return own;
  own = nullptr;  // before more is asked for, so that both are never held at a time
  auto values = std::make_shared<CachedValues>();
  values->bytes = aligned_bytes(bytes);
  values->size = bytes;
  return values;
}

}  // namespace reel
