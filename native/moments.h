// Batch-norm arithmetic on channels: statistics in two levels (float inside a tile, around a value of the tile;
// double between tiles), and the coefficients that turn normalisation and its gradient into one multiply-add each.
#pragma once
#include <cmath>
#include <vector>

#include "simd.h"

namespace x3d {

constexpr float kEpsilon = 1e-5f;

/// Count, mean and sum of squared deviations of one tile: [mean | deviations], padded rows.
inline void tile_statistics(const float* tile, int64_t rows, int64_t row, int64_t channels, float* mean,
                            float* deviations) {
  for (int64_t c = 0; c < channels; c += kLanes) {
    const int64_t n = channels - c;
    const Vec shift = load(tile + c, n);
    Vec sum = {}, squares = {};
    for (int64_t i = 0; i < rows; ++i) {
      const Vec d = load(tile + i * row + c, n) - shift;
      sum += d;
      squares += d * d;
    }
    const Vec m = sum / float(rows);
    store(mean + c, shift + m);
    store(deviations + c, squares - sum * m);
  }
}

/// Statistics of parts with `counts` rows each, [parts][2][padded channels], to [2, channels]: mean and variance.
inline void combine(const float* parts, const std::vector<int64_t>& counts, int64_t channels, float* moments) {
  const int64_t row = padded(channels);
  int64_t total = 0;
  for (int64_t n : counts) total += n;
  std::vector<double> mean(size_t(channels), 0.0), deviations(size_t(channels), 0.0);
  for (size_t p = 0; p < counts.size(); ++p)
    for (int64_t c = 0; c < channels; ++c)
      mean[size_t(c)] += double(counts[p]) * double(parts[int64_t(p) * 2 * row + c]);
  for (double& m : mean) m /= double(total);
  for (size_t p = 0; p < counts.size(); ++p) {
    const float* part = parts + int64_t(p) * 2 * row;
    for (int64_t c = 0; c < channels; ++c) {
      const double d = double(part[c]) - mean[size_t(c)];
      deviations[size_t(c)] += double(part[row + c]) + double(counts[p]) * d * d;
    }
  }
  for (int64_t c = 0; c < channels; ++c) {
    moments[c] = float(mean[size_t(c)]);
    const double variance = deviations[size_t(c)] / double(total);
    // Not std::max, which would hide a NaN.
    moments[channels + c] = float(variance < 0 ? 0 : variance);
  }
}

/// Padded vectors of channels, zero beyond the last.
struct Affine {
  std::vector<float> factor, offset;
  explicit Affine(int64_t channels) : factor(size_t(padded(channels)), 0.0f), offset(size_t(padded(channels)), 0.0f) {}
};

/// x -> (x - mean) / deviation.
inline Affine standardise(const float* moments, int64_t channels) {
  Affine a(channels);
  for (int64_t c = 0; c < channels; ++c) {
    const float inverse = 1.0f / std::sqrt(moments[channels + c] + kEpsilon);
    a.factor[size_t(c)] = inverse;
    a.offset[size_t(c)] = -moments[c] * inverse;
  }
  return a;
}

/// x -> scale (x - mean) / deviation + shift.
inline Affine normalise(const float* moments, const float* scale, const float* shift, int64_t channels) {
  Affine a = standardise(moments, channels);
  for (int64_t c = 0; c < channels; ++c) {
    a.factor[size_t(c)] *= scale[c];
    a.offset[size_t(c)] = a.offset[size_t(c)] * scale[c] + shift[c];
  }
  return a;
}

/// The gradient of a batch norm's input: gradient * p + input * r + q.
struct NormGradient {
  std::vector<float> p, q, r;
  explicit NormGradient(int64_t channels)
      : p(size_t(padded(channels)), 0.0f), q(size_t(padded(channels)), 0.0f), r(size_t(padded(channels)), 0.0f) {}
};

/// `sums` [2, channels]: of the output's gradient, and of it times the standardised input, over `rows` rows.
/// Without moments, the gradient as it is.
inline NormGradient norm_gradient(const float* moments, const float* scale, const float* sums, int64_t rows,
                                  int64_t channels) {
  NormGradient g(channels);
  for (int64_t c = 0; c < channels; ++c) {
    const double inverse = 1.0 / std::sqrt(double(moments[channels + c]) + kEpsilon);
    const double p = double(scale[c]) * inverse;
    const double across = double(sums[channels + c]) / double(rows);
    g.p[size_t(c)] = float(p);
    g.r[size_t(c)] = float(-p * inverse * across);
    g.q[size_t(c)] = float(p * (-double(sums[c]) / double(rows) + double(moments[c]) * inverse * across));
  }
  return g;
}

}  // namespace x3d
