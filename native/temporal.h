// The stem's convolution in time alone, [K, 1, 1, C] for odd K, zero padding, on a raw input.
#pragma once
#include <algorithm>

#include "moments.h"
#include "simd.h"
#include "threads.h"

namespace x3d {

struct TemporalShape {
  int64_t frames, clips, area, channels, taps;
};

/// Copies rows of channels to rows padded with zeros.
inline void pad_filter(const float* from, int64_t rows, int64_t channels, float* to) {
  const int64_t row = padded(channels);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t c = 0; c < row; ++c) to[i * row + c] = c < channels ? from[i * channels + c] : 0.0f;
}

/// b, and by clip its mean and sum of squared deviations, [N][2][padded C]. `filter` has padded rows.
inline void temporal(const TemporalShape& s, const float* a, const float* filter, float* b, float* statistics) {
  const int64_t row = padded(s.channels), half = s.taps / 2, frame = s.clips * s.area * s.channels;
  parallel_units(s.clips, [&](int64_t clip) {
    std::vector<double> sums(size_t(2 * row), 0.0);
    float* shift = Scratch::take(1, row);
    for (int64_t t = 0; t < s.frames; ++t) {
      const int64_t first = std::max<int64_t>(0, t - half), last = std::min(s.frames - 1, t + half);
      for (int64_t c = 0; c < s.channels; c += kLanes) {
        const int64_t n = s.channels - c;
        for (int64_t from = 0; from < s.area; from += 256) {
          Vec sum = {}, squares = {};
          for (int64_t i = from; i < std::min(s.area, from + 256); ++i) {
            const int64_t at = (clip * s.area + i) * s.channels + c;
            Vec v = {};
            for (int64_t u = first; u <= last; ++u)
              v += load(a + u * frame + at, n) * load(filter + (u - t + half) * row + c);
            store(b + t * frame + at, v, n);
            if (t == 0 && i == 0) store(shift + c, v);
            const Vec d = v - load(shift + c);
            sum += d;
            squares += d * d;
          }
          for (int l = 0; l < kLanes; ++l) {
            sums[size_t(c + l)] += double(sum[l]);
            sums[size_t(row + c + l)] += double(squares[l]);
          }
        }
      }
    }
    const double count = double(s.frames * s.area);
    float* to = statistics + clip * 2 * row;
    for (int64_t c = 0; c < row; ++c) {
      const double sum = sums[size_t(c)];
      to[c] = float(double(shift[c]) + sum / count);
      to[row + c] = float(sums[size_t(row + c)] - sum * sum / count);
    }
  });
}

/// da and, added into parts [N][part], the filter's gradient by clip. b's gradient is du * p + q + b * r by clip, or du
/// without b.
inline void temporal_gradient(const TemporalShape& s, const float* du, const float* b, const float* coefficients,
                              const float* a, const float* filter, float* da, float* parts, int64_t part) {
  const int64_t row = padded(s.channels), half = s.taps / 2, frame = s.clips * s.area * s.channels;
  constexpr int64_t kTile = 32;
  parallel_units(s.clips, [&](int64_t clip) {
    const float* p = coefficients + clip * 3 * row;
    float* mine = parts + clip * part;
    float* gradient = Scratch::take(1, s.frames * kTile * kLanes);
    for (int64_t c = 0; c < s.channels; c += kLanes) {
      const int64_t n = s.channels - c;
      const Vec factor = b ? load(p + c) : Vec{}, offset = b ? load(p + row + c) : Vec{},
                raw = b ? load(p + 2 * row + c) : Vec{};
      for (int64_t from = 0; from < s.area; from += kTile) {
        const int64_t count = std::min(kTile, s.area - from);
        for (int64_t t = 0; t < s.frames; ++t)
          for (int64_t i = 0; i < count; ++i) {
            const int64_t at = t * frame + (clip * s.area + from + i) * s.channels + c;
            const Vec g = load(du + at, n);
            store(gradient + (t * kTile + i) * kLanes, b ? g * factor + offset + load(b + at, n) * raw : g);
          }
        for (int64_t t = 0; t < s.frames; ++t) {
          const int64_t first = std::max<int64_t>(0, t - half), last = std::min(s.frames - 1, t + half);
          // Input frame t reaches output frame u with tap t - u + half.
          for (int64_t u = first; u <= last; ++u) {
            Vec sum = {};
            for (int64_t i = 0; i < count; ++i)
              sum += load(gradient + (u * kTile + i) * kLanes) *
                     load(a + t * frame + (clip * s.area + from + i) * s.channels + c, n);
            float* to = mine + (t - u + half) * row + c;
            store(to, load(to) + sum);
          }
          for (int64_t i = 0; i < count; ++i) {
            Vec v = {};
            for (int64_t u = first; u <= last; ++u)
              v += load(gradient + (u * kTile + i) * kLanes) * load(filter + (t - u + half) * row + c);
            store(da + t * frame + (clip * s.area + from + i) * s.channels + c, v, n);
          }
        }
      }
    }
  });
}

}  // namespace x3d
