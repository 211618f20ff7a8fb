// Three rows of every frame of one clip, some channels of them, with a zero column on each side: what a 3x3x3
// channelwise convolution needs for a row of its output. Rows are transformed (normalised, rectified) as they enter,
// once, so that the transformed activation is never written to memory.
#pragma once
#include "simd.h"

namespace x3d {

constexpr int64_t kRingRows = 3;
/// Half of a usual second-level cache, for both rings of the backward pass.
constexpr int64_t kRingFloats = 96 * 1024;

class Ring {
 public:
  /// `channels` is a multiple of the vector's width.
  Ring(float* data, int64_t frames, int64_t width, int64_t channels)
      : data_(data), frames_(frames), width_(width), channels_(channels) {
    for (int64_t r = 0; r < kRingRows * frames; ++r) {
      float* row = data_ + r * (width + 2) * channels;
      std::memset(row, 0, size_t(channels) * 4);
      std::memset(row + (width + 1) * channels, 0, size_t(channels) * 4);
    }
  }
  static int64_t floats(int64_t frames, int64_t width, int64_t channels) {
    return kRingRows * frames * (width + 2) * channels;
  }
  /// Column -1 of row `h` in frame `t`.
  float* row(int64_t h, int64_t t) const {
    return data_ + (h % kRingRows * frames_ + t) * (width_ + 2) * channels_;
  }
  /// Enters rows up to and including `last`; fill(h, t, to) writes [width, channels].
  template <class Fill>
  void advance(int64_t last, const Fill& fill) {
    for (; next_ <= last; ++next_)
      for (int64_t t = 0; t < frames_; ++t) fill(next_, t, row(next_, t) + channels_);
  }

 private:
  float* data_;
  int64_t frames_, width_, channels_, next_ = 0;
};

/// Channels are cut into groups of whole vectors whose rings stay in cache; one clip and group is one unit of work.
struct Groups {
  int64_t vectors, count;
  static Groups cut(int64_t channels, int64_t floatsPerVector, int64_t clips, int64_t threads) {
    const int64_t all = padded(channels) / kLanes;
    int64_t count = 1;
    const auto vectors = [&] { return (all + count - 1) / count; };
    while (vectors() > 1 && vectors() * floatsPerVector > kRingFloats) ++count;
    // A thread without a clip of its own takes channels of another's.
    while (vectors() > 1 && clips * count % threads != 0 && clips * count < 4 * threads) ++count;
    return {vectors(), (all + vectors() - 1) / vectors()};
  }
};

}  // namespace x3d
