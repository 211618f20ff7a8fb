// Channelwise 3x3x3 convolutions (stride 1 or 2 in space, zero padding 1) over relu(norm(a)), all taps in one pass:
// the raw input is read once, the raw output written once, its statistics by clip and in all come along.
#include <algorithm>

#include "kernel.h"
#include "moments.h"
#include "ring.h"
#include "temporal.h"
#include "threads.h"

namespace x3d {
namespace {

struct Shape {
  int64_t frames, clips, height, width, outHeight, outWidth, channels;
  int64_t input(int64_t t, int64_t n, int64_t h) const {
    return ((t * clips + n) * height + h) * width * channels;
  }
  int64_t output(int64_t t, int64_t n, int64_t h) const {
    return ((t * clips + n) * outHeight + h) * outWidth * channels;
  }
};

/// Taps of one dimension that fall on [0, size): [first, last).
struct Taps {
  int first, last;
  static Taps within(int64_t centre, int64_t size) {
    return {centre > 0 ? 0 : 1, centre + 1 < size ? 3 : 2};
  }
};

/// `Block` outputs next to each other, one vector of channels.
template <int Block, int Stride>
inline void outputs(const Ring& ring, const float* filter, int64_t row, int64_t channels, Taps time, Taps vertical,
                    int64_t t, int64_t h, int64_t w, int64_t v, Vec (&sums)[Block]) {
#pragma GCC unroll 8
  for (int j = 0; j < Block; ++j) sums[j] = Vec{};
  for (int kt = time.first; kt < time.last; ++kt)
    for (int kh = vertical.first; kh < vertical.last; ++kh) {
      const float* in = ring.row(h * Stride + kh - 1, t + kt - 1) + w * Stride * channels + v;
      const float* f = filter + (kt * 3 + kh) * 3 * row + v;
      const Vec f0 = load(f), f1 = load(f + row), f2 = load(f + 2 * row);
#pragma GCC unroll 8
      for (int j = 0; j < Block; ++j) {
        const float* at = in + j * Stride * channels;
        sums[j] += load(at) * f0;
        sums[j] += load(at + channels) * f1;
        sums[j] += load(at + 2 * channels) * f2;
      }
    }
}

/// Gradients of `Block` inputs next to each other, stride 1: the same sums with the filter turned round.
template <int Block>
inline void gradients(const Ring& ring, const float* filter, int64_t row, int64_t channels, Taps time, Taps vertical,
                      int64_t t, int64_t h, int64_t w, int64_t v, Vec (&sums)[Block]) {
#pragma GCC unroll 8
  for (int j = 0; j < Block; ++j) sums[j] = Vec{};
  for (int kt = time.first; kt < time.last; ++kt)
    for (int kh = vertical.first; kh < vertical.last; ++kh) {
      const float* in = ring.row(h + kh - 1, t + kt - 1) + w * channels + v;
      const float* f = filter + ((2 - kt) * 3 + 2 - kh) * 3 * row + v;
      const Vec f0 = load(f), f1 = load(f + row), f2 = load(f + 2 * row);
#pragma GCC unroll 8
      for (int j = 0; j < Block; ++j) {
        const float* at = in + j * channels;
        sums[j] += load(at) * f2;
        sums[j] += load(at + channels) * f1;
        sums[j] += load(at + 2 * channels) * f0;
      }
    }
}

/// Gradients of `Block` pairs of inputs (2 w, 2 w + 1), stride 2, in row h.
template <int Block>
inline void strided_gradients(const Ring& ring, const float* filter, int64_t row, int64_t channels, Taps time,
                              int64_t outHeight, int64_t t, int64_t h, int64_t w, int64_t v, Vec (&sums)[2 * Block]) {
#pragma GCC unroll 8
  for (int j = 0; j < 2 * Block; ++j) sums[j] = Vec{};
  for (int kt = time.first; kt < time.last; ++kt)
    // Row h was read by output row (h + 1 - kh) / 2 with tap kh, where that is whole.
    for (int kh = h % 2 ? 0 : 1; kh < 3; kh += 2) {
      const int64_t out = (h + 1 - kh) / 2;
      if (out >= outHeight) continue;
      const float* in = ring.row(out, t + kt - 1) + (w + 1) * channels + v;
      const float* f = filter + ((2 - kt) * 3 + kh) * 3 * row + v;
      const Vec f0 = load(f), f1 = load(f + row), f2 = load(f + 2 * row);
#pragma GCC unroll 8
      for (int j = 0; j < Block; ++j) {
        const Vec d = load(in + j * channels);
        sums[2 * j] += d * f1;
        sums[2 * j + 1] += d * f2;
        sums[2 * j + 1] += load(in + (j + 1) * channels) * f0;
      }
    }
}

/// body.operator()<Block>(w) over [0, width) in blocks of up to `Most`.
template <int Most, class Body>
inline void in_blocks(int64_t width, const Body& body) {
  int64_t w = 0;
  for (; w + Most <= width; w += Most) body.template run<Most>(w);
  if constexpr (Most > 4)
    for (; w + 4 <= width; w += 4) body.template run<4>(w);
  if constexpr (Most > 2)
    for (; w + 2 <= width; w += 2) body.template run<2>(w);
  for (; w < width; ++w) body.template run<1>(w);
}

/// Enters a row of relu(norm(a)), or of a where no norm stands before the convolution.
void fill_activation(const float* a, const Affine& norm, int64_t first, int64_t vectors, int64_t width,
                     int64_t channels, float* to) {
  for (int64_t w = 0; w < width; ++w)
    for (int64_t v = 0; v < vectors; ++v) {
      const int64_t c = first + v * kLanes;
      const Vec x = load(a + w * channels + c, channels - c);
      store(to + (w * vectors + v) * kLanes, relu(x * load(&norm.factor[size_t(c)]) + load(&norm.offset[size_t(c)])));
    }
}

struct Forward {
  const Ring& ring;
  const float* filter;
  const Shape& s;
  float* out;
  float* shift;
  int64_t row, channels, v, c, t, h;
  Taps time, vertical;
  Vec& sum;
  Vec& squares;
  int stride;

