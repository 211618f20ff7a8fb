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

void check_filter(const Tensor& filter, const Tensor& moments, int64_t stride) {
  const bool spatial = filter.dim(1) == 3 && filter.dim(0) == 3 && (stride == 1 || stride == 2);
  const bool temporal = filter.dim(1) == 1 && filter.dim(0) % 2 == 1 && stride == 1 && !moments.present();
  require(spatial || temporal, "X3dChannelwise: the filter is 3x3x3 with stride 1 or 2, or Kx1x1 for odd K on a itself");
}

/// Enters a row of relu(norm(a)), or of a where no norm stands before the convolution.
void fill_activation(const float* a, const Affine* norm, int64_t first, int64_t vectors, int64_t width,
                     int64_t channels, float* to) {
  for (int64_t w = 0; w < width; ++w)
    for (int64_t v = 0; v < vectors; ++v) {
      const int64_t c = first + v * kLanes;
      const Vec x = load(a + w * channels + c, channels - c);
      store(to + (w * vectors + v) * kLanes,
            norm ? relu(x * load(&norm->factor[size_t(c)]) + load(&norm->offset[size_t(c)])) : x);
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
void forward_unit(const Shape& s, int stride, const float* a, const Affine* norm, const float* filter, int64_t clip,
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
  bool rectified;

  /// Through the ReLU, if there is one, out, and into the sums of the norm before it.
  void put(Vec g, int64_t w) const {
    const int64_t n = s.channels - c;
    if (rectified) g = where_positive(load(activation.row(h, t) + (w + 1) * channels + v), g);
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

template <>
void compute(Call<Channelwise>& call) {
  using Op = Channelwise;
  const Tensor &a = call.input(Op::a), &moments = call.input(Op::moments_a), &scale = call.input(Op::scale),
               &shift = call.input(Op::shift), &filter = call.input(Op::filter);
  const int stride = int(call.attribute(Op::stride));
  check_filter(filter, moments, stride);
  const Tensor b = call.output(Op::b), means = call.output(Op::means), outMoments = call.output(Op::moments);
  const Shape s = {a.dim(0), a.dim(1), a.dim(2), a.dim(3), b.dim(2), b.dim(3), a.dim(4)};
  const int64_t row = padded(s.channels), taps = filter.size() / s.channels;
  float* parts = Scratch::take(3, s.clips * 2 * row);
  float* packed = Scratch::take(0, taps * row);
  pad_filter(filter.data(), taps, s.channels, packed);
  if (filter.dim(1) == 1) {
    temporal({s.frames, s.clips, s.height * s.width, s.channels, taps}, a.data(), packed, b.data(), parts);
  } else {
    const bool normed = moments.present();
    const Affine norm = normed ? normalise(moments.data(), scale.data(), shift.data(), s.channels) : Affine(0);
    const Groups groups = Groups::cut(s.channels, Ring::floats(s.frames, s.width, kLanes), s.clips, threads());
    parallel_units(s.clips * groups.count, [&](int64_t unit) {
      const int64_t clip = unit / groups.count, first = unit % groups.count * groups.vectors;
      forward_unit(s, stride, a.data(), normed ? &norm : nullptr, packed, clip, first * kLanes,
                   std::min(groups.vectors, row / kLanes - first), b.data(), parts + clip * 2 * row);
    });
  }
  if (!call.attribute(Op::statistics)) return;
  for (int64_t clip = 0; clip < s.clips; ++clip)
    std::memcpy(means.data() + clip * s.channels, parts + clip * 2 * row, size_t(s.channels) * 4);
  combine(parts, std::vector<int64_t>(size_t(s.clips), s.frames * s.outHeight * s.outWidth), s.channels,
          outMoments.data());
}

template <>
void compute(Call<ChannelwiseGrad>& call) {
  using Op = ChannelwiseGrad;
  const int stride = int(call.attribute(Op::stride));
  // A row of the gradient is written after the rows of du that it needs were read into the ring.
  const Tensor da = stride == 1 ? call.output_over(Op::da, Op::du) : call.output(Op::da);
  const Tensor &du = call.input(Op::du), &b = call.input(Op::b), &coefficients = call.input(Op::coefficients),
               &a = call.input(Op::a), &moments = call.input(Op::moments_a), &scale = call.input(Op::scale),
               &shift = call.input(Op::shift), &filter = call.input(Op::filter);
  check_filter(filter, moments, stride);
  const Shape s = {a.dim(0), a.dim(1), a.dim(2), a.dim(3), du.dim(2), du.dim(3), a.dim(4)};
  const Tensor dfilter = call.output(Op::dfilter), sums = call.output(Op::sums);
  const int64_t row = padded(s.channels), taps = filter.size() / s.channels;
  float* packed = Scratch::take(0, taps * row);
  pad_filter(filter.data(), taps, s.channels, packed);
  // By clip: the filter's gradient and two sums.
  const int64_t part = (taps + 2) * row;
  float* parts = Scratch::take(3, s.clips * part);
  std::memset(parts, 0, size_t(s.clips * part) * 4);
  float* padded = Scratch::take(4, s.clips * 3 * row);
  const float* raw = coefficients.present() ? b.data() : nullptr;
  for (int64_t clip = 0; clip < (raw ? s.clips : 0); ++clip)
    pad_filter(coefficients.data() + (coefficients.dim(0) == 1 ? 0 : clip) * 3 * s.channels, 3, s.channels,
               padded + clip * 3 * row);
  if (filter.dim(1) == 1) {
    temporal_gradient({s.frames, s.clips, s.height * s.width, s.channels, taps}, du.data(), raw, padded, a.data(),
                      packed, da.data(), parts, part);
  } else {
    const bool normed = moments.present();
    const Affine norm = normed ? normalise(moments.data(), scale.data(), shift.data(), s.channels) : Affine(0);
    const Affine standard = normed ? standardise(moments.data(), s.channels) : Affine(s.channels);
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
          fill_activation(a.data() + s.input(t, clip, in), normed ? &norm : nullptr, c0, vectors, s.width, s.channels, to);
        });
        gradient.advance(std::min(s.outHeight - 1, h + 1), [&](int64_t in, int64_t t, float* to) {
          const int64_t at = s.output(t, clip, in);
          for (int64_t w = 0; w < s.outWidth; ++w)
            for (int64_t v = 0; v < channels; v += kLanes) {
              const int64_t from = at + w * s.channels + c0 + v, n = s.channels - c0 - v;
              const Vec g = load(du.data() + from, n);
              store(to + w * channels + v,
                    raw ? g * load(p + v) + load(p + row + v) + load(raw + from, n) * load(p + 2 * row + v) : g);
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
                                     sum, across, normed};
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
