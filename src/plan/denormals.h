// Denormal numbers as zeros while kernels run: a gate that has closed must not slow the machine down a hundredfold.
#pragma once

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

namespace reel {

// Sets the calling thread's mode and restores it. On machines other than x86 nothing happens.
class FlushDenormals {
 public:
#if defined(__SSE__)
  FlushDenormals() : before_(_mm_getcsr()) { _mm_setcsr(before_ | kFlushToZero | kDenormalsAreZero); }
  ~FlushDenormals() { _mm_setcsr(before_); }

 private:
  static constexpr unsigned kFlushToZero = 0x8000, kDenormalsAreZero = 0x0040;
  unsigned before_;
#else
  FlushDenormals() {}
  ~FlushDenormals() {}
#endif
 public:
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;
};

}  // namespace reel