  template <int Block>
  void run(int64_t w) const {
    Vec sums[Block];
    if (stride == 1)
      outputs<Block, 1>(ring, filter, row, channels, time, vertical, t, h, w, v, sums);
    else
      outputs<Block, 2>(ring, filter, row, channels, time, vertical, t, h, w, v, sums);
    if (t == 0 && h == 0 && w == 0) store(shift + v, sums[0]);
    const Vec around = load(shift + v);
#pragma GCC unroll 8
    for (int j = 0; j < Block; ++j) {
      store(out + (w + j) * s.channels + c, sums[j], s.channels - c);
      const Vec d = sums[j] - around;
      sum += d;
      squares += d * d;
    }
  }
};

/// One clip, `vectors` vectors of channels from `first` on; `statistics` [2][padded]: mean, sum of squared deviations.
void forward_unit(const Shape& s, int stride, const float* a, const Affine& norm, const float* filter, int64_t clip,
                  int64_t first, int64_t vectors, float* b, float* statistics) {
  const int64_t channels = vectors * kLanes, row = padded(s.channels);
  Ring ring(Scratch::take(1, Ring::floats(s.frames, s.width, channels)), s.frames, s.width, channels);
  std::vector<double> sums(size_t(2 * channels), 0.0);
  float* shift = Scratch::take(2, channels);
  for (int64_t h = 0; h < s.outHeight; ++h) {
    ring.advance(std::min(s.height - 1, h * stride + 1), [&](int64_t in, int64_t t, float* to) {
      fill_activation(a + s.input(t, clip, in), norm, first, vectors, s.width, s.channels, to);
    });
    for (int64_t v = 0; v < channels; v += kLanes) {
      Vec sum = {}, squares = {};
      for (int64_t t = 0; t < s.frames; ++t)
        in_blocks<8>(s.outWidth,
                     Forward{ring, filter + first, s, b + s.output(t, clip, h), shift, row, channels, v, first + v, t, h,
                             Taps::within(t, s.frames), Taps::within(h * stride, s.height), sum, squares, stride});
      for (int l = 0; l < kLanes; ++l) {
        sums[size_t(v + l)] += double(sum[l]);
        sums[size_t(channels + v + l)] += double(squares[l]);
      }
    }
  }
  const double n = double(s.frames * s.outHeight * s.outWidth);
  for (int64_t c = 0; c < channels; ++c) {
    const double sum = sums[size_t(c)];
    statistics[first + c] = float(double(shift[c]) + sum / n);
    statistics[row + first + c] = float(sums[size_t(channels + c)] - sum * sum / n);
  }
}

struct Backward {
  const Ring& activation;
  const Ring& gradient;
  const float* filter;
  const Shape& s;
  const float* a;
  float* out;
  int64_t row, channels, v, c, t, h;
  Vec factor, offset;
  Vec& sum;
  Vec& across;

