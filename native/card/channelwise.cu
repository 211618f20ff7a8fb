// Channelwise convolutions on a card, one kernel each way: 3x3x3, strided in space or not, or in time alone. A thread
// makes some outputs next to each other for a vector of channels, and walks through all frames, so that every value of
// the input is read from memory once and the rest of its 27 uses come from registers and the nearest caches. What goes
// over all positions (the filter's gradient, sums, statistics) is summed by block in a fixed order into parts, and the
// parts in a fixed order by a second kernel: no atomics, so that the same input gives the same bits.
//
// Compiled by NVRTC for one build (X3D_TAPS, X3D_SIDE, X3D_STRIDE, X3D_LANES), and by the host's compiler, with host.h
// in place of CUDA, for tests.
#include "channelwise.h"
#ifndef __CUDACC__
#include "host.h"
#endif

namespace x3d {
namespace card {

constexpr float kNormEpsilon = 1e-5f;

/// Channels next to each other, loaded and stored at once.
template <int Lanes>
struct alignas(4 * Lanes) Vector {
  float of[Lanes];
};

template <int Lanes>
__device__ inline Vector<Lanes> broadcast(float x) {
  Vector<Lanes> v;
#pragma unroll
  for (int l = 0; l < Lanes; ++l) v.of[l] = x;
  return v;
}

template <int Lanes>
__device__ inline Vector<Lanes> load(const float* p) {
  return *reinterpret_cast<const Vector<Lanes>*>(p);
}

template <int Lanes>
__device__ inline void store(float* p, const Vector<Lanes>& v) {
  *reinterpret_cast<Vector<Lanes>*>(p) = v;
}

/// sum += a * b.
template <int Lanes>
__device__ inline void accumulate(Vector<Lanes>& sum, const Vector<Lanes>& a, const Vector<Lanes>& b) {
#pragma unroll
  for (int l = 0; l < Lanes; ++l) sum.of[l] = fmaf(a.of[l], b.of[l], sum.of[l]);
}

/// x -> x * factor + offset.
template <int Lanes>
struct Affine {
  Vector<Lanes> factor, offset;
  __device__ Vector<Lanes> operator()(const Vector<Lanes>& x) const {
    Vector<Lanes> y;
#pragma unroll
    for (int l = 0; l < Lanes; ++l) y.of[l] = fmaf(x.of[l], factor.of[l], offset.of[l]);
    return y;
  }
};

/// x -> (x - mean) / deviation.
template <int Lanes>
__device__ inline Affine<Lanes> standardise(const float* moments, int channels, int c) {
  const Vector<Lanes> mean = load<Lanes>(moments + c), variance = load<Lanes>(moments + channels + c);
  Affine<Lanes> a;
#pragma unroll
  for (int l = 0; l < Lanes; ++l) {
    a.factor.of[l] = 1.0f / sqrtf(variance.of[l] + kNormEpsilon);
    a.offset.of[l] = -mean.of[l] * a.factor.of[l];
  }
  return a;
}

/// max(x, 0), which passes NaN on.
template <int Lanes>
__device__ inline Vector<Lanes> relu(const Vector<Lanes>& x) {
  Vector<Lanes> y;
#pragma unroll
  for (int l = 0; l < Lanes; ++l) y.of[l] = x.of[l] < 0.0f ? 0.0f : x.of[l];
  return y;
}

/// Where [frame, clip, row] of [frames, clips, height, width, channels] starts.
__device__ inline long long start(const Shape& s, int frame, int clip, int row, int height, int width) {
  return ((static_cast<long long>(frame) * s.clips + clip) * height + row) * width * s.channels;
}

/// The filter's taps for a vector of channels, [Taps][Side][Side].
template <int Taps, int Side, int Lanes>
struct Filter {
  Vector<Lanes> of[Taps][Side][Side];
  __device__ Filter(const float* filter, int channels, int c) {
#pragma unroll
    for (int k = 0; k < Taps * Side * Side; ++k)
      of[k / (Side * Side)][k / Side % Side][k % Side] = load<Lanes>(filter + static_cast<long long>(k) * channels + c);
  }
};

/// Statistics of a thread's outputs, around the first of them.
template <int Lanes>
struct Statistics {
  Vector<Lanes> around = broadcast<Lanes>(0), sum = broadcast<Lanes>(0), squares = broadcast<Lanes>(0);
  int count = 0;
  __device__ void add(const Vector<Lanes>& v) {
    if (count++ == 0) around = v;
#pragma unroll
    for (int l = 0; l < Lanes; ++l) {
      const float d = v.of[l] - around.of[l];
      sum.of[l] += d;
      squares.of[l] = fmaf(d, d, squares.of[l]);
    }
  }
};

/// Puts the statistics of a block's rows together: count, mean, squared deviations at `to`, [kStatistics, C].
template <int Lanes>
__device__ inline void combine_rows(const Statistics<Lanes>& own, bool active, int channels, int c, float* to) {
  __shared__ float rows[kStatistics][kRows][kWidest * Lanes];
  const int x = threadIdx.x * Lanes, y = threadIdx.y;
  const float count = static_cast<float>(own.count);
#pragma unroll
  for (int l = 0; l < Lanes; ++l) {
    const float mean = own.count ? own.sum.of[l] / count : 0.0f;
    rows[0][y][x + l] = count;
    rows[1][y][x + l] = own.around.of[l] + mean;
    rows[2][y][x + l] = own.squares.of[l] - own.sum.of[l] * mean;
  }
  __syncthreads();
  if (y != 0 || !active) return;
  for (int l = 0; l < Lanes; ++l) {
    float n = 0, mean = 0, deviations = 0;
    for (int row = 0; row < kRows; ++row) {
      const float more = rows[0][row][x + l];
      if (more == 0) continue;
      const float d = rows[1][row][x + l] - mean, share = more / (n + more);
      mean += d * share;
      deviations += rows[2][row][x + l] + d * d * n * share;
      n += more;
    }
    to[c + l] = n;
    to[channels + c + l] = mean;
    to[2 * channels + c + l] = deviations;
  }
}

// Grid: blocks of a clip, groups of channels, clips.
template <int Taps, int Side, int Stride, int Lanes>
__device__ inline void forward(const Forward& p) {
  constexpr int kHalf = Taps / 2, kEdge = Side / 2, kColumns = (kTile - 1) * Stride + Side;
  using V = Vector<Lanes>;
  const Shape& s = p.shape;
  const int c = (blockIdx.y * blockDim.x + threadIdx.x) * Lanes, clip = blockIdx.z;
  const bool active = c < s.channels;
  Statistics<Lanes> statistics;
  if (active) {
    const Filter<Taps, Side, Lanes> filter(p.filter, s.channels, c);
    const bool normed = p.moments != nullptr;
    Affine<Lanes> norm{};
    if (normed) {
      norm = standardise<Lanes>(p.moments, s.channels, c);
      const V scale = load<Lanes>(p.scale + c), shift = load<Lanes>(p.shift + c);
#pragma unroll
      for (int l = 0; l < Lanes; ++l) {
        norm.factor.of[l] *= scale.of[l];
        norm.offset.of[l] = fmaf(norm.offset.of[l], scale.of[l], shift.of[l]);
      }
    }
    const int tiles = (s.outWidth + kTile - 1) / kTile;
    // Threads of a block are below each other, so that they share the rows that they read.
    for (int at = blockIdx.x * kRows + threadIdx.y; at < s.outHeight * tiles; at += gridDim.x * kRows) {
      const int row = at % s.outHeight, column = at / s.outHeight * kTile;
      // Frame t reaches output frame t - kHalf + k with tap Taps - 1 - k.
      V sums[Taps][kTile];
#pragma unroll
      for (int k = 0; k < Taps * kTile; ++k) sums[k / kTile][k % kTile] = broadcast<Lanes>(0);
      for (int t = 0; t < s.frames + kHalf; ++t) {
        if (t < s.frames) {
#pragma unroll
          for (int kh = 0; kh < Side; ++kh) {
            const int h = row * Stride + kh - kEdge;
            if (h < 0 || h >= s.height) continue;
            const float* in = p.a + start(s, t, clip, h, s.height, s.width) + c;
#pragma unroll
            for (int x = 0; x < kColumns; ++x) {
              const int w = column * Stride + x - kEdge;
              if (w < 0 || w >= s.width) continue;
              V v = load<Lanes>(in + w * s.channels);
              if (normed) v = relu(norm(v));
#pragma unroll
              for (int kw = 0; kw < Side; ++kw)
                if (x >= kw && (x - kw) % Stride == 0 && (x - kw) / Stride < kTile) {
#pragma unroll
                  for (int k = 0; k < Taps; ++k)
                    accumulate(sums[k][(x - kw) / Stride], v, filter.of[Taps - 1 - k][kh][kw]);
                }
            }
          }
        }
        if (t >= kHalf) {
          float* out = p.b + start(s, t - kHalf, clip, row, s.outHeight, s.outWidth) + c;
#pragma unroll
          for (int j = 0; j < kTile; ++j)
            if (column + j < s.outWidth) {
              store(out + (column + j) * s.channels, sums[0][j]);
              if (p.parts) statistics.add(sums[0][j]);
            }
        }
#pragma unroll
        for (int k = 0; k < Taps; ++k)
#pragma unroll
          for (int j = 0; j < kTile; ++j) sums[k][j] = k + 1 < Taps ? sums[k + 1 < Taps ? k + 1 : 0][j] : broadcast<Lanes>(0);
      }
    }
  }
  if (p.parts)
    combine_rows(statistics, active, s.channels, c,
                 p.parts + (static_cast<long long>(clip) * gridDim.x + blockIdx.x) * kStatistics * s.channels);
}

/// A channel's statistics in double precision.
struct Combined {
  double count = 0, mean = 0, deviations = 0;
  __device__ void add(double more, double other, double squares) {
    if (more == 0) return;
    const double d = other - mean, share = more / (count + more);
    mean += d * share;
    deviations += squares + d * d * count * share;
    count += more;
  }
};

// From the parts of `forward` to means by clip and moments. Grid: groups of kWidest channels; a row of threads takes
// every kRows-th clip.
__device__ inline void moments(const Moments& p) {
  __shared__ double rows[kStatistics][kRows][kWidest];
  const int x = threadIdx.x, y = threadIdx.y, c = blockIdx.x * kWidest + x;
  Combined all;
  for (int clip = y; c < p.channels && clip < p.clips; clip += kRows) {
    Combined own;
    for (int block = 0; block < p.blocks; ++block) {
      const float* part = p.parts + (static_cast<long long>(clip) * p.blocks + block) * kStatistics * p.channels + c;
      own.add(part[0], part[p.channels], part[2 * p.channels]);
    }
    p.means[clip * p.channels + c] = static_cast<float>(own.mean);
    all.add(own.count, own.mean, own.deviations);
  }
  rows[0][y][x] = all.count;
  rows[1][y][x] = all.mean;
  rows[2][y][x] = all.deviations;
  __syncthreads();
  if (y != 0 || c >= p.channels) return;
  for (int row = 1; row < kRows; ++row) all.add(rows[0][row][x], rows[1][row][x], rows[2][row][x]);
  p.moments[c] = static_cast<float>(all.mean);
  p.moments[p.channels + c] = static_cast<float>(all.deviations / all.count);
}

/// Adds up `Count` values over the rows of a block, to `to`, [Count, C]; a row of threads takes every kRows-th value.
template <int Count, int Lanes>
__device__ inline void sum_rows(const Vector<Lanes> (&values)[Count], bool active, int channels, float* to) {
  __shared__ float rows[kRows][kRows][kWidest * Lanes];
  const int x = threadIdx.x * Lanes, y = threadIdx.y;
#pragma unroll
  for (int first = 0; first < Count; first += kRows) {
#pragma unroll
    for (int k = 0; k < kRows; ++k)
      if (first + k < Count)
        for (int l = 0; l < Lanes; ++l) rows[k][y][x + l] = values[first + k < Count ? first + k : 0].of[l];
    __syncthreads();
    if (active && first + y < Count)
      for (int l = 0; l < Lanes; ++l) {
        float sum = 0;
        for (int row = 0; row < kRows; ++row) sum += rows[y][row][x + l];
        to[static_cast<long long>(first + y) * channels + l] = sum;
      }
    __syncthreads();
  }
}

// Grid: blocks, groups of channels. A thread makes the gradients of the inputs of kTile outputs, Stride x Stride each, in
// all frames, from those outputs' gradients that they reach, and on the way its share of the filter's gradient.
template <int Taps, int Side, int Stride, int Lanes>
__device__ inline void backward(const Backward& p) {
  constexpr int kTile = kBackwardTiles[Stride], kHalf = Taps / 2, kEdge = Side / 2, kColumns = Stride * kTile;
  // Inputs (Stride row + dy, ..) reach outputs row + sy, by tap dy + kEdge - Stride sy.
  constexpr int kFirst = Stride == 1 ? -kEdge : 0, kHigh = Stride == 1 ? Side : 2, kWide = kTile - 1 + kHigh;
  constexpr int kTaps = Taps * Side * Side, kInputs = Stride * kColumns;
  using V = Vector<Lanes>;
  const V zero = broadcast<Lanes>(0);
  const Shape& s = p.shape;
  const int c = (blockIdx.y * blockDim.x + threadIdx.x) * Lanes;
  const bool active = c < s.channels;
  // The filter's gradient and both sums.
  V totals[kTaps + 2];
#pragma unroll
  for (int k = 0; k < kTaps + 2; ++k) totals[k] = zero;
  if (active) {
    const Filter<Taps, Side, Lanes> filter(p.filter, s.channels, c);
    const bool normed = p.moments != nullptr;
    Affine<Lanes> standard{}, affine{};
    if (normed) {
      standard = standardise<Lanes>(p.moments, s.channels, c);
      affine = {load<Lanes>(p.scale + c), load<Lanes>(p.shift + c)};
    }
    const int tiles = (s.outWidth + kTile - 1) / kTile, positions = s.outHeight * tiles;
    for (int at = blockIdx.x * kRows + threadIdx.y; at < positions * s.clips; at += gridDim.x * kRows) {
      const int clip = at / positions, row = at % positions % s.outHeight, column = at % positions / s.outHeight * kTile;
      V factor = zero, offset = zero, across = zero;
      if (p.coefficients) {
        const float* own = p.coefficients + (p.coefficientClips == 1 ? 0 : clip) * 3 * s.channels + c;
        factor = load<Lanes>(own), offset = load<Lanes>(own + s.channels), across = load<Lanes>(own + 2 * s.channels);
      }
      // Frame t of the output reaches input frame t - kHalf + k by tap k. By k: what the convolution read, standardised
      // and as it read it (zeros where there is nothing), and the sum that becomes its gradient.
      V values[Taps][kInputs], read[Taps][kInputs], sums[Taps][kInputs];
#pragma unroll
      for (int i = 0; i < Taps * kInputs; ++i)
        values[i / kInputs][i % kInputs] = read[i / kInputs][i % kInputs] = sums[i / kInputs][i % kInputs] = zero;
      for (int t = -kHalf; t < s.frames + kHalf; ++t) {
#pragma unroll
        for (int i = 0; i < kInputs; ++i) {
#pragma unroll
          for (int k = 0; k + 1 < Taps; ++k)
            values[k][i] = values[k + 1][i], read[k][i] = read[k + 1][i], sums[k][i] = sums[k + 1][i];
          values[Taps - 1][i] = read[Taps - 1][i] = sums[Taps - 1][i] = zero;
          const int h = row * Stride + i / kColumns, w = column * Stride + i % kColumns;
          if (t + kHalf >= s.frames || h >= s.height || w >= s.width) continue;
          const V a = load<Lanes>(p.a + start(s, t + kHalf, clip, h, s.height, s.width) + w * s.channels + c);
          values[Taps - 1][i] = normed ? standard(a) : a;
          read[Taps - 1][i] = normed ? relu(affine(values[Taps - 1][i])) : a;
        }
        if (t >= 0 && t < s.frames) {
#pragma unroll
          for (int from = 0; from < kHigh * kWide; ++from) {
            const int sy = kFirst + from / kWide, sx = kFirst + from % kWide, h = row + sy, w = column + sx;
            if (h < 0 || h >= s.outHeight || w < 0 || w >= s.outWidth) continue;
            const long long place = start(s, t, clip, h, s.outHeight, s.outWidth) + w * s.channels + c;
            V g = load<Lanes>(p.du + place);
            if (p.coefficients) {
              const V b = load<Lanes>(p.b + place);
#pragma unroll
              for (int l = 0; l < Lanes; ++l)
                g.of[l] = fmaf(b.of[l], across.of[l], fmaf(g.of[l], factor.of[l], offset.of[l]));
            }
#pragma unroll
            for (int i = 0; i < kInputs; ++i) {
              const int kh = i / kColumns + kEdge - Stride * sy, kw = i % kColumns + kEdge - Stride * sx;
              if (kh < 0 || kh >= Side || kw < 0 || kw >= Side) continue;
#pragma unroll
              for (int k = 0; k < Taps; ++k) {
                accumulate(sums[k][i], g, filter.of[k][kh][kw]);
                accumulate(totals[(k * Side + kh) * Side + kw], g, read[k][i]);
              }
            }
          }
        }
        if (t < kHalf) continue;
#pragma unroll
        for (int i = 0; i < kInputs; ++i) {
          const int h = row * Stride + i / kColumns, w = column * Stride + i % kColumns;
          if (h >= s.height || w >= s.width) continue;
          V g = sums[0][i];
          if (normed) {
#pragma unroll
            for (int l = 0; l < Lanes; ++l) {
              g.of[l] = read[0][i].of[l] > 0.0f ? g.of[l] : 0.0f;
              totals[kTaps].of[l] += g.of[l];
            }
            accumulate(totals[kTaps + 1], g, values[0][i]);
          }
          store(p.da + start(s, t - kHalf, clip, h, s.height, s.width) + w * s.channels + c, g);
        }
      }
    }
  }
  sum_rows(totals, active, s.channels, p.parts + static_cast<long long>(blockIdx.x) * (kTaps + 2) * s.channels + c);
}

// Adds up the parts of `backward`. Grid: groups of kWidest values; a row of threads takes every kRows-th block.
__device__ inline void sum(const Sum& p) {
  __shared__ double rows[kRows][kWidest];
  const int x = threadIdx.x, y = threadIdx.y, i = blockIdx.x * kWidest + x, size = p.filter + p.sums;
  double total = 0;
  for (int block = y; i < size && block < p.blocks; block += kRows)
    total += p.parts[static_cast<long long>(block) * size + i];
  rows[y][x] = total;
  __syncthreads();
  if (y != 0 || i >= size) return;
  for (int row = 1; row < kRows; ++row) total += rows[row][x];
  (i < p.filter ? p.dfilter[i] : p.dsums[i - p.filter]) = static_cast<float>(total);
}

}  // namespace card
}  // namespace x3d

#ifdef X3D_TAPS
extern "C" {
__global__ void __launch_bounds__(x3d::card::kRows* x3d::card::kWidest) forward(x3d::card::Forward p) {
  x3d::card::forward<X3D_TAPS, X3D_SIDE, X3D_STRIDE, X3D_LANES>(p);
}
__global__ void __launch_bounds__(x3d::card::kRows* x3d::card::kWidest) backward(x3d::card::Backward p) {
  x3d::card::backward<X3D_TAPS, X3D_SIDE, X3D_STRIDE, X3D_LANES>(p);
}
__global__ void __launch_bounds__(x3d::card::kRows* x3d::card::kWidest) moments(x3d::card::Moments p) {
  x3d::card::moments(p);
}
__global__ void __launch_bounds__(x3d::card::kRows* x3d::card::kWidest) sum(x3d::card::Sum p) { x3d::card::sum(p); }
}
#endif
