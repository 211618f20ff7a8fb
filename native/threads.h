// Work is cut into units whose number and order of sums do not depend on the threads, or into one contiguous part a
// thread: either way a run with the same number of threads gives the same bits.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <new>
#include <vector>

namespace x3d {

/// TF_NUM_INTRAOP_THREADS, as TensorFlow's own kernels; 1 where it is not set.
inline int threads() {
  static const int count = [] {
    const char* value = std::getenv("TF_NUM_INTRAOP_THREADS");
    const int parsed = value ? std::atoi(value) : 1;
    return parsed > 0 ? parsed : 1;
  }();
  return count;
}

/// body(unit) for every unit, contiguous ranges of them on each thread.
template <class Body>
void parallel_units(int64_t units, const Body& body) {
  const int n = int64_t(threads()) < units ? threads() : int(units);
  if (n <= 1) {
    for (int64_t u = 0; u < units; ++u) body(u);
    return;
  }
#pragma omp parallel for schedule(static) num_threads(n)
  for (int64_t u = 0; u < units; ++u) body(u);
}

/// body(part, first, last) for each of as many contiguous parts of [0, units) as there are threads. OpenMP may give
/// fewer threads than it is asked for; the parts stay the same, and none is left out.
template <class Body>
void parallel_parts(int64_t units, const Body& body) {
  const int n = threads();
  if (n <= 1) {
    body(0, int64_t(0), units);
    return;
  }
#pragma omp parallel for schedule(static, 1) num_threads(n)
  for (int i = 0; i < n; ++i) body(i, units * i / n, units * (i + 1) / n);
}

/// Floats of scratch that a thread keeps from call to call; what it held is gone after the next `take` at the slot.
class Scratch {
 public:
  static float* take(int slot, int64_t count) {
    thread_local Scratch scratches[8];
    Scratch& s = scratches[slot];
    if (s.capacity_ < count) {
      std::free(s.data_);
      s.capacity_ = 0;
      s.data_ = static_cast<float*>(std::aligned_alloc(64, size_t((count * 4 + 63) / 64 * 64)));
      if (!s.data_) throw std::bad_alloc();
      s.capacity_ = count;
    }
    return s.data_;
  }
  ~Scratch() { std::free(data_); }

 private:
  float* data_ = nullptr;
  int64_t capacity_ = 0;
};

}  // namespace x3d