  /// Through the ReLU, out, and into the sums of the norm before it.
  void put(Vec g, int64_t w) const {
    const int64_t n = s.channels - c;
    g = where_positive(load(activation.row(h, t) + (w + 1) * channels + v), g);
    store(out + w * s.channels + c, g, n);
    sum += g;
    across += g * (load(a + w * s.channels + c, n) * factor + offset);
  }
};

struct BackwardDense : Backward {
  template <int Block>
  void run(int64_t w) const {
    Vec sums[Block];
    gradients<Block>(gradient, filter, row, channels, Taps::within(t, s.frames), Taps::within(h, s.outHeight), t, h, w,
                     v, sums);
#pragma GCC unroll 8
    for (int j = 0; j < Block; ++j) put(sums[j], w + j);
  }
};

struct BackwardStrided : Backward {
  template <int Block>
  void run(int64_t w) const {
    Vec sums[2 * Block];
    strided_gradients<Block>(gradient, filter, row, channels, Taps::within(t, s.frames), s.outHeight, t, h, w, v, sums);
#pragma GCC unroll 8
    for (int j = 0; j < 2 * Block; ++j)
      if (2 * w + j < s.width) put(sums[j], 2 * w + j);
  }
};

/// Adds output row h's part of the filter's gradient, [27][row].
void filter_row(const Ring& activation, const Ring& gradient, const Shape& s, int stride, int64_t h, int64_t channels,
                int64_t row, float* filter) {
  const Taps vertical = Taps::within(h * stride, s.height);
  for (int64_t t = 0; t < s.frames; ++t) {
    const Taps time = Taps::within(t, s.frames);
    for (int64_t v = 0; v < channels; v += kLanes) {
      const float* d = gradient.row(h, t) + channels + v;
      for (int kt = time.first; kt < time.last; ++kt) {
        const float* in[3];
        for (int kh = 0; kh < 3; ++kh)
          in[kh] = (kh >= vertical.first && kh < vertical.last
                        ? activation.row(h * stride + kh - 1, t + kt - 1)
                        : activation.row(h * stride, t + kt - 1)) + v;
        Vec sums[9] = {};
        for (int64_t w = 0; w < s.outWidth; ++w) {
          const Vec g = load(d + w * channels);
#pragma GCC unroll 9
          for (int k = 0; k < 9; ++k) sums[k] += g * load(in[k / 3] + (w * stride + k % 3) * channels);
        }
        for (int k = vertical.first * 3; k < vertical.last * 3; ++k) {
          float* to = filter + (kt * 9 + k) * row + v;
          store(to, load(to) + sums[k]);
        }
      }
    }
  }
}

}  // namespace

// a [T, N, H, W, C], its moments, scale, shift, filter [3, 3, 3, C] -> b, means by clip [N, C], moments [2, C]; or,
// without moments, a temporal filter [K, 1, 1, C] on a itself. Attribute: stride.
void channelwise(Call& call) {
  const Tensor a = call.input(0), moments = call.input(1), scale = call.input(2), shift = call.input(3),
               filter = call.input(4);
  const int stride = int(call.attribute(0));
  const Shape s = {a.dim(0), a.dim(1), a.dim(2), a.dim(3), (a.dim(2) + stride - 1) / stride,
                   (a.dim(3) + stride - 1) / stride, a.dim(4)};
  require(stride == 1 || stride == 2, "X3dChannelwise: the stride is neither 1 nor 2");
  const Tensor b = call.output(0, {s.frames, s.clips, s.outHeight, s.outWidth, s.channels});
  const Tensor means = call.output(1, {s.clips, s.channels}), outMoments = call.output(2, {2, s.channels});
  const int64_t row = padded(s.channels), taps = filter.size() / s.channels;
  float* parts = Scratch::take(3, s.clips * 2 * row);
  float* packed = Scratch::take(0, taps * row);
  pad_filter(filter.data(), taps, s.channels, packed);
  if (!moments.present()) {
    temporal({s.frames, s.clips, s.height * s.width, s.channels, taps}, a.data(), packed, b.data(), parts);
  } else {
    const Affine norm = normalise(moments.data(), scale.data(), shift.data(), s.channels);
    const Groups groups = Groups::cut(s.channels, Ring::floats(s.frames, s.width, kLanes), s.clips, threads());
    parallel_units(s.clips * groups.count, [&](int64_t unit) {
      const int64_t clip = unit / groups.count, first = unit % groups.count * groups.vectors;
      forward_unit(s, stride, a.data(), norm, packed, clip, first * kLanes,
                   std::min(groups.vectors, row / kLanes - first), b.data(), parts + clip * 2 * row);
    });
  }
  for (int64_t clip = 0; clip < s.clips; ++clip)
    std::memcpy(means.data() + clip * s.channels, parts + clip * 2 * row, size_t(s.channels) * 4);
  combine(parts, std::vector<int64_t>(size_t(s.clips), s.frames * s.outHeight * s.outWidth), s.channels,
          outMoments.data());
}

// du [T, N, H', W', C], b, coefficients [N or 1, 3, C] (b's gradient is du * p + b * r + q), a, its moments, scale,
// shift, filter -> gradient before the ReLU of a, the filter's gradient, sums [2, C] for a's norm. Attribute: stride.
void channelwise_grad(Call& call) {
  const Tensor a = call.input(3), b = call.input(1);
  const int stride = int(call.attribute(0));
  const Shape s = {a.dim(0), a.dim(1), a.dim(2), a.dim(3), b.dim(2), b.dim(3), a.dim(4)};
  // A row of the gradient is written after the rows of du that it needs were read into the ring.
  const Tensor da = stride == 1 ? call.output_over(0, 0, a.dims()) : call.output(0, a.dims());
  const Tensor du = call.input(0), coefficients = call.input(2), moments = call.input(4), scale = call.input(5),
               shift = call.input(6), filter = call.input(7);
  const Tensor dfilter = call.output(1, filter.dims()), sums = call.output(2, {2, s.channels});
  const int64_t row = padded(s.channels), taps = filter.size() / s.channels;
  float* packed = Scratch::take(0, taps * row);
  pad_filter(filter.data(), taps, s.channels, packed);
  // By clip: the filter's gradient and two sums.
  const int64_t part = (taps + 2) * row;
  float* parts = Scratch::take(3, s.clips * part);
  std::memset(parts, 0, size_t(s.clips * part) * 4);
  float* padded = Scratch::take(4, s.clips * 3 * row);
  for (int64_t clip = 0; clip < s.clips; ++clip)
    pad_filter(coefficients.data() + (coefficients.dim(0) == 1 ? 0 : clip) * 3 * s.channels, 3, s.channels,
               padded + clip * 3 * row);
  if (!moments.present()) {
    temporal_gradient({s.frames, s.clips, s.height * s.width, s.channels, taps}, du.data(), b.data(), padded, a.data(),
                      packed, da.data(), parts, part);
  } else {
    const Affine norm = normalise(moments.data(), scale.data(), shift.data(), s.channels);
    const Affine standard = standardise(moments.data(), s.channels);
    const int64_t inFloats = Ring::floats(s.frames, s.width, kLanes);
    const int64_t outFloats = Ring::floats(s.frames, s.outWidth, kLanes);
    const Groups groups = Groups::cut(s.channels, inFloats + outFloats, s.clips, threads());
    parallel_units(s.clips * groups.count, [&](int64_t unit) {
      const int64_t clip = unit / groups.count, first = unit % groups.count * groups.vectors;
      const int64_t vectors = std::min(groups.vectors, row / kLanes - first), channels = vectors * kLanes;
      const int64_t c0 = first * kLanes;
      Ring activation(Scratch::take(1, inFloats * vectors), s.frames, s.width, channels);
      Ring gradient(Scratch::take(2, outFloats * vectors), s.frames, s.outWidth, channels);
      const float* p = padded + clip * 3 * row + c0;
      float* mine = parts + clip * part + c0;
      std::vector<double> totals(size_t(2 * channels), 0.0);
      for (int64_t h = 0; h < s.outHeight; ++h) {
        activation.advance(std::min(s.height - 1, h * stride + 1), [&](int64_t in, int64_t t, float* to) {
          fill_activation(a.data() + s.input(t, clip, in), norm, c0, vectors, s.width, s.channels, to);
        });
        gradient.advance(std::min(s.outHeight - 1, h + 1), [&](int64_t in, int64_t t, float* to) {
          const int64_t at = s.output(t, clip, in);
          for (int64_t w = 0; w < s.outWidth; ++w)
            for (int64_t v = 0; v < channels; v += kLanes) {
              const int64_t from = at + w * s.channels + c0 + v, n = s.channels - c0 - v;
              store(to + w * channels + v, load(du.data() + from, n) * load(p + v) + load(p + row + v) +
                                               load(b.data() + from, n) * load(p + 2 * row + v));
            }
        });
        filter_row(activation, gradient, s, stride, h, channels, row, mine);
        for (int64_t in = h * stride; in < std::min(s.height, (h + 1) * stride); ++in)
          for (int64_t v = 0; v < channels; v += kLanes) {
            Vec sum = {}, across = {};
            const size_t c = size_t(c0 + v);
            for (int64_t t = 0; t < s.frames; ++t) {
              const int64_t at = s.input(t, clip, in);
              const Backward step = {activation, gradient, packed + c0, s, a.data() + at, da.data() + at, row,
                                     channels, v, c0 + v, t, in, load(&standard.factor[c]), load(&standard.offset[c]),
                                     sum, across};
              if (stride == 1)
                in_blocks<8>(s.width, BackwardDense{step});
              else
                in_blocks<4>(s.outWidth, BackwardStrided{step});
            }
            for (int l = 0; l < kLanes; ++l) {
              totals[size_t(v + l)] += double(sum[l]);
              totals[size_t(channels + v + l)] += double(across[l]);
            }
          }
      }
      for (int64_t c = 0; c < channels; ++c) {
        mine[taps * row + c] = float(totals[size_t(c)]);
        mine[(taps + 1) * row + c] = float(totals[size_t(channels + c)]);
      }
    });
  }
  for (int64_t k = 0; k < taps + 2; ++k)
    for (int64_t c = 0; c < s.channels; ++c) {
      double total = 0;
      for (int64_t clip = 0; clip < s.clips; ++clip) total += double(parts[clip * part + k * row + c]);
      (k < taps ? dfilter.data()[k * s.channels + c] : sums.data()[(k - taps) * s.channels + c]) = float(total);
    }
}

}  // namespace x3d
