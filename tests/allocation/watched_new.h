// operator new that counts, and can be told to fail: what memory that runs out does, at every place where it may.
#pragma once

namespace reel::test {

// From now on the n-th allocation of this program fails (1: the next), and so do all after it; 0: none.
void fail_allocation(long n);
// Whether one has failed since then.
bool allocation_failed();

class FailingAllocation {
 public:
  explicit FailingAllocation(long n) { fail_allocation(n); }
  ~FailingAllocation() { fail_allocation(0); }
  FailingAllocation(const FailingAllocation&) = delete;
  FailingAllocation& operator=(const FailingAllocation&) = delete;
};

// Counts what all threads allocate as long as it lives; one at a time.
class CountingAllocations {
 public:
  CountingAllocations();
  ~CountingAllocations();
  CountingAllocations(const CountingAllocations&) = delete;
  CountingAllocations& operator=(const CountingAllocations&) = delete;
  long count() const;
};

}  // namespace reel::test
