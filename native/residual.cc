// The end of a block, relu(norm(c) + shortcut), where the shortcut is empty (after the stem), the block's input, or a
// convolution with or without its norm; and its gradient with the sums that both norms' gradients need.
#include <algorithm>

#include "kernel.h"
#include "moments.h"
#include "threads.h"

namespace x3d {
namespace {

constexpr int64_t kTileRows = 256;

}  // namespace

template <>
void compute(Call<Residual>& call) {
  using Op = Residual;
  const Tensor &c = call.input(Op::c), &moments = call.input(Op::moments), &scale = call.input(Op::scale),
               &shift = call.input(Op::shift), &shortcut = call.input(Op::shortcut),
               &shortcutMoments = call.input(Op::moments_s), &shortcutScale = call.input(Op::scale_s),
               &shortcutShift = call.input(Op::shift_s);
  const int64_t channels = c.dim(4), rows = c.size() / channels;
  const Tensor y = call.output(Op::y);
  const Affine norm = normalise(moments.data(), scale.data(), shift.data(), channels);
  const Affine other = shortcutMoments.present() ? normalise(shortcutMoments.data(), shortcutScale.data(),
                                                             shortcutShift.data(), channels)
                                                 : Affine(0);
  parallel_units((rows + kTileRows - 1) / kTileRows, [&](int64_t tile) {
    const int64_t last = std::min(rows, (tile + 1) * kTileRows);
    for (int64_t i = tile * kTileRows; i < last; ++i)
      for (int64_t k = 0; k < channels; k += kLanes) {
        const int64_t n = channels - k, at = i * channels + k;
        Vec v = load(c.data() + at, n) * load(&norm.factor[size_t(k)]) + load(&norm.offset[size_t(k)]);
        if (shortcutMoments.present())
          v += load(shortcut.data() + at, n) * load(&other.factor[size_t(k)]) + load(&other.offset[size_t(k)]);
        else if (shortcut.present())
          v += load(shortcut.data() + at, n);
        store(y.data() + at, relu(v), n);
      }
  });
}

template <>
void compute(Call<ResidualGrad>& call) {
  using Op = ResidualGrad;
  const Tensor dz = call.output_over(Op::dz, Op::gradient);
  const Tensor &gradient = call.input(Op::gradient), &y = call.input(Op::y), &c = call.input(Op::c),
               &moments = call.input(Op::moments), &shortcut = call.input(Op::shortcut),
               &shortcutMoments = call.input(Op::moments_s);
  const int64_t channels = c.dim(4), rows = c.size() / channels, row = padded(channels);
  const Tensor sums = call.output(Op::sums), shortcutSums = call.output(Op::sums_s);
  const bool both = shortcutMoments.present();
  const Affine norm = standardise(moments.data(), channels);
  const Affine other = both ? standardise(shortcutMoments.data(), channels) : Affine(0);
  const int64_t tiles = (rows + kTileRows - 1) / kTileRows;
  float* parts = Scratch::take(0, tiles * 3 * row);
  parallel_units(tiles, [&](int64_t tile) {
    const int64_t last = std::min(rows, (tile + 1) * kTileRows);
    float* part = parts + tile * 3 * row;
    for (int64_t k = 0; k < channels; k += kLanes) {
      const int64_t n = channels - k;
      Vec sum = {}, across = {}, shortcutAcross = {};
      for (int64_t i = tile * kTileRows; i < last; ++i) {
        const int64_t at = i * channels + k;
        const Vec g = where_positive(load(y.data() + at, n), load(gradient.data() + at, n));
        store(dz.data() + at, g, n);
        sum += g;
        across += g * (load(c.data() + at, n) * load(&norm.factor[size_t(k)]) + load(&norm.offset[size_t(k)]));
        if (both)
          shortcutAcross +=
              g * (load(shortcut.data() + at, n) * load(&other.factor[size_t(k)]) + load(&other.offset[size_t(k)]));
      }
      store(part + k, sum);
      store(part + row + k, across);
      store(part + 2 * row + k, shortcutAcross);
    }
  });
  for (int64_t k = 0; k < channels; ++k) {
    double total[3] = {0, 0, 0};
    for (int64_t tile = 0; tile < tiles; ++tile)
      for (int s = 0; s < 3; ++s) total[s] += double(parts[(tile * 3 + s) * row + k]);
    sums.data()[k] = shortcutSums.data()[k] = float(total[0]);
    sums.data()[channels + k] = float(total[1]);
    shortcutSums.data()[channels + k] = float(total[2]);
  }
}

template <>
void compute(Call<Pooled>& call) {
  using Op = Pooled;
  const Tensor &e = call.input(Op::e), &moments = call.input(Op::moments), &scale = call.input(Op::scale),
               &shift = call.input(Op::shift);
  const int64_t frames = e.dim(0), clips = e.dim(1), area = e.dim(2) * e.dim(3), channels = e.dim(4);
  const Tensor mean = call.output(Op::mean);
  const Affine norm = normalise(moments.data(), scale.data(), shift.data(), channels);
  parallel_units(clips, [&](int64_t clip) {
    for (int64_t k = 0; k < channels; k += kLanes) {
      const int64_t n = channels - k;
      Vec sum = {};
      for (int64_t t = 0; t < frames; ++t)
        for (int64_t i = 0; i < area; ++i)
          sum += relu(load(e.data() + ((t * clips + clip) * area + i) * channels + k, n) *
                          load(&norm.factor[size_t(k)]) +
                      load(&norm.offset[size_t(k)]));
      store(mean.data() + clip * channels + k, sum / float(frames * area), n);
    }
  });
}

template <>
void compute(Call<PooledGrad>& call) {
  using Op = PooledGrad;
  const Tensor &gradient = call.input(Op::gradient), &e = call.input(Op::e), &moments = call.input(Op::moments),
               &scale = call.input(Op::scale), &shift = call.input(Op::shift);
  const int64_t frames = e.dim(0), clips = e.dim(1), area = e.dim(2) * e.dim(3), channels = e.dim(4);
  const int64_t row = padded(channels);
  const Tensor out = call.output(Op::de), sums = call.output(Op::sums);
  const Affine norm = normalise(moments.data(), scale.data(), shift.data(), channels);
  const Affine standard = standardise(moments.data(), channels);
  float* parts = Scratch::take(0, clips * 2 * row);
  parallel_units(clips, [&](int64_t clip) {
    for (int64_t k = 0; k < channels; k += kLanes) {
      const int64_t n = channels - k;
      const Vec g = load(gradient.data() + clip * channels + k, n) / float(frames * area);
      Vec sum = {}, across = {};
      for (int64_t t = 0; t < frames; ++t)
        for (int64_t i = 0; i < area; ++i) {
          const int64_t at = ((t * clips + clip) * area + i) * channels + k;
          const Vec x = load(e.data() + at, n);
          const Vec d = where_positive(x * load(&norm.factor[size_t(k)]) + load(&norm.offset[size_t(k)]), g);
          store(out.data() + at, d, n);
          sum += d;
          across += d * (x * load(&standard.factor[size_t(k)]) + load(&standard.offset[size_t(k)]));
        }
      store(parts + clip * 2 * row + k, sum);
      store(parts + (clip * 2 + 1) * row + k, across);
    }
  });
  for (int64_t s = 0; s < 2; ++s)
    for (int64_t k = 0; k < channels; ++k) {
      double total = 0;
      for (int64_t clip = 0; clip < clips; ++clip) total += double(parts[(clip * 2 + s) * row + k]);
      sums.data()[s * channels + k] = float(total);
    }
}

}  // namespace x3d
